"""What clients send: packets in, calls of handlers in the order in which they were sent, and the replies.

- A plain function runs at once, in the reader, without a task.
- A coroutine function runs in the client's one worker task, which stays for the next; whatever arrives meanwhile waits
  its turn, so that the mutations of one client are applied in order. Other clients, and other namespaces of the same
  browser, don't notice.
- A handler registered as `concurrent` starts at once whatever else is running: `cancel` need not wait for what it is
  to cancel, and many of them can run side by side.
- Handlers begin in the order of their events, these ones too: whenever a task was started, the reader lets it take its
  first step before it reads on, so that a `cancel` never overtakes what it cancels.
- Whoever sends faster than it is served for long is answered with `rate_limited`; the reader never waits, so that
  pings and disconnects are never stuck behind a slow handler.
- Nothing new is begun for a client that has not taken half of its budget for outgoing bytes, so that whoever asks for
  several large answers at once gets one after the other. It is given `RELIEF_TIMEOUT` for each.
- When the client leaves, what has begun is finished (its ack goes nowhere), what waits is dropped.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from dawg_server import errors, logs
from dawg_server.wire import now
from handlers.sockets.transport import packets
from handlers.sockets.transport.connection import ClientConnection
from handlers.sockets.transport.manager import Client, ClientGone, ClientState

if TYPE_CHECKING:
    from handlers.sockets.transport.server import Server

log = logs.get("main")

MAX_ATTACHMENTS = 64  # of one packet
MAX_ID_DIGITS = 15  # of an acknowledgement
MAX_WAITING = 1024  # events
MAX_WAITING_BYTES = 1_000_000  # as received
RELIEF_TIMEOUT = 30.0  # seconds
MAX_CONCURRENT = 16  # handlers registered as concurrent, running for one client

Handler = Callable[..., Any]
Running = Coroutine[Any, Any, Any]


class EventHandler:
    """A function and how many positional arguments it needs, and takes; None for any number."""

    def __init__(self, function: Handler, *, concurrent: bool = False) -> None:
        self.function = function
        self.concurrent = concurrent
        parameters = inspect.signature(function).parameters.values()
        positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
        self._least = sum(each.default is each.empty for each in positional)
        open_ended = any(each.kind is each.VAR_POSITIONAL for each in parameters)
        self._most = None if open_ended else len(positional)

    def call(self, *arguments: Any) -> Any:
        """What a client left out is `None`, what the function has no name for is cut off."""
        if len(arguments) < self._least:
            arguments += (None,) * (self._least - len(arguments))
        return self.function(*arguments[: self._most])


@dataclass(slots=True)
class EventCall:
    """One received event and the handler it goes to."""

    client: Client
    event: str
    id: int | None  # of the acknowledgement that the client waits for
    handler: EventHandler
    arguments: list[Any]
    size: int  # bytes, as received

    @property
    def request_id(self) -> object:
        """What its client calls it, if anything."""
        payload = self.arguments[0] if self.arguments else None
        return payload.get("requestId") if isinstance(payload, dict) else None


class Dispatcher:
    """Takes the packets of every connection. Nothing here waits; whatever has to is a task that the manager owns."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.tasks = server.manager.tasks
        self._handlers: dict[tuple[str, str], EventHandler] = {}  # of those that were asked for, by namespace and event
        self._concurrent: set[tuple[str, str]] = set()

    def registered(self, event: str, namespace: str, *, concurrent: bool) -> None:
        self._handlers.pop((namespace, event), None)
        if concurrent:
            self._concurrent.add((namespace, event))

    def resolve(self, event: str, namespace: str) -> EventHandler | None:
        found = self._handlers.get((namespace, event))
        if found is None and (function := self._server.find_handler(event, namespace)) is not None:
            found = EventHandler(function, concurrent=(namespace, event) in self._concurrent)
            if event in self._server.handlers.get(namespace, ()):  # under its own name: there are not many of them
                self._handlers[namespace, event] = found
        return found

    # -- packets -------------------------------------------------------------------------------------------------------

    def receive(self, connection: ClientConnection, text: str) -> None:
        """Raises `packets.Malformed` to end the peer."""
        if connection.partial is not None:
            raise packets.Malformed("text in place of a binary attachment")
        if text[:1] == "2" and (start := text.find("[", 1, MAX_ID_DIGITS + 2)) > 0:
            # Most of what comes is an event in the main namespace, which is read without the whole grammar.
            digits = text[1:start]
            if not digits or (digits.isdecimal() and digits.isascii()):
                self._event(connection, "/", int(digits) if digits else None, text[start:])
                return
        header = packets.decode(text)
        if header.kind == packets.EVENT:
            self._event(connection, header.namespace, header.id, header.body)
        elif header.kind == packets.ACK:
            self._ack(connection, header)
        elif header.kind in (packets.BINARY_EVENT, packets.BINARY_ACK):
            if header.attachments > MAX_ATTACHMENTS:
                raise packets.Malformed("too many binary attachments")
            connection.partial = packets.Partial(header)
            self._complete(connection, connection.partial)
        elif header.kind == packets.CONNECT:
            joining = self._server.membership.join(connection, header)
            self.tasks.start(joining, name=f"socket-connect {header.namespace[:40]}")
            connection.yield_before_next = True
        elif header.kind == packets.DISCONNECT:
            client = connection.clients.get(header.namespace)
            if client is not None:
                leaving = self._server.membership.leave(client, self._server.reason.CLIENT_DISCONNECT)
                self.tasks.start(leaving, name=f"socket-disconnect {client.sid}")
                connection.yield_before_next = True

    def receive_attachment(self, connection: ClientConnection, data: bytes) -> None:
        """Raises `packets.Malformed` to end the peer."""
        if connection.partial is None:
            raise packets.Malformed("a binary attachment without its packet")
        connection.partial.attachments.append(data)
        connection.partial.size += len(data)
        if connection.partial.size > self._server.eio.max_http_buffer_size:
            raise packets.Malformed("the attachments are too large")
        self._complete(connection, connection.partial)

    def _complete(self, connection: ClientConnection, partial: packets.Partial) -> None:
        header, attachments = partial.header, partial.attachments
        if len(attachments) < header.attachments:
            return
        connection.partial = None
        if header.kind == packets.BINARY_EVENT:
            self._event(connection, header.namespace, header.id, header.body, attachments, partial.size)
        else:
            self._ack(connection, header, attachments)

    def _event(
        self,
        connection: ClientConnection,
        namespace: str,
        id: int | None,
        body: str,
        attachments: Sequence[bytes] | None = None,
        size: int = 0,
    ) -> None:
        client = connection.clients.get(namespace)
        if client is None or client.state is not ClientState.CONNECTED:
            return
        name = None
        try:
            name, arguments = self._read(body, attachments)
            if (handler := self.resolve(name, client.namespace)) is None:
                raise errors.ValidationError(f"There is no event “{name[:100]}” in the namespace {namespace}.")
            if self._server.eio.draining:
                raise errors.Draining
        except errors.DawgError as error:
            self._refuse(client, id, name or packets.event_name(body), error)
            return
        queue = client.event_queue
        if queue is None:
            queue = client.event_queue = EventQueue(self, client)
        queue.offer(EventCall(client, name, id, handler, arguments, size or len(body)))

    def _read(self, body: str, attachments: Sequence[bytes] | None) -> tuple[str, list[Any]]:
        try:
            data = packets.parse(body)
            if attachments is not None:
                data = packets.put_attachments(data, attachments)
        except packets.InvalidPayload as error:
            raise errors.ValidationError(str(error)) from error
        if not isinstance(data, list) or not data:
            raise errors.ValidationError("An event is a list that begins with its name.")
        name, *arguments = data
        # A client that emits “connect” or “*” must not reach the handlers of that name.
        if not isinstance(name, str) or name in self._server.reserved_events or name == "*":
            raise errors.ValidationError("The name of an event has to be text that is not reserved.")
        return name, arguments

    def _ack(self, connection: ClientConnection, header: packets.Header, attachments: Sequence[bytes] = ()) -> None:
        client = connection.clients.get(header.namespace)
        if client is None or header.id is None:
            return
        try:
            data = packets.put_attachments(packets.parse(header.body), attachments)
        except packets.InvalidPayload:
            return
        callback = self._server.manager.trigger_callback(client.sid, header.id, data)
        self.tasks.start(callback, name=f"socket-ack {client.sid}")

    # -- calls ---------------------------------------------------------------------------------------------------------

    def start(self, call: EventCall) -> Running | None:
        """Runs a plain handler to its end; of a coroutine function the coroutine comes back, for `finish`."""
        try:
            result = call.handler.call(call.client.sid, *call.arguments)
            if isinstance(result, CoroutineType):
                return result
            self._answer(call, result)
        except Exception as error:
            self.fail(call, error)
        return None

    async def finish(self, call: EventCall, running: Running) -> None:
        try:
            self._answer(call, await running)
        except Exception as error:
            self.fail(call, error)

    def _answer(self, call: EventCall, result: Any) -> None:
        if call.id is not None:
            call.client.send_queue.put(packets.ack(call.client.called, call.id, result))

    def fail(self, call: EventCall, error: Exception) -> None:
        if isinstance(error, ClientGone) and call.client.state is not ClientState.CONNECTED:
            return  # it left while its event was being handled
        request_id = logs.request_id(call.request_id)
        if not isinstance(error, errors.DawgError):
            log.error(
                "A socket handler broke.",
                action="socket_handler_failed",
                socket_event=call.event,
                namespace=call.client.namespace,
                request_id=request_id,
                exc_info=error,
            )
            error = errors.DawgError()
        self._refuse(call.client, call.id, call.event, error, request_id)

    def _refuse(
        self, client: Client, id: int | None, event: str | None, error: errors.DawgError, request_id: str | None = None
    ) -> None:
        envelope = error.envelope(request_id := request_id or logs.request_id())
        write = log.info if error.status >= 500 else log.debug
        write(
            "An event was refused.",
            action="socket_event_refused",
            socket_event=event,
            namespace=client.namespace,
            sid=client.sid,
            code=error.code,
            request_id=request_id,
        )
        if id is not None:
            message = packets.ack(client.called, id, envelope)
        else:
            message = packets.event("error", {**envelope, "event": event, "timestamp": now()}, client.called)
        client.send_queue.put(message)


