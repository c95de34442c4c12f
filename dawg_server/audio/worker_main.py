"""The worker process: `python -m dawg_server.audio.worker_main PARENT_PID ROOT MEMORY_MB`, started by `workers` alone.

Reads tasks from standard input and answers on standard output, which nobody else in the process can reach: what
libraries print goes to standard error, and from there to the server's log.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import io
import os
import pathlib
import pickle
import signal
import sys
import threading
from typing import Any, BinaryIO

from dawg_server.audio import worker_messages as messages

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_NICENESS = 5  # the event loop keeps its core
_OOM_SCORE = 500  # when the machine runs out of memory, a worker goes before the server
_OUT_OF_MEMORY_STATUS = 3


def main(parent: int, root: str, memory_mb: int) -> None:
    _die_with(parent)
    _limit(memory_mb)
    requests, replies = _private_pipes()
    lock = threading.Lock()

    def send(payload: bytes) -> None:
        with lock:
            replies.write(payload)
            replies.flush()

    def report(*args: Any) -> None:
        send(messages.encode(messages.Report(args)))

    while (task := _next(requests)) is not None:
        try:
            answer = messages.encode(messages.WorkerResult(_perform(task, root, report)))
        except MemoryError:
            send(messages.encode(messages.OutOfMemory()))
            sys.exit(_OUT_OF_MEMORY_STATUS)
        except BaseException as error:
            answer = messages.encode(messages.failure(error))
        del task  # its arguments may be large
        send(answer)


def _perform(task: messages.WorkerTask, root: str, report: Any) -> Any:
    module, _, name = task.function.partition(":")
    if module.partition(".")[0] != root or not name.isidentifier():
        raise ValueError(f"{task.function} is not a function of {root}")
    function = getattr(importlib.import_module(module), name)
    if "structlog" in sys.modules:  # only then can the function log at all
        from dawg_server import logs

        logs.configure()
    kwargs = {**task.kwargs, "report": report} if task.reporting else task.kwargs
    return function(*task.args, **kwargs)


def _next(requests: BinaryIO) -> messages.WorkerTask | None:
    header = requests.read(messages.HEADER.size)
    if len(header) < messages.HEADER.size:
        return None
    (length,) = messages.HEADER.unpack(header)
    task: messages.WorkerTask = pickle.loads(requests.read(length))
    return task


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    return requests, replies


def _die_with(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends its workers
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def _limit(memory_mb: int) -> None:
    os.nice(_NICENESS)
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE))
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for limit in (resource.RLIMIT_DATA, resource.RLIMIT_AS):
            # Libraries and the stacks of their threads are mapped, but hardly used: they count in RLIMIT_AS only.
            size = memory_mb * 1024 * 1024 * (1 if limit == resource.RLIMIT_DATA else 2)
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(limit, (size, size))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
