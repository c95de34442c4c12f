"""Chromium: one on PATH, or the one that npm brings, which is unpacked once together with the libraries it may need."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

from tests.javascript import runtime

FOLDER = Path(__file__).parent
UNPACKED = FOLDER / "node_modules" / ".chromium"
UNPACK_TIMEOUT = 100  # seconds
FONTS = f"""<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{UNPACKED / "fonts"}</dir><dir>/usr/share/fonts</dir><cachedir>{UNPACKED / "cache"}</cachedir></fontconfig>
"""  # without any font, Chromium shows no text and ends


def prepare() -> tuple[Path, Path, dict[str, str]]:
    """(Node, Chromium, the environment to start them in)."""
    node = runtime.prepare(FOLDER)
    installed = shutil.which("chromium") or shutil.which("google-chrome")
    if installed:
        return node, Path(installed), dict(os.environ)
    with (FOLDER / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not UNPACKED.exists():
            part = UNPACKED.with_name(".chromium.part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            subprocess.run(
                [node, "unpack.mjs"],
                cwd=FOLDER,
                env={**os.environ, "TMPDIR": str(part)},
                check=True,
                timeout=UNPACK_TIMEOUT,
            )
            (part / "fonts.conf").write_text(FONTS)
            part.rename(UNPACKED)
    program = UNPACKED / "chromium"
    environment = {**os.environ, "FONTCONFIG_FILE": str(UNPACKED / "fonts.conf")}
    if "not found" in subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout:
        known = os.environ.get("LD_LIBRARY_PATH")
        libraries = str(UNPACKED / "al2023" / "lib")
        environment["LD_LIBRARY_PATH"] = f"{libraries}:{known}" if known else libraries
    return node, program, environment
