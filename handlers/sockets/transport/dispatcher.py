"""What clients send: packets in, calls of handlers in the order in which they were sent, and the replies.

- A plain function runs at once, in the reader, without a task.
- A coroutine function runs in the client's one worker task, which stays for the next; whatever arrives meanwhile waits
  its turn, so that the mutations of one client are applied in order. Other clients, and other namespaces of the same
  browser, don't notice.
- A handler registered as `concurrent` starts at once whatever else is running, and nothing waits for its end: many of
  them can run side by side.
- Handlers begin in the order of their events, these ones too: whenever a task was started, the reader lets it take its
  first step before it reads on, so that a `cancel` never overtakes what it cancels.
- Whoever sends faster than it is served for long is answered with `rate_limited`; the reader never waits, so that
  pings and disconnects are never stuck behind a slow handler.
- Nothing new is begun for a client that has not taken half of its budget for outgoing bytes, so that whoever asks for
  several large answers at once gets one after the other. It is given `RELIEF_TIMEOUT` for each. Concurrent handlers
  then wait in line with the others, and so do those that come after them.
- When the client leaves, what has begun is finished (its ack goes nowhere), what waits is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dawg_server import errors, logs
from dawg_server.wire import now
from handlers.sockets.transport import packets
from handlers.sockets.transport.connection import ClientConnection
from handlers.sockets.transport.manager import Client, ClientGone, ClientState

if TYPE_CHECKING:
    from handlers.sockets.transport.server import Server

log = logs.get("main")

MAX_WAITING = 1024  # events
MAX_WAITING_BYTES = 1_000_000  # as received
RELIEF_TIMEOUT = 30.0  # seconds
MAX_CONCURRENT = 16  # handlers registered as concurrent, running for one client
MAX_TRANSITIONS = 16  # joins and leaves of namespaces under way on one connection

Handler = Callable[..., Any]


class EventHandler:
    """A function and how many positional arguments it needs, and takes; None for any number."""

    def __init__(self, function: Handler, *, concurrent: bool = False) -> None:
        self.function = function
        self.concurrent = concurrent
        self.plain = not inspect.iscoroutinefunction(function)
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
    ids: list[int | None]  # of acknowledgements that the client waits for; several of calls that were merged
    handler: EventHandler
    arguments: list[Any]
    size: int  # bytes, as received


class Dispatcher:
    """Takes the packets of every connection. Nothing here waits; whatever has to is a task that the manager owns."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.tasks = server.manager.tasks
        self._reserved = frozenset((*server.reserved_events, "*"))
        self._handlers: dict[tuple[str, str], EventHandler] = {}  # by namespace and event

    def register(self, event: str, namespace: str, function: Handler, *, concurrent: bool) -> None:
        self._handlers[namespace, event] = EventHandler(function, concurrent=concurrent)

    def resolve(self, event: str, namespace: str) -> EventHandler | None:
        found = self._handlers.get((namespace, event))
        if found is None and (function := self._server.find_handler(event, namespace)) is not None:
            found = EventHandler(function)  # of any event, or of a class: not kept, since clients choose their names
        return found

    # -- packets -------------------------------------------------------------------------------------------------------

    def receive(self, connection: ClientConnection, data: str | bytes) -> None:
        """Takes a packet, or an attachment of the one before. Raises `packets.Malformed` to end the peer."""
        packet = connection.partial
        if isinstance(data, str):
            if packet is not None:
                raise packets.Malformed("text in place of a binary attachment")
            packet = packets.decode(data)
        elif packet is None:
            raise packets.Malformed("a binary attachment without its packet")
        else:
            packet.attachments.append(data)
            if packet.size > self._server.eio.max_http_buffer_size:
                raise packets.Malformed("the attachments are too large")
        if len(packet.attachments) < packet.expected:
            connection.partial = packet
            return
        connection.partial = None
        if packet.kind == packets.CONNECT:
            joining = self._server.join(connection, packet)
            self._change(connection, joining, f"socket-connect {packet.namespace[:40]}")
        elif (client := connection.clients.get(packet.namespace)) is None:
            return
        elif packet.kind in (packets.EVENT, packets.BINARY_EVENT):
            self._event(client, packet)
        elif packet.kind in (packets.ACK, packets.BINARY_ACK):
            self._ack(client, packet)
        elif packet.kind == packets.DISCONNECT:
            leaving = self._server.leave(client, self._server.reason.CLIENT_DISCONNECT)
            self._change(connection, leaving, f"socket-disconnect {client.sid}")

    def _change(self, connection: ClientConnection, change: Coroutine[Any, Any, None], name: str) -> None:
        """Begins to join or to leave. A namespace is free again before its handlers have ended, so they are counted."""
        if len(connection.transitions) >= MAX_TRANSITIONS:
            change.close()
            raise packets.Malformed("too many namespaces are being joined and left")
        task = self.tasks.start(change, name=name)
        connection.transitions.add(task)
        task.add_done_callback(connection.transitions.discard)
        connection.yield_before_next = True

    def _event(self, client: Client, packet: packets.Packet) -> None:
        if client.state is not ClientState.CONNECTED:
            return
        name = None
        try:
            name, *arguments = self._named(packet.data())
            if (handler := self.resolve(name, client.namespace)) is None:
                raise errors.ValidationError(f"There is no event “{name[:100]}” in the namespace {client.called}.")
            if self._server.eio.draining:
                raise errors.Draining
        except errors.DawgError as error:
            self._refuse(client, packet.id, name or packet.event_name(), error)
            return
        queue = client.event_queue
        if queue is None:
            queue = client.event_queue = EventQueue(self, client)
        queue.offer(EventCall(client, name, [packet.id], handler, arguments, packet.size))

    def _named(self, data: Any) -> list[Any]:
        if not isinstance(data, list) or not data:
            raise errors.ValidationError("An event is a list that begins with its name.")
        # A client that emits “connect” or “*” must not reach the handlers of that name.
        if not isinstance(data[0], str) or data[0] in self._reserved:
            raise errors.ValidationError("The name of an event has to be text that is not reserved.")
        return data

    def _ack(self, client: Client, packet: packets.Packet) -> None:
        if packet.id is not None:
            with contextlib.suppress(errors.ValidationError):
                callback = self._server.manager.trigger_callback(client.sid, packet.id, packet.data())
                self.tasks.start(callback, name=f"socket-ack {client.sid}")

    def merged(self, first: EventCall, second: EventCall) -> Any:
        """The payload of one call in place of two, as `Server.merge` says of those of one event; else None."""
        if first.event != second.event or first.handler.concurrent or not first.arguments or not second.arguments:
            return None
        merge = self._server.merge
        return merge(first.arguments[0], second.arguments[0]) if merge is not None else None

    # -- calls ---------------------------------------------------------------------------------------------------------

    def handle_plain(self, call: EventCall) -> None:
        try:
            self._answer(call, call.handler.call(call.client.sid, *call.arguments))
        except Exception as error:
            self.fail(call, error)

    async def handle(self, call: EventCall) -> None:
        if call.handler.plain:
            self.handle_plain(call)
            return
        try:
            self._answer(call, await call.handler.call(call.client.sid, *call.arguments))
        except Exception as error:
            self.fail(call, error)

    def _answer(self, call: EventCall, result: Any) -> None:
        for id in call.ids:
            if id is not None:
                call.client.send_queue.put(packets.ack(call.client.called, id, result))

    def fail(self, call: EventCall, error: Exception) -> None:
        if isinstance(error, ClientGone) and call.client.state is not ClientState.CONNECTED:
            return  # it left while its event was being handled
        payload = call.arguments[0] if call.arguments else None
        request_id = logs.request_id(payload.get("requestId") if isinstance(payload, dict) else None)
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
        for id in call.ids:
            self._refuse(call.client, id, call.event, error, request_id)

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
        self._rest: asyncio.Future[None] | None = None  # of the worker, while it has nothing to do
        self._concurrent = 0

    def offer(self, call: EventCall) -> None:
        handler, congested = call.handler, self._client.send_queue.congested
        if handler.concurrent and not congested and not any(each.handler.concurrent for each in self._waiting):
            self._run_beside(call)
        elif handler.plain and not congested and (self._worker is None or self._rest is not None):
            self._dispatcher.handle_plain(call)
        elif len(self._waiting) >= MAX_WAITING or self._waiting_bytes + call.size > MAX_WAITING_BYTES:
            self._refuse(call, "Too many events are waiting on this connection.")
        else:
            self._waiting.append(call)
            self._waiting_bytes += call.size
            self._wake_worker()

    def close(self) -> None:
        """What has begun is finished, what waits is dropped."""
        self._waiting.clear()
        self._waiting_bytes = 0
        if self._rest is not None:
            self._rest.cancel()

    def _wake_worker(self) -> None:
        if self._worker is None:
            name = f"socket-events {self._client.namespace} {self._client.sid}"
            self._worker = self._tasks.start(self._work(), name=name)
        elif self._rest is not None:
            self._tasks.running.add(self._worker)
            self._rest.set_result(None)
            self._rest = None
        else:
            return
        self._client.connection.yield_before_next = True

    def _next(self) -> EventCall:
        """The one that has waited longest, with those behind it that may be merged into it."""
        call = self._waiting.popleft()
        self._waiting_bytes -= call.size
        while self._waiting and (payload := self._dispatcher.merged(call, self._waiting[0])) is not None:
            following = self._waiting.popleft()
            self._waiting_bytes -= following.size
            call.arguments = [payload]
            call.ids += following.ids
        return call

    async def _work(self) -> None:
        client, loop = self._client, asyncio.get_running_loop()
        try:
            while True:
                client.connection.yield_before_next = False
                while self._waiting:
                    if client.send_queue.congested:
                        await client.send_queue.flushed(RELIEF_TIMEOUT)
                    if not self._waiting:  # any more
                        break
                    call = self._next()
                    if call.handler.concurrent:
                        self._run_beside(call)
                        await asyncio.sleep(0)  # until it has begun
                    else:
                        await self._dispatcher.handle(call)
                if client.connection.clients.get(client.called) is not client:
                    return
                self._rest = loop.create_future()
                assert self._worker is not None
                self._tasks.running.discard(self._worker)
                await self._rest
        finally:
            self._worker = self._rest = None

    def _run_beside(self, call: EventCall) -> None:
        if call.handler.plain:
            self._dispatcher.handle_plain(call)
        elif self._concurrent >= MAX_CONCURRENT:
            self._refuse(call, "Too many requests are running on this connection.")
        else:
            self._concurrent += 1
            self._client.connection.yield_before_next = True
            name = f"socket-events {self._client.namespace} {self._client.sid} {call.event[:40]}"
            self._tasks.start(self._handle_beside(call), name=name)

    async def _handle_beside(self, call: EventCall) -> None:
        self._client.connection.yield_before_next = False
        try:
            await self._dispatcher.handle(call)
        finally:
            self._concurrent -= 1

    def _refuse(self, call: EventCall, message: str) -> None:
        self._dispatcher.fail(call, errors.RateLimited(message, retry_after=1.0))
