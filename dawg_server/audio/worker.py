"""One worker process, from the server's side."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import pickle
from collections.abc import Callable
from typing import Any

import orjson

from dawg_server import errors, logs
from dawg_server.audio import worker_messages as messages
from dawg_server.audio.worker_spawner import Lifeline, spawn

log = logs.get("main")

Reporter = Callable[..., None]
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_MAX_LINE = 2000  # characters of one log line of a worker
_MAX_LINES = 100  # log lines per task; a decoder can complain about every packet


class WorkerCrashed(errors.DawgError):
    """The process that worked on this has crashed. The file may be damaged."""


class WorkerOutOfMemory(errors.DawgError):
    """This needs more memory than one task may use."""


class Worker:
    """Runs one task at a time. The task `attending` ends when the process is gone and its sockets are closed."""

    def __init__(self, lifeline: Lifeline, messages: Stream, log: Stream) -> None:
        self._lifeline = lifeline
        self._replies, self._tasks = messages
        self._log = log
        self._answer: asyncio.Future[Any] | None = None
        self._report: Reporter | None = None
        self._context = contextvars.Context()
        self._lines = 0
        self._usable = True
        # Their own context: a worker outlives the request in whose name it was started.
        self.attending = asyncio.create_task(
            self._attend(), name=f"audio-worker-{lifeline.pid}", context=contextvars.Context()
        )

    @classmethod
    async def start(cls, root: str, memory_mb: int, module: str) -> Worker:
        """`module`: where its first function is. Raises WorkerCrashed when no process can be started."""
        try:
            spawned = await spawn(root, memory_mb, module)
        except OSError as error:
            log.error("No worker process can be started.", action="audio_worker_not_started", error=str(error))
            raise WorkerCrashed("No worker process can be started.") from error
        with contextlib.ExitStack() as undo:
            for each in (spawned.messages, spawned.log, spawned.lifeline):
                undo.callback(each.close)
            streams = [await asyncio.open_unix_connection(sock=each) for each in (spawned.messages, spawned.log)]
            undo.pop_all()
        log.debug("A worker process has started.", action="audio_worker_started", pid=spawned.lifeline.pid)
        return cls(spawned.lifeline, streams[0], streams[1])

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
            with contextlib.suppress(ConnectionError):  # then the crash is told by the answer
                self._tasks.write(task)
                await self._tasks.drain()
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
        with contextlib.suppress(OSError, RuntimeError):  # it has ended
            self._tasks.write_eof()

    def kill(self) -> None:
        self._usable = False
        self._lifeline.kill()
        self._tasks.close()

    async def _attend(self) -> None:
        relay = asyncio.create_task(self._relay_log(), name=f"audio-worker-log-{self._lifeline.pid}")
        status: int | None = None
        try:
            await self._read_replies()
            status = await self._lifeline.status()
            await relay
        except asyncio.CancelledError:
            self.kill()
            relay.cancel()
            raise
        finally:
            self._usable = False
            self._lifeline.close()
            for _, writer in ((self._replies, self._tasks), self._log):
                writer.close()
            self._conclude(status)

    async def _read_replies(self) -> None:
        # A process that is killed with a task unread resets the connection.
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (length,) = messages.HEADER.unpack(await self._replies.readexactly(messages.HEADER.size))
                if length > messages.MAX_BYTES:
                    self.kill()
                    break
                self._receive(await self._replies.readexactly(length))

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
            fields = {"action": "audio_worker_crashed", "pid": self._lifeline.pid, "status": status}
            self._context.run(log.error, "A worker process has crashed.", **fields)
            self._answer.set_exception(WorkerCrashed())
        else:
            log.debug("A worker process has ended.", action="audio_worker_ended", pid=self._lifeline.pid, status=status)

    async def _relay_log(self) -> None:
        rest = b""
        while chunk := await self._log[0].read(8192):
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
            log.info(text, action="audio_worker_output", pid=self._lifeline.pid)
            return
        level = str(fields.pop("level", "info"))
        kept = {name: value for name, value in fields.items() if value is not None and name not in _SET_BY_THE_LOG}
        emit = getattr(log, level) if level in ("debug", "info", "warning", "error", "critical") else log.info
        emit(str(fields["message"]), **{"action": "audio_worker_output", **kept}, pid=self._lifeline.pid)


_SET_BY_THE_LOG = ("message", "event", "self", "timestamp", "service", "replica", "request_id", "pid")
