"""A socket event is declared once, where its handler stands: the declaration checks the payload and documents it.

    @events.on("generation:cancel", "Cancel a job", payload=CancelRequest)
    async def cancel(call: SocketCall) -> Ack: ...

An event that comes without a payload, or with null, is one whose payload says nothing: {}.
What a handler returns becomes the ack, with `success: true` added; a `DawgError` becomes the error envelope.
A handler that is a plain function is called by the reader itself, without a task: for what must only be passed on.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from dawg_server import errors, logs
from dawg_server.identity import Caller
from dawg_server.schema import Body, load
from dawg_server.services import Services
from handlers.sockets.transport.server import Server

Ack = Mapping[str, Any] | None


@dataclass(slots=True)
class SocketCall:
    """One event of one client, checked."""

    sid: str
    namespace: str
    caller: Caller
    payload: dict[str, Any]
    services: Services
    server: Server
    environ: Mapping[str, Any]  # of the client's handshake; still here when the client has gone

    @property
    def base_url(self) -> str:
        """The address under which the caller reached this server, for absolute links."""
        return self.server.eio.addresses.base_url(self.environ["aiohttp.request"])


Handler = Callable[[SocketCall], Awaitable[Ack] | Ack]


@dataclass(frozen=True, slots=True)
class ClientEvent:
    name: str
    summary: str
    handler: Handler
    payload: Body | None
    ack: Body | None
    concurrent: bool


@dataclass(slots=True)
class Events:
    """The events that clients may send on one namespace. `sent` are those that they get there, with what they mean."""

    namespace: str
    service: logs.Service
    all: list[ClientEvent] = field(default_factory=list)
    sent: dict[str, str] = field(default_factory=dict)

    def on(
        self,
        name: str,
        summary: str,
        *,
        payload: type[Body] | None = None,
        ack: type[Body] | None = None,
        concurrent: bool = False,
    ) -> Callable[[Handler], Handler]:
        """`concurrent`: neither waits for the client's other events nor makes them wait."""

        def declare(handler: Handler) -> Handler:
            schemas = (payload() if payload else None, ack() if ack else None)
            self.all.append(ClientEvent(name, summary, handler, *schemas, concurrent))
            return handler

        return declare


def mount(server: Server, services: Services, *tables: Events) -> None:
    """Registers every declared event at the server."""
    for table in tables:
        for event in table.all:
            handler = _receiver(server, services, table, event)
            server.on(event.name, handler, table.namespace, concurrent=event.concurrent)


def _receiver(server: Server, services: Services, table: Events, event: ClientEvent) -> Callable[..., Any]:
    """What the transport calls: a coroutine function for a coroutine function, a plain one for a plain one."""
    counter = services.platform.metrics.socket_events
    namespace, name, handler = table.namespace, event.name, event.handler

    done = counter.labels(namespace, name, "ok")

    def failed(error: errors.DawgError) -> None:
        counter.labels(namespace, name, error.code).inc()

    def call(sid: str, data: Any) -> SocketCall:
        if services.platform.lifecycle.draining:
            raise errors.Draining(retry_after=2.0)
        client = server.manager.clients[sid]
        payload = load(event.payload, {} if data is None else data) if event.payload else {}
        environ = server.environ[client.connection.sid]
        return SocketCall(sid, namespace, client.session["caller"], payload, services, server, environ)

    async def receive(sid: str, data: Any = None) -> Mapping[str, Any]:
        user_id = server.manager.clients[sid].session["caller"].user_id
        structlog.contextvars.bind_contextvars(sid=sid, user_id=user_id, service=table.service)
        try:
            answer = handler(call(sid, data))
            answer = await answer if isinstance(answer, Awaitable) else answer
        except errors.DawgError as error:
            failed(error)
            raise
        done.inc()
        return {"success": True, **(answer or {})}

    def receive_at_once(sid: str, data: Any = None) -> Mapping[str, Any]:
        try:
            answer = handler(call(sid, data))
        except errors.DawgError as error:
            failed(error)
            raise
        assert not isinstance(answer, Awaitable)
        done.inc()
        return {"success": True, **(answer or {})}

    return receive if inspect.iscoroutinefunction(handler) else receive_at_once
