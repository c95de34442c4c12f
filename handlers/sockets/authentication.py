"""Authentication of connections: who may connect, and the end of their sockets with the end of their login."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from aiohttp import web
from socketio import exceptions  # type: ignore[import-untyped]

from bus import events
from bus.local import Scope
from dawg_server import errors, logs
from dawg_server.identity import CLOCK_TOLERANCE, Credentials
from dawg_server.services import Services
from handlers.addresses import Addresses
from handlers.relay import user_room
from handlers.rest import session_cookie
from handlers.sockets.rooms import with_database
from handlers.sockets.transport.manager import Client
from handlers.sockets.transport.server import Server

NAMESPACES: dict[str, logs.Service] = {"/": "main", "/ai-brain": "ai-brain", "/voice": "voice"}


def login_room(login: str) -> str:
    return f"login:{login}"


def mount(server: Server, services: Services, on_leave: Callable[[str], Awaitable[None]]) -> None:
    """Lets clients with a valid identity in; a refusal carries the error envelope as its data.

    `on_leave` is called with the sid of every socket of `/` whose connection has ended.

    The end of a login, or of the token that it was opened with, is the end of a socket, on whichever replica it is.
    """

    def end_sockets(event: events.LoginEnded) -> None:
        for namespace in NAMESPACES:
            for sid, _ in server.manager.get_participants(namespace, login_room(event.login)):
                # A task, so that nobody who hears of something else waits for what has to be written.
                server.manager.tasks.start(server.disconnect(sid, namespace), name="login-ended")

    async def review_logins() -> None:
        logins = {client.session["caller"].login for client in server.manager.clients.values() if client.session}
        for login in await services.platform.identity.ended_among(login for login in logins if login):
            end_sockets(events.LoginEnded(login, ""))

    def restored(_: events.BusRestored) -> None:
        """Which logins ended meanwhile was not heard."""
        server.manager.tasks.start(with_database(review_logins), name="socket-review-logins")

    services.platform.bus.subscribe(events.BusRestored, restored)
    services.platform.bus.subscribe(events.LoginEnded, end_sockets, Scope.EVERYWHERE)
    for namespace, service in NAMESPACES.items():
        _mount_one(server, services, namespace, logs.get(service), on_leave)


def _mount_one(
    server: Server,
    services: Services,
    namespace: str,
    log: structlog.stdlib.BoundLogger,
    on_leave: Callable[[str], Awaitable[None]],
) -> None:
    def expire(client: Client) -> None:
        """Nothing is told: clients see the transport close, and come back with what they have by then."""
        log.info("A socket's token has expired.", action="socket_expired", namespace=namespace, sid=client.sid)
        server.manager.tasks.start(client.connection.close(), name="token-expired")

    async def connect(sid: str, environ: Mapping[str, Any], auth: Any = None) -> None:
        try:
            if services.platform.lifecycle.draining:
                raise errors.Draining(retry_after=2.0)
            caller = await services.platform.identity.identify(_credentials(server.eio.addresses, environ, auth))
        except errors.DawgError as error:
            request_id, code = logs.request_id(), error.code
            log.info(
                "A socket was refused.", action="socket_refused", namespace=namespace, code=code, request_id=request_id
            )
            raise exceptions.ConnectionRefusedError(error.message, error.envelope(request_id)) from None
        await server.save_session(sid, {"caller": caller}, namespace)
        if caller.login is not None:
            await server.enter_room(sid, login_room(caller.login), namespace)
        if namespace == "/":
            await server.enter_room(sid, user_room(caller.user_id), namespace)
        if caller.expires_at is not None:
            wait = max(0.0, caller.expires_at + CLOCK_TOLERANCE - time.time())
            client = server.manager.clients[sid]
            client.session["expiry"] = asyncio.get_running_loop().call_later(wait, expire, client)
        log.info("A socket connected.", action="socket_connected", namespace=namespace, sid=sid, user_id=caller.user_id)

    async def disconnect(sid: str, reason: str) -> None:
        client = server.manager.clients.get(sid)
        if client is not None and (expiry := client.session.get("expiry")) is not None:
            expiry.cancel()
        log.info("A socket disconnected.", action="socket_disconnected", namespace=namespace, sid=sid, reason=reason)
        if namespace == "/ai-brain":
            services.assistants.brain.leave(sid)
        else:
            services.assistants.voice.leave(sid)
        if namespace == "/":
            await on_leave(sid)

    server.on("connect", connect, namespace)
    server.on("disconnect", disconnect, namespace)


def _credentials(addresses: Addresses, environ: Mapping[str, Any], auth: Any) -> Credentials:
    """From the handshake's `auth`, or else from its headers, which the engine has taken from accepted origins alone.

    Raises `CsrfFailed` for a websocket that is known by its cookie and does not say which page has opened it. A poll of
    the server's own pages need not say so: no other page can read the session's id in its answer.
    """
    request: web.Request = environ["aiohttp.request"]
    fields = auth if isinstance(auth, Mapping) else {}
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    token = fields.get("token") or (bearer.strip() if scheme.lower() == "bearer" else None)
    claimed = fields.get("userId") or request.headers.get("X-User-Id")
    given = Credentials(
        token if isinstance(token, str) else None,
        session_cookie.value(request, addresses),
        claimed if isinstance(claimed, str) else None,
    )
    if given.by_session and "Origin" not in request.headers and request.query.get("transport") != "polling":
        raise errors.CsrfFailed("A websocket that is known by its cookie has to send Origin; or send auth: {token}.")
    return given
