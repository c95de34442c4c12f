"""A socket event is declared once, where its handler stands: the declaration checks the payload and documents it.

    @events.on("generation:cancel", "Cancel a job", payload=CancelRequest)
    async def cancel(call: SocketCall) -> Ack: ...

An event that comes without a payload, or with null, is one whose payload says nothing: {}.
What a handler returns becomes the ack, with `success: true` added; a `DawgError` becomes the error envelope.
A handler that is a plain function is called by the reader itself, without a task: for what must only be passed on.

`SocketCall` also says what a handler has to know of who has sent it: the place in a project, and how much more it may
send.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from dawg_server import errors, logs
from dawg_server.daw.entity import check
from dawg_server.identity import Caller
from dawg_server.schema import Body, load
from dawg_server.services import Services
from handlers.schemas.shown import Shown
from handlers.sockets.transport.server import Server

WINDOW = 1.0  # seconds in which the changes and relayed events of a socket are counted

Ack = Mapping[str, Any] | None


@dataclass(slots=True)
class ProjectMembership:
    """A socket's place in a project. `role` follows what happens to the membership while the socket is there."""

    role: str
    username: str


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

    @property
    def rate_limit(self) -> RateLimit:
        """How much more the sender may send now."""
        session = self.server.manager.clients[self.sid].session
        found = session.get("rate_limit")
        if not isinstance(found, RateLimit):
            limits = self.services.platform.settings
            found = session["rate_limit"] = RateLimit(limits.socket_changes_per_second, limits.socket_relays_per_second)
        return found

    async def count(self) -> None:
        """Counts this event among the requests of the sender's minute, as REST does; raises `RateLimited`."""
        platform = self.services.platform
        await platform.limits.hit("requests", self.caller.user_id, platform.settings.requests_per_minute)

    def membership(self, role: str = "viewer", *, project_id: str | None = None) -> ProjectMembership:
        """The sender's membership of that project, or of the one that its payload names.

        Raises `NotJoined` and `Forbidden`.
        """
        found = memberships_of(self.server, self.sid).get(project_id or self.payload["projectId"])
        if found is None:
            raise errors.NotJoined()
        check(found.role, role)
        return found


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
    """The events that clients may send on one namespace. `sent` are those that they get there, with their payloads."""

    namespace: str
    service: logs.Service
    all: list[ClientEvent] = field(default_factory=list)
    sent: dict[str, type[Shown]] = field(default_factory=dict)

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


def project_room(project_id: str) -> str:
    return f"project:{project_id}"


def memberships_of(server: Server, sid: str) -> dict[str, ProjectMembership]:
    """By project; of a socket that has gone, none."""
    client = server.manager.clients.get(sid)
    if client is None:
        return {}
    found: dict[str, ProjectMembership] = client.session.setdefault("memberships", {})
    return found


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


class RateLimit:
    """What one socket may send. `mutations` and `relays` are per second; relays are counted per event and project."""

    def __init__(self, mutations: int, relays: int) -> None:
        self._mutations: deque[float] = deque(maxlen=mutations)
        self._statements: deque[float] = deque(maxlen=relays)
        self._max_mutations, self._max_relays = mutations, relays
        self._throttles: dict[Hashable, Throttle] = {}

    def mutate(self) -> None:
        """Counts a change; raises `RateLimited` for one too many within a second."""
        _count(self._mutations, "makes at most {} changes")

    def state(self) -> None:
        """Counts what its sender says of themselves, and what is kept of it; raises `RateLimited` likewise."""
        _count(self._statements, "says at most {} times what it does")

    async def turn(self) -> None:
        """Counts a change; waits where `mutate` would refuse it."""
        while True:
            wait = (
                WINDOW - (time.monotonic() - self._mutations[0]) if len(self._mutations) == self._max_mutations else 0
            )
            if wait <= 0:
                break
            await asyncio.sleep(wait)
        self._mutations.append(time.monotonic())

    def relay(self, what: Hashable, send: Callable[[], None]) -> None:
        """Calls `send` now, or when the window allows it; of the calls that wait only the last is made."""
        throttle = self._throttles.get(what)
        if throttle is None:
            throttle = self._throttles[what] = Throttle(self._max_relays)
        throttle.call(send)

    def close(self) -> None:
        """Calls that wait are not made."""
        for throttle in self._throttles.values():
            throttle.close()
        self._throttles.clear()


def _count(past: deque[float], sentence: str) -> None:
    """`past`: the newest times that count, at most as many as a window allows."""
    now, most = time.monotonic(), past.maxlen or 0
    if len(past) == most and now - past[0] < WINDOW:
        raise errors.RateLimited(
            f"A socket {sentence.format(most)} per second.",
            details={"limit": most},
            retry_after=WINDOW - (now - past[0]),
        )
    past.append(now)


class Throttle:
    """At most `limit` calls in each window; of those beyond, the newest is made when the window has passed."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._called_at: deque[float] = deque(maxlen=limit)
        self._waiting: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def call(self, function: Callable[[], None]) -> None:
        now = time.monotonic()
        if self._timer is None and (len(self._called_at) < self._limit or now - self._called_at[0] >= WINDOW):
            self._called_at.append(now)
            function()
            return
        self._waiting = function
        if self._timer is None:
            delay = self._called_at[0] + WINDOW - now
            self._timer = asyncio.get_running_loop().call_later(delay, self._release)

    def close(self) -> None:
        self._waiting = None
        if self._timer is not None:
            self._timer.cancel()

    def _release(self) -> None:
        self._timer = None
        if (function := self._waiting) is not None:
            self._waiting = None
            self._called_at.append(time.monotonic())
            function()
