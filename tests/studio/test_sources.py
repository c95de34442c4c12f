"""What the pages' own tools say of their sources, with types made from this server's descriptions."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from studio import build
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


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("v18.20.4", False),
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v21.7.3", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.1.0", True),
    ],
)
def test_a_node_that_vite_does_not_run_on_is_not_used(tmp_path: Path, version: str, enough: bool) -> None:
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\necho {version}\n")
    node.chmod(0o755)
    assert build.is_new_enough(str(node)) is enough


def test_the_lock_file_names_no_registry_and_no_package_runs_a_script(studio: Path) -> None:
    lock = (studio / "package-lock.json").read_text()
    assert re.search(r"https?://\S*\.tgz", lock) is None
    assert not any("resolved" in each for each in json.loads(lock)["packages"].values())
    settings = (studio / ".npmrc").read_text().splitlines()
    assert {"ignore-scripts=true", "omit-lockfile-registry-resolved=true"} <= set(settings)
