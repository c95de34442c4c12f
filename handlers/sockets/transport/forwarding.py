"""Requests for sessions that live on another replica: passed on to it, and its answers passed back.

A session's id begins with the name of its replica, so whichever replica a balancer picks for a poll or an upgrade knows
where it belongs. A passed-on request is signed and is never passed on again, so two replicas cannot play ping-pong. The
signature covers what the other replica believes because of it: where the request came from, and which one it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import aiohttp
from aiohttp import web
from yarl import URL

from bus import supervision
from bus.supervision import Tasks
from dawg_server import logs
from handlers.addresses import FORWARDED

HEADER = "X-Dawg-Forwarded"
SIGNATURE_SECONDS = 60  # how far apart the clocks of two replicas may be
CONNECT_TIMEOUT = 2.0  # seconds
CLOSE_TIMEOUT = 2.0  # seconds for a closing handshake
POLL_TIMEOUT = 75.0  # seconds without a byte; the other end answers a poll within 45
MAX_RECEIVED = 2 * 2**20  # bytes; the replica that has the session is stricter
MAX_SENT = 256 * 2**20  # bytes; likewise, but for one message to a client for whom nothing else waits
SEPARATOR = "-"
_HOP_BY_HOP = re.compile(
    rf"connection|keep-alive|proxy-authenticate|proxy-authorization|te|trailer|transfer-encoding|upgrade|host|"
    rf"content-length|sec-websocket-(key|version|extensions|protocol)|{HEADER}",
    re.IGNORECASE,
)

Find = Callable[[str], Awaitable[str | None]]
"""The address of the replica of that name, or None."""

log = logs.get("main")


class Forwarder:
    def __init__(self, find: Find, own: str, key: bytes) -> None:
        """`own` names this replica; `key` is the same on all of them."""
        self.own = own
        self.forwarded = 0  # requests
        self.polls: list[str] = []  # the sessions of those under way
        self.websockets: list[str] = []  # likewise
        self._find, self._key = find, key
        self._http: aiohttp.ClientSession | None = None
        self._pumps = Tasks()

    async def end_websockets(self) -> None:
        """Requests go on being passed on until `close`."""
        await self._pumps.close()

    async def close(self) -> None:
        await self.end_websockets()
        if self._http is not None:
            await self._http.close()

    def sign(self, method: str, path: str, caller: Mapping[str, str]) -> str:
        """`path`: as it is requested, with its query."""
        return self._signed(int(time.time()), method, path, caller)

    def is_genuine(self, request: web.Request) -> bool:
        """Whether another replica has passed this request on."""
        given = request.headers.get(HEADER, "")
        moment = given.partition(".")[0]
        if not (moment.isascii() and moment.isdigit() and abs(time.time() - int(moment)) <= SIGNATURE_SECONDS):
            return False
        signed = self._signed(int(moment), request.method, request.raw_path, request.headers)
        return hmac.compare_digest(_bytes(given), _bytes(signed))

    async def home(self, sid: str) -> str | None:
        """The address of the other replica that has the session; None when there is none (any more)."""
        owner, separator, _ = sid.partition(SEPARATOR)
        return await self._find(owner) if separator and owner != self.own else None

    async def forward(
        self, request: web.Request, sid: str, address: str, caller: dict[str, str]
    ) -> web.StreamResponse | None:
        """The answer of the replica at that address; None when it does not answer.

        `caller`: headers that say where the request came from and which address it was sent to.
        """
        self.forwarded += 1
        url = URL(address + request.raw_path, encoded=True)
        headers = {name.title(): value for name, value in request.headers.items() if not _HOP_BY_HOP.fullmatch(name)}
        headers.update({name.title(): value for name, value in caller.items()})
        headers[HEADER] = self.sign(request.method, url.raw_path_qs, caller)
        upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
        under_way = self.websockets if upgrade else self.polls
        under_way.append(sid)
        try:
            return await (self._websocket if upgrade else self._poll)(request, url, headers)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.info(
                "The replica of a session does not answer.",
                action="forward_failed",
                other=address,
                error=type(error).__name__,
            )
            return None
        finally:
            under_way.remove(sid)

    def _signed(self, moment: int, method: str, path: str, headers: Mapping[str, str]) -> str:
        # No line break can be in any of them.
        signed = "\n".join([str(moment), method, path, *(headers.get(name, "") for name in FORWARDED)])
        return f"{moment}.{hmac.new(self._key, _bytes(signed), hashlib.sha256).hexdigest()}"

    def _client(self) -> aiohttp.ClientSession:
        if self._http is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=POLL_TIMEOUT)
            self._http = aiohttp.ClientSession(
                timeout=timeout,
                connector=aiohttp.TCPConnector(limit=0),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._http

    async def _poll(self, request: web.Request, url: URL, headers: dict[str, str]) -> web.Response:
        body = request.content if request.body_exists else None
        async with self._client().request(
            request.method, url, headers=headers, data=body, allow_redirects=False
        ) as reply:
            shown = [(name, value) for name, value in reply.headers.items() if not _HOP_BY_HOP.fullmatch(name)]
            return web.Response(status=reply.status, body=await reply.read(), headers=shown)

    async def _websocket(self, request: web.Request, url: URL, headers: dict[str, str]) -> web.StreamResponse:
        timeout = aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT)
        connecting = self._client().ws_connect(
            url, headers=headers, compress=0, max_msg_size=MAX_SENT, timeout=timeout, decode_text=False
        )
        async with connecting as there:
            here: web.WebSocketResponse[Literal[False]] = web.WebSocketResponse(
                compress=False, timeout=CLOSE_TIMEOUT, max_msg_size=MAX_RECEIVED, decode_text=False
            )
            await here.prepare(request)
            pumps = {
                self._pumps.start(_pump(here, there), name="socket-forward out"),
                self._pumps.start(_pump(there, here), name="socket-forward in"),
            }
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await supervision.end(*pumps)
                with contextlib.suppress(ConnectionError):
                    await here.close()
            return here


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")  # as aiohttp has decoded it


_WebSocket = aiohttp.ClientWebSocketResponse[Literal[False]] | web.WebSocketResponse[Literal[False]]


async def _pump(source: _WebSocket, target: _WebSocket) -> None:
    """Until one side has ended. Waits for a slow reader, so that the budget for its backlog stays at the other end."""
    with contextlib.suppress(ConnectionError):
        async for message in source:
            await target.send_frame(message.data, message.type)
