"""One worker process, from the server's side."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import pathlib
import pickle
import sys
from collections.abc import Callable
from typing import Any

import orjson

from dawg_server import errors, logs
from dawg_server.audio import worker_messages as messages

log = logs.get("main")

Reporter = Callable[..., None]

_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")  # no keys, no DSN
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_LARGE_BLOCKS = {  # glibc gives arrays back to the system and gets them anew, cleared, unless it is told to keep them
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20),
}
_PACKAGES = str(pathlib.Path(__file__).parents[2])
_MAX_LINE = 2000  # characters of one log line of a worker
_MAX_LINES = 100  # log lines per task; a decoder can complain about every packet


class WorkerCrashed(errors.DawgError):
    """The process that worked on this has crashed. The file may be damaged."""


class WorkerOutOfMemory(errors.DawgError):
    """This needs more memory than one task may use."""


class Worker:
    """Runs one task at a time. The task `attending` ends when the process is gone and its pipes are closed."""

    def __init__(self, process: asyncio.subprocess.Process, root: str) -> None:
        self._process = process
        self._root = root
        self._answer: asyncio.Future[Any] | None = None
        self._report: Reporter | None = None
        self._context = contextvars.Context()
        self._lines = 0
        self._usable = True
        # Their own context: a worker outlives the request in whose name it was started.
        self.attending = asyncio.create_task(
            self._attend(), name=f"audio-worker-{process.pid}", context=contextvars.Context()
        )

    @classmethod
    async def start(cls, root: str, memory_mb: int) -> Worker:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-X", "faulthandler", "-m", "dawg_server.audio.worker_main"),
            *(str(os.getpid()), root, str(memory_mb)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**environment, **_ONE_THREAD, **_LARGE_BLOCKS, "PYTHONPATH": _PACKAGES},
            start_new_session=True,
        )
        log.debug("A worker process has started.", action="audio_worker_started", pid=process.pid)
        return cls(process, root)

    @property
    def usable(self) -> bool:
        """Whether it can take another task."""
        return self._usable and not self.attending.done()

    async def run(self, task: bytes, report: Reporter | None) -> Any:
        """The result of an encoded messages.Task. Whatever ends this early, a cancellation too, ends the process."""
        self._answer = asyncio.get_running_loop().create_future()
        self._report = report
        self._context = contextvars.copy_context()
        self._lines = 0
        try:
            stdin = self._process.stdin
            assert stdin is not None
            with contextlib.suppress(ConnectionError):  # then the crash is told by the answer
                stdin.write(task)
                await stdin.drain()
            reply = await self._answer
        except BaseException:
            self.kill()
            raise
        finally:
            self._answer = self._report = None
        if isinstance(reply, messages.Failed):
            raise messages.raised(reply)
        return reply.value

    def retire(self) -> None:
        """Lets an idle process end by itself."""
        self._usable = False
        if self._process.stdin is not None:
            self._process.stdin.close()

    def kill(self) -> None:
        self._usable = False
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def _attend(self) -> None:
        relay = asyncio.create_task(self._relay_log(), name=f"audio-worker-log-{self._process.pid}")
        status: int | None = None
        try:
            await self._read_replies()
            status = await self._process.wait()
            await relay
        except asyncio.CancelledError:
            self.kill()
            relay.cancel()
            raise
        finally:
            self._usable = False
            self._conclude(status)

    async def _read_replies(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                (length,) = messages.HEADER.unpack(await stdout.readexactly(messages.HEADER.size))
                if length > messages.MAX_BYTES:
                    self.kill()
                    break
                self._receive(await stdout.readexactly(length))
        while await stdout.read(messages.MAX_BYTES):
            """What is left has no reader, but has to be taken for the pipe to close."""

    def _receive(self, payload: bytes) -> None:
        answer = self._answer
        if answer is None or answer.done():
            return
        try:
            reply: messages.Reply = pickle.loads(payload)
            if isinstance(reply, messages.Report):
                if self._report is not None:
                    self._context.run(self._report, *reply.args)
            elif isinstance(reply, messages.OutOfMemory):
                answer.set_exception(WorkerOutOfMemory())
            else:
                answer.set_result(reply)
        except Exception as error:  # of the caller's own `report`, or a result that cannot be read here
            answer.set_exception(error)

    def _conclude(self, status: int | None) -> None:
        if self._answer is not None and not self._answer.done():
            fields = {"action": "audio_worker_crashed", "pid": self._process.pid, "status": status}
            self._context.run(log.error, "A worker process has crashed.", **fields)
            self._answer.set_exception(WorkerCrashed())
        else:
            log.debug("A worker process has ended.", action="audio_worker_ended", pid=self._process.pid, status=status)

    async def _relay_log(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        rest = b""
        while chunk := await stderr.read(8192):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._context.run(self._log_line, line)
            rest = rest[:_MAX_LINE]
        if rest:
            self._context.run(self._log_line, rest)

    def _log_line(self, line: bytes) -> None:
        self._lines += 1
        if not line.strip() or self._lines > _MAX_LINES:
            return
        fields: dict[str, Any] = {}
        with contextlib.suppress(orjson.JSONDecodeError):
            loaded = orjson.loads(line)
            if isinstance(loaded, dict) and "message" in loaded:
                fields = loaded
        if not fields:
            text = line[:_MAX_LINE].decode("utf-8", "replace")
            log.info(text, action="audio_worker_output", pid=self._process.pid)
            return
        level = str(fields.pop("level", "info"))
        kept = {name: value for name, value in fields.items() if value is not None and name not in _SET_BY_THE_LOG}
        emit = getattr(log, level) if level in ("debug", "info", "warning", "error", "critical") else log.info
        emit(str(fields["message"]), **{"action": "audio_worker_output", **kept}, pid=self._process.pid)


_SET_BY_THE_LOG = ("message", "event", "self", "timestamp", "service", "replica", "request_id", "pid")
