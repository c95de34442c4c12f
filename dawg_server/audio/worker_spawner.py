"""Where worker processes come from: one process, started with the first of them, imports what they run and forks them.

A fork costs a few milliseconds and shares the memory of what is imported; a Python that imports numpy and the codecs
costs a hundred times as much. It belongs to this process, not to an event loop, and ends when it has had no worker for
a minute.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import pathlib
import pickle
import socket
import subprocess
import sys
from dataclasses import dataclass

_ENVIRONMENT = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
    "SOUND_DIR",
)  # no keys
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_LARGE_BLOCKS = {  # glibc gives arrays back to the system and gets them anew, cleared, unless it is told to keep them
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20),
}
_PACKAGES = str(pathlib.Path(__file__).parents[2])
_STOP_TIMEOUT = 5.0  # seconds
_TRIES = 3  # it may be about to end when it is asked
# Keeps orders apart; the systems that lack the first kind tell the end of the other one by an error.
_CONTROL = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_DGRAM
_LONGEST = 16  # bytes of a number on a lifeline


@dataclass(frozen=True, slots=True)
class WorkerOrder:
    """What the spawner is asked for, pickled, with three sockets: for messages, for the log, and the lifeline."""

    root: str
    memory_mb: int
    module: str  # imported before the fork, so that it is there for all that follow


class Lifeline:
    """Tells a worker's process id and, when it has ended, its status; kills it."""

    def __init__(self, line: socket.socket, pid: int) -> None:
        self._line = line
        self.pid = pid

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self._line.send(b"k")

    async def status(self) -> int | None:
        """Waits for the end: as of subprocess.Popen.returncode. None when the spawner has ended as well."""
        found = await asyncio.get_running_loop().sock_recv(self._line, _LONGEST)
        return int(found) if found else None

    def close(self) -> None:
        """Kills what still runs."""
        self._line.close()


@dataclass(frozen=True, slots=True)
class SpawnedWorker:
    messages: socket.socket
    log: socket.socket  # what it prints
    lifeline: Lifeline


async def spawn(root: str, memory_mb: int, module: str) -> SpawnedWorker:
    """A new worker, once it is there. Raises OSError when there is none to be had."""
    order = pickle.dumps(WorkerOrder(root, memory_mb, module))
    for _ in range(_TRIES):
        with contextlib.ExitStack() as undo:
            ours, theirs = zip(*(socket.socketpair() for _ in range(3)), strict=True)
            for each in ours:
                undo.callback(each.close)
                each.setblocking(False)
            _the_spawner.order(order, theirs)
            try:
                pid = await asyncio.get_running_loop().sock_recv(ours[2], _LONGEST)
            except ConnectionError:
                pid = b""
            if pid:
                undo.pop_all()
                return SpawnedWorker(ours[0], ours[1], Lifeline(ours[2], int(pid)))
    raise OSError("The process that starts workers ends before it has started one.")


class _Spawner:
    """The process, from the server's side."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def order(self, order: bytes, sockets: tuple[socket.socket, ...]) -> None:
        """Asks for a worker, which gets these sockets."""
        try:
            if self._control is None or not self._sent(order, sockets):
                self._end()
                self._start()
                self._sent(order, sockets)
        finally:
            for each in sockets:
                each.close()

    def _sent(self, order: bytes, sockets: tuple[socket.socket, ...]) -> bool:
        assert self._control is not None
        try:
            socket.send_fds(self._control, [order], [each.fileno() for each in sockets])
        except OSError:
            return False
        return True

    def _start(self) -> None:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self._control, theirs = socket.socketpair(type=_CONTROL)
        self._control.setblocking(False)
        with theirs:
            self._process = subprocess.Popen(
                (sys.executable, "-P", "-X", "faulthandler", "-m", "dawg_server.audio.worker_main"),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={**environment, **_ONE_THREAD, **_LARGE_BLOCKS, "PYTHONPATH": _PACKAGES},
                start_new_session=True,
            )

    def _end(self) -> None:
        """It kills its workers, if there are any, and ends."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(_STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._control = self._process = None


_the_spawner = _Spawner()
atexit.register(_the_spawner._end)