class EventQueue:
    """The events of one client."""

    def __init__(self, dispatcher: Dispatcher, client: Client) -> None:
        self._dispatcher, self._client, self._tasks = dispatcher, client, dispatcher.tasks
        self._waiting: deque[EventCall] = deque()
        self._waiting_bytes = 0
        self._worker: asyncio.Task[None] | None = None
        self._idle: asyncio.Future[tuple[EventCall, Running] | None] | None = None  # which the worker rests on
        self._concurrent = 0

    def offer(self, call: EventCall) -> None:
        if call.handler.concurrent:
            self._run_beside(call)
        elif self._worker is not None and self._idle is None:
            self._wait_in_line(call)
        elif self._client.send_queue.congested:
            self._wait_in_line(call)
            self._begin(None)
        elif (running := self._dispatcher.start(call)) is not None:
            self._begin((call, running))

    def close(self) -> None:
        """What has begun is finished, what waits is dropped."""
        self._waiting.clear()
        self._waiting_bytes = 0
        if self._idle is not None:
            self._idle.cancel()

    def _wait_in_line(self, call: EventCall) -> None:
        if len(self._waiting) >= MAX_WAITING or self._waiting_bytes + call.size > MAX_WAITING_BYTES:
            self._refuse(call, "Too many events are waiting on this connection.")
            return
        self._waiting.append(call)
        self._waiting_bytes += call.size

    def _begin(self, begun: tuple[EventCall, Running] | None) -> None:
        self._client.connection.yield_before_next = True
        if self._worker is None:
            name = f"socket-events {self._client.namespace} {self._client.sid}"
            self._worker = self._tasks.start(self._work(begun), name=name)
        elif self._idle is not None:
            self._tasks.running.add(self._worker)
            self._idle.set_result(begun)
            self._idle = None

    async def _work(self, begun: tuple[EventCall, Running] | None) -> None:
        client, dispatcher, loop = self._client, self._dispatcher, asyncio.get_running_loop()
        connection = client.connection
        try:
            while True:
                connection.yield_before_next = False
                if begun is not None:
                    await dispatcher.finish(*begun)
                while self._waiting:
                    await client.send_queue.relieved(RELIEF_TIMEOUT)
                    if self._waiting:  # still
                        call = self._waiting.popleft()
                        self._waiting_bytes -= call.size
                        if (running := dispatcher.start(call)) is not None:
                            await dispatcher.finish(call, running)
                if connection.clients.get(client.called) is not client:
                    return
                self._idle = loop.create_future()
                assert self._worker is not None
                self._tasks.running.discard(self._worker)
                begun = await self._idle
        finally:
            self._worker = self._idle = None

    def _run_beside(self, call: EventCall) -> None:
        if self._concurrent >= MAX_CONCURRENT:
            self._refuse(call, "Too many requests are running on this connection.")
        elif (running := self._dispatcher.start(call)) is not None:
            self._concurrent += 1
            self._client.connection.yield_before_next = True
            name = f"socket-events {self._client.namespace} {self._client.sid} {call.event[:40]}"
            self._tasks.start(self._finish_beside(call, running), name=name)

    async def _finish_beside(self, call: EventCall, running: Running) -> None:
        self._client.connection.yield_before_next = False
        try:
            await self._dispatcher.finish(call, running)
        finally:
            self._concurrent -= 1

    def _refuse(self, call: EventCall, message: str) -> None:
        self._dispatcher.fail(call, errors.RateLimited(message, retry_after=1.0))
