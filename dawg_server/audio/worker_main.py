"""The process that starts workers, and the workers: `python -m dawg_server.audio.worker_main`, run by `worker_spawner`.

Standard input is a socket on which each message is an order, with the sockets of the new worker. A worker is a fork: it
reads tasks from its first socket and answers there, which nobody else in the process can reach; what libraries print
goes to the second, and from there to the server's log.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import io
import os
import pathlib
import pickle
import select
import signal
import socket
import sys
import threading
import traceback
from typing import Any, BinaryIO, NoReturn

from dawg_server.audio import worker_messages as messages
from dawg_server.audio.worker_spawner import WorkerOrder

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_NICENESS = 5  # the event loop keeps its core
_OOM_SCORE = 500  # when the machine runs out of memory, a worker goes before the server
_OUT_OF_MEMORY_STATUS = 3
_IDLE_SECONDS = 60.0  # without a worker
_LONGEST_ORDER = 4096  # bytes
_LIBRARIES = ("soundfile", "soxr")  # imported by functions when they are called


class Spawner:
    """Imports, forks, tells the process ids and statuses of workers on their lifelines, and kills those that something
    is said to there, or whose lifeline is closed."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._lifelines: dict[int, socket.socket] = {}  # by process id
        self._ended, end = socket.socketpair()  # readable when a child has ended
        end.setblocking(False)
        signal.set_wakeup_fd(end.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._inherited = (control, self._ended, end)

    def run(self) -> None:
        """Returns when the server has gone, or needs nothing any more. Workers that are left die with this process."""
        killed: set[int] = set()
        while True:
            lines = {line: pid for pid, line in self._lifelines.items() if pid not in killed}
            ready, _, _ = select.select([self._control, self._ended, *lines], [], [], _IDLE_SECONDS)
            if not ready and not self._lifelines:
                return
            if self._ended in ready:
                self._ended.recv(4096)
                self._tell_ends()
            for pid in [lines[line] for line in ready if line in lines and lines[line] in self._lifelines]:
                killed.add(pid)
                os.kill(pid, signal.SIGKILL)
            killed &= self._lifelines.keys()
            if self._control in ready:
                try:
                    data, descriptors, _, _ = socket.recv_fds(self._control, _LONGEST_ORDER, 3)
                except ConnectionError:
                    return
                if not data:
                    return
                self._fork(pickle.loads(data), [socket.socket(fileno=each) for each in descriptors])

    def _tell_ends(self) -> None:
        for pid in list(self._lifelines):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                line = self._lifelines.pop(pid)
                with line, contextlib.suppress(OSError):
                    line.send(str(os.waitstatus_to_exitcode(status)).encode())

    def _fork(self, order: WorkerOrder, sockets: list[socket.socket]) -> None:
        for name in (order.module, *_LIBRARIES):
            with contextlib.suppress(Exception):  # the worker will say so, where it is heard
                importlib.import_module(name)
        gc.freeze()  # what is shared is not written to
        parent, (requests, log, lifeline) = os.getpid(), sockets
        with requests, log, contextlib.suppress(OSError):  # without a process the lifeline ends, which says it
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for each in (*self._inherited, *self._lifelines.values(), lifeline):
                    each.close()
                _work(parent, order, requests, log)
            self._lifelines[pid] = lifeline
            lifeline.send(str(pid).encode())


def _work(parent: int, order: WorkerOrder, requests: socket.socket, log: socket.socket) -> NoReturn:
    """The life of a worker."""
    status = 1
    try:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        log.close()
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
        _die_with(parent)
        _limit(order.memory_mb)
        _serve(order.root, requests.makefile("rb"), requests.makefile("wb"))
        status = 0
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os._exit(status)


def _serve(root: str, requests: BinaryIO, replies: BinaryIO) -> None:
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


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


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


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends its workers
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    Spawner(control).run()


if __name__ == "__main__":
    main()
