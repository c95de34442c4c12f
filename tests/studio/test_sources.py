"""What the pages' own tools say of their sources, with types made from this server's descriptions."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.javascript import runtime

TIMEOUT = 300  # seconds


def test_the_sources_fit_the_server_and_the_style(studio: Path) -> None:
    node, npm = runtime.programs()
    environment = os.environ | {
        "PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}",
        "DAWG_PYTHON": sys.executable,
        "NO_COLOR": "1",
    }
    check = subprocess.run(
        [*npm, "run", "check"], cwd=studio, env=environment, capture_output=True, text=True, timeout=TIMEOUT
    )
    assert check.returncode == 0, check.stdout + check.stderr


def test_the_lock_file_names_no_registry_and_no_package_runs_a_script(studio: Path) -> None:
    lock = (studio / "package-lock.json").read_text()
    assert re.search(r"https?://\S*\.tgz", lock) is None
    assert not any("resolved" in each for each in json.loads(lock)["packages"].values())
    settings = (studio / ".npmrc").read_text().splitlines()
    assert {"ignore-scripts=true", "omit-lockfile-registry-resolved=true"} <= set(settings)
