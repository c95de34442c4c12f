"""Calls from outside services, checked: who calls, and which job is meant. What they say is never believed.

Replicate signs with HMAC-SHA256 over `id.timestamp.body` (Standard Webhooks). The gateways to Suno do not sign, so each
job has a secret in the address that they are given.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from bus import events
from bus.local import LocalBus
from dawg_server import errors
from dawg_server.database import generations
from dawg_server.database.pool import Database
from dawg_server.generation.providers.base import Transient
from dawg_server.wire import is_uuid

TOLERANCE = 300.0  # seconds that a signed call may be old, or ahead of our clock
REMEMBERED_IDS = 10_000
KEY_PREFIX = "whsec_"


class Signatures:
    """Checks signed calls. The secret is fetched once, at the first call that could be genuine."""

    def __init__(self, fetch_secret: Callable[[], Awaitable[str]]) -> None:
        self._fetch_secret = fetch_secret
        self._key: bytes | None = None
        self._lock = asyncio.Lock()
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def check(self, headers: Mapping[str, str], body: bytes) -> bool:
        """False for a call that was delivered before; raises `Unauthorized` for one that is not from the service."""
        call_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        given = headers.get("webhook-signature", "")
        if not (call_id and given and _is_fresh(timestamp)):
            raise errors.Unauthorized("This call is not signed, or its signature is too old.")
        signed = hmac.new(await self._signing_key(), f"{call_id}.{timestamp}.".encode() + body, hashlib.sha256)
        right = base64.b64encode(signed.digest())
        if not any(hmac.compare_digest(right, each.encode()) for each in _signatures(given)):
            raise errors.Unauthorized("The signature of this call is wrong.")
        if call_id in self._seen:
            return False
        self._seen[call_id] = None
        if len(self._seen) > REMEMBERED_IDS:
            self._seen.popitem(last=False)
        return True

    async def _signing_key(self) -> bytes:
        async with self._lock:
            if self._key is None:
                try:
                    self._key = base64.b64decode((await self._fetch_secret()).removeprefix(KEY_PREFIX))
                except (binascii.Error, Transient):
                    raise errors.DependencyUnavailable("provider") from None
            return self._key


class Webhooks:
    """Where outside services may call us, and what happens when they do."""

    def __init__(
        self, database: Database, bus: LocalBus, key: bytes, link_base: str | None, signatures: Signatures | None
    ) -> None:
        """`key` makes the secrets in addresses; `link_base`: how we are reached from outside, when that is known."""
        self._database, self._bus, self._key, self._base = database, bus, key, link_base
        self._signatures = signatures

    @property
    def replicate_url(self) -> str | None:
        return f"{self._base}/api/webhooks/replicate" if self._base else None

    def suno_url(self, job_id: str) -> str | None:
        return f"{self._base}/api/webhooks/suno/{job_id}/{self._secret(job_id)}" if self._base else None

    async def from_replicate(self, headers: Mapping[str, str], body: bytes, job_id: str | None) -> None:
        """Raises `Unauthorized` for a forged call, `MalformedJson` for a genuine one that cannot be read."""
        if self._signatures is None:
            raise errors.NotFound("Nothing is made at Replicate here.", details={"kind": "webhook"})
        if not await self._signatures.check(headers, body):
            return
        ref = _object(body).get("id")
        if job_id is not None and is_uuid(job_id) and isinstance(ref, str):
            await self._hint(job_id, "replicate", ref)

    async def from_suno(self, job_id: str, secret: str, body: bytes) -> None:
        """Raises `Unauthorized` for a wrong secret, `MalformedJson` for what cannot be read."""
        if not hmac.compare_digest(self._secret(job_id).encode(), secret.encode()):
            raise errors.Unauthorized("This address is not that of a job.")
        data = _object(body).get("data")
        ref = data.get("task_id") if isinstance(data, dict) else None
        if isinstance(ref, str) and ref:
            await self._hint(job_id, "suno", ref)

    async def _hint(self, job_id: str, provider: str, ref: str) -> None:
        await generations.note_hint(self._database, job_id, provider, ref)
        await self._bus.publish(events.ProviderHinted(job_id=job_id, provider=provider, ref=ref))

    def _secret(self, job_id: str) -> str:
        return hmac.new(self._key, f"suno:{job_id}".encode(), hashlib.sha256).hexdigest()


def _is_fresh(timestamp: str) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(time.time() - int(timestamp)) <= TOLERANCE


def _signatures(header: str) -> list[str]:
    """`v1,<base64>` each, separated by blanks: there are several while a secret is changed."""
    parted = (each.partition(",") for each in header.split())
    return [signature for version, _, signature in parted if version == "v1"]


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise errors.MalformedJson("The body is not valid JSON.") from None
    if not isinstance(found, dict):
        raise errors.MalformedJson()
    return found
