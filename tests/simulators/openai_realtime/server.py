"""The HTTP side: upgrades to a websocket, and mints secrets for browsers."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import Any, Self

from aiohttp import web

from tests import patience
from tests.simulators.openai_realtime import config, scripts
from tests.simulators.openai_realtime.connection import Connection

SHORTEST_SECRET, LONGEST_SECRET, DEFAULT_SECRET = 10, 7200, 600  # seconds


class RealtimeSimulator:
    """Connections take the scripts in the order in which they were given; the last one serves all later connections.

    `refuse_connections` and `refuse_secrets` make every further upgrade, or request for a client secret, fail with an
    HTTP status and an error code. Every refusal names a request id and quotes the key, as proxies are known to.
    """

    def __init__(self, *, key: str | None = None) -> None:
        self.base_url = ""
        self.connections: list[Connection] = []
        self.refused: list[tuple[int, str]] = []
        self.secret_requests: list[dict[str, Any]] = []
        self.refuse_connections: tuple[int, str] | None = None
        self.refuse_secrets: tuple[int, str] | None = None
        self._key = key
        self._scripts: list[scripts.Script] = []
        self._latest = scripts.Script()
        self._secrets: dict[str, tuple[float, dict[str, Any]]] = {}
        self._serial = itertools.count(1)
        self._requests = itertools.count(1)
        self._arrival = asyncio.Condition()

    def script(self, *answers: scripts.Answer, **options: Any) -> None:
        """The script of the next connection that has none yet."""
        self._scripts.append(scripts.Script(answers, **options))

    @property
    def open(self) -> list[Connection]:
        return [connection for connection in self.connections if connection.open]

    async def connection(self, index: int = 0) -> Connection:
        """Waits for the connection with this number."""
        async with asyncio.timeout(patience.SECONDS), self._arrival:
            await self._arrival.wait_for(lambda: len(self.connections) > index)
        return self.connections[index]

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/v1/realtime", self._upgrade)
        app.router.add_post("/v1/realtime/client_secrets", self._mint)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(connection.close(1001) for connection in self.open))
        await self._runner.cleanup()

    async def _upgrade(self, request: web.Request) -> web.StreamResponse:
        script = self._next_script()
        refusal = script.refuse or self.refuse_connections
        token = _bearer(request)
        secret = self._secrets.get(token)
        if secret is not None and secret[0] < time.time():
            refusal = (401, "expired_client_secret")
        elif secret is None and not self._known(token):
            refusal = (401, "invalid_api_key")
        elif "model" not in request.query and secret is None:
            refusal = (400, "missing_model")
        if refusal is not None:
            self.refused.append(refusal)
            return self._failure(request, *refusal)
        session = config.default(request.query.get("model", ""))
        if secret is not None:
            session = secret[1]
        headers = {name.lower(): value for name, value in request.headers.items()}
        connection = Connection(len(self.connections), script, session, headers)
        self.connections.append(connection)
        async with self._arrival:
            self._arrival.notify_all()
        return await connection.run(request)

    async def _mint(self, request: web.Request) -> web.Response:
        if self.refuse_secrets is not None:
            return self._failure(request, *self.refuse_secrets)
        if not self._known(_bearer(request)):
            return self._failure(request, 401, "invalid_api_key")
        try:
            body = await request.json()
            self.secret_requests.append(body)
            session, seconds = _wanted(body)
        except config.BetaShape:
            return self._failure(request, 400, "beta_api_shape_disabled")
        except config.Refused as refused:
            return web.json_response({"error": refused.body()}, status=400)
        except json.JSONDecodeError:
            return self._failure(request, 400, "invalid_json")
        number = next(self._serial)
        value, expires_at = f"ek_{number:032x}", int(time.time()) + seconds
        session |= {"id": f"sess_{number:016d}", "expires_at": 0}
        self._secrets[value] = expires_at, session
        return web.json_response({"value": value, "expires_at": expires_at, "session": session})

    def _failure(self, request: web.Request, status: int, code: str) -> web.Response:
        message = f"Simulated refusal: {code}, for key {_bearer(request)}."
        error = {"message": message, "type": "invalid_request_error", "code": code, "param": None}
        headers = {"x-request-id": f"req_{next(self._requests)}"}
        return web.json_response({"error": error}, status=status, headers=headers)

    def _known(self, token: str) -> bool:
        return bool(token) and (self._key is None or token == self._key) and not token.startswith("ek_")

    def _next_script(self) -> scripts.Script:
        if self._scripts:
            self._latest = self._scripts.pop(0)
        return self._latest


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _wanted(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    after = body.get("expires_after") or {}
    seconds = after.get("seconds", DEFAULT_SECRET)
    if after.get("anchor", "created_at") != "created_at":
        raise config.Refused("invalid_value", "Invalid value for 'expires_after.anchor'.", "expires_after.anchor")
    if type(seconds) is not int or not SHORTEST_SECRET <= seconds <= LONGEST_SECRET:
        raise config.Refused("invalid_value", "Invalid value for 'expires_after.seconds'.", "expires_after.seconds")
    asked = body.get("session") or {"type": "realtime"}
    session = config.default(asked.get("model") or "gpt-realtime")
    return config.updated(session, asked), seconds
