"""A folder for the data of test servers: in memory where there is room, because shared disks can be very slow."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")
ENOUGH = 2**30  # bytes; containers often have no more than 64 MiB
PREFIX = "dawg-tests-"


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Everybody may pass through it, because servers may run as another user. It is removed at the end."""
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH
    base = MEMORY if in_memory else Path(tempfile.gettempdir())
    for left in base.glob(f"{PREFIX}*"):  # by a run that was killed
        if not psutil.pid_exists(int(left.name.split("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=base))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
