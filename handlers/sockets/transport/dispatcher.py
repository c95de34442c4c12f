"""What clients send: packets in, calls of handlers out, and the replies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dawg_server import errors, logs
from handlers.rest import json
from handlers.sockets.transport import packets
from handlers.sockets.transport.connection import ClientConnection, PartialPacket
from handlers.sockets.transport.event_queue import EventCall
from handlers.sockets.transport.manager import Client, ClientGone, ClientState

if TYPE_CHECKING:
    from handlers.sockets.transport.server import Server

log = logs.get("main")

MAX_ATTACHMENTS = 64  # of one packet
MAX_ID_DIGITS = 15  # of an acknowledgement


class Dispatcher:
    """Takes the packets of every connection. Nothing here waits; whatever has to is a task that the manager owns."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._tasks = server.manager.tasks

    def receive(self, connection: ClientConnection, text: str) -> None:
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
            connection.partial = PartialPacket(header)
            self._complete(connection, connection.partial)
        elif header.kind == packets.CONNECT:
            joining = self._server.membership.join(connection, header)
            self._tasks.start(joining, name=f"socket-connect {header.namespace[:40]}")
            connection.yield_before_next = True
        elif header.kind == packets.DISCONNECT:
            client = connection.clients.get(header.namespace)
            if client is not None:
                leaving = self._server.membership.leave(client, self._server.reason.CLIENT_DISCONNECT)
                self._tasks.start(leaving, name=f"socket-disconnect {client.sid}")
                connection.yield_before_next = True

    def receive_attachment(self, connection: ClientConnection, data: bytes) -> None:
        partial = connection.partial
        if partial is None:
            raise packets.Malformed("a binary attachment without its packet")
        partial.attachments.append(data)
        partial.size += len(data)
        if partial.size > self._server.eio.max_http_buffer_size:
            raise packets.Malformed("the attachments are too large")
        self._complete(connection, partial)

    def _complete(self, connection: ClientConnection, partial: PartialPacket) -> None:
        if len(partial.attachments) < partial.header.attachments:
            return
        connection.partial = None
        if partial.header.kind == packets.BINARY_EVENT:
            header = partial.header
            self._event(connection, header.namespace, header.id, header.body, partial.attachments, partial.size)
        else:
            self._ack(connection, partial.header, partial.attachments)

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
            name, given = self._read(body, attachments)
            handler, arguments = self._server.resolve(name, client.namespace, (client.sid, *given))
            if handler is None:
                raise errors.ValidationError(f"There is no event “{name[:100]}” in the namespace {namespace}.")
            if self._server.eio.draining:
                raise errors.Draining
        except errors.DawgError as error:
            self._refuse(client, id, name or packets.event_name(body), error)
            return
        concurrent = self._server.is_concurrent(name, client.namespace)
        client.event_queue.offer(EventCall(client, name, id, handler, arguments, size or len(body), concurrent, self))

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
        self._tasks.start(callback, name=f"socket-ack {client.sid}")

    def answer(self, call: EventCall, result: Any) -> None:
        if call.id is not None:
            call.client.connection.send_queue.put(packets.ack(call.client.called, call.id, result))

    def fail(self, call: EventCall, error: Exception) -> None:
        if isinstance(error, ClientGone) and call.client.state is not ClientState.CONNECTED:
            return  # it left while its event was being handled
        if not isinstance(error, errors.DawgError):
            log.error(
                "A socket handler broke.",
                action="socket_handler_failed",
                socket_event=call.event,
                namespace=call.client.namespace,
                exc_info=error,
            )
            error = errors.DawgError()
        self._refuse(call.client, call.id, call.event, error)

    def _refuse(self, client: Client, id: int | None, event: str | None, error: errors.DawgError) -> None:
        envelope = error.envelope()
        if id is not None:
            message = packets.ack(client.called, id, envelope)
        else:
            message = packets.event("error", {**envelope, "event": event, "timestamp": json.now()}, client.called)
        client.connection.send_queue.put(message)
