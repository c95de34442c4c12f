"""A socket event is declared once, where its handler stands: the declaration checks the payload and documents it.

    @events.on("generation:cancel", "Cancel a job", payload=CancelRequest)
    async def cancel(call: Call) -> Ack: ...

What a handler returns becomes the ack, with `success: true` added; a `DawgError` becomes the error envelope.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from dawg_server import errors, logs
from dawg_server.identity import Caller
from dawg_server.services import Services
from handlers.schemas.base import Body, load
from handlers.sockets.transport.server import Server

Ack = Mapping[str, Any] | None


@dataclass(slots=True)
class Call:
    """One event of one client, checked."""

    sid: str
    namespace: str
    caller: Caller
    payload: dict[str, Any]
    services: Services
    server: Server


Handler = Callable[[Call], Awaitable[Ack]]


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
    """The events that clients may send on one namespace."""

    namespace: str
    service: logs.Service
    all: list[ClientEvent] = field(default_factory=list)

    def on(
        self, name: str, summary: str, *, payload: type[Body] | None = None, ack: type[Body] | None = None,
        concurrent: bool = False,
    ) -> Callable[[Handler], Handler]:  # fmt: skip
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
    counter = services.metrics.socket_events

    async def receive(sid: str, data: Any = None) -> Mapping[str, Any]:
        session = await server.get_session(sid, table.namespace)
        structlog.contextvars.bind_contextvars(sid=sid, user_id=session["caller"].user_id, service=table.service)
        try:
            payload = load(event.payload, data) if event.payload else {}
            if services.lifecycle.draining:
                raise errors.Draining(retry_after=2.0)
            answer = await event.handler(Call(sid, table.namespace, session["caller"], payload, services, server))
        except errors.DawgError as error:
            counter.labels(table.namespace, event.name, error.code).inc()
            raise
        counter.labels(table.namespace, event.name, "ok").inc()
        return {"success": True, **(answer or {})}

    return receive
