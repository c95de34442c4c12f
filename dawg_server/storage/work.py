"""The folder for files that are being worked on. They are worth nothing once their process is gone."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from pathlib import Path

from dawg_server import errors

_LOCK_FILE = ".lock"


class WorkFolder:
    """`path` belongs to this process alone; `close` removes it.

    A process that is killed cannot remove its folder, so the next one that starts here does: whoever lives holds a lock
    on a file beside its own. (Process ids would not do: in a container every server has the same one.)
    """

    def __init__(self, root: Path, *, keep_free: int = 0) -> None:
        """`keep_free`: bytes of the disk that are left to others, above all to a database beside it."""
        self.keep_free = keep_free
        root = root.resolve()
        root.mkdir(parents=True, exist_ok=True)
        lock = os.open(root / _LOCK_FILE, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)  # nobody judges a folder that is just being made
            _remove_abandoned(root)
            self.path = root / uuid.uuid4().hex[:12]
            self.path.mkdir()
            self._lock = os.open(_lock_of(self.path), os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        finally:
            os.close(lock)

    def require_room(self) -> None:
        """Raises `DependencyUnavailable` when the disk is nearly full."""
        if shutil.disk_usage(self.path).free < self.keep_free:
            raise errors.full_disk("MIN_FREE_MB")

    def new(self) -> Path:
        """A fresh folder inside; whoever asks for it removes it. Raises as `require_room`."""
        self.require_room()
        folder = self.path / uuid.uuid4().hex
        folder.mkdir()
        return folder

    def close(self) -> None:
        _remove(self.path)
        os.close(self._lock)


def _remove_abandoned(root: Path) -> None:
    for folder in root.iterdir():
        if folder.is_dir() and not _is_held(_lock_of(folder)):
            _remove(folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _lock_of(folder).unlink(missing_ok=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _is_held(lock: Path) -> bool:
    try:
        probe = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(probe)
    return False
