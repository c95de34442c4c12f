"""A sign-in service on loopback that publishes its keys, and signs with them."""

from __future__ import annotations

import asyncio
import json
import time
from types import TracebackType
from typing import Any, Self

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa


class KeyService:
    """`url` is its key set. `asked` counts the questions; `delay` (seconds) and `status` spoil the answers."""

    def __init__(self) -> None:
        self.asked = 0
        self.status = 200
        self.delay = 0.0
        self.body: bytes | None = None
        self._private: dict[str, Any] = {}
        self._public: dict[str, dict[str, Any]] = {}
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/keys"

    async def start(self) -> None:
        """On the same port as before, when there was one."""
        app = web.Application()
        app.router.add_get("/keys", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def add(self, kid: str, algorithm: str = "RS256", *, bits: int = 2048, **more: Any) -> None:
        """A new key; `more` are further members of its entry, those that are None left out."""
        if algorithm in ("RS256", "PS256"):
            private: Any = rsa.generate_private_key(65537, bits)
            public = jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
        elif algorithm == "EdDSA":
            private = ed25519.Ed25519PrivateKey.generate()
            public = jwt.algorithms.OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
        else:
            private = ec.generate_private_key(ec.SECP256R1())
            public = jwt.algorithms.ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
        self._private[kid] = private
        entry = {**public, "kid": kid, "use": "sig", "alg": algorithm, **more}
        self._public[kid] = {name: value for name, value in entry.items() if value is not None}

    def withdraw(self, kid: str) -> None:
        del self._public[kid]

    def sign(self, kid: str, subject: str = "ada", algorithm: str = "RS256", **claims: Any) -> str:
        return jwt.encode(
            {"sub": subject, "exp": int(time.time()) + 60} | claims, self._private[kid], algorithm, headers={"kid": kid}
        )

    async def _answer(self, _: web.Request) -> web.Response:
        self.asked += 1
        await asyncio.sleep(self.delay)
        document = json.dumps({"keys": [*self._public.values()]}).encode()
        return web.Response(body=self.body or document, status=self.status, content_type="application/json")
