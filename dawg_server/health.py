"""Whether the server and what it stands on work. Every probe has a time limit; paid services are never called."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bus.local import LocalBus
from dawg_server.database.pool import Database
from dawg_server.limits import Limits
from dawg_server.settings import Settings
from dawg_server.storage import Storage

PROBE_TIMEOUT = 2.0  # seconds
KEPT = 1.0  # seconds that a probe's answer is reused, so that /health cannot become a load of its own


@dataclass(slots=True)
class _Kept:
    answer: dict[str, Any]
    until: float


class Health:
    """Probes the dependencies of this process."""

    def __init__(self, settings: Settings, database: Database, storage: Storage, bus: LocalBus, limits: Limits) -> None:
        self._settings, self._database, self._storage, self._bus = settings, database, storage, bus
        self._limits = limits
        self._kept: dict[str, _Kept] = {}

    async def dependencies(self) -> dict[str, dict[str, Any]]:
        """Each: `status` ok, unconfigured, failing or development, with `latencyMs` and `detail` where they help."""
        settings = self._settings
        database, storage, redis = await asyncio.gather(
            self._probe(
                "database", lambda: self._database.ping(PROBE_TIMEOUT), None if settings.database_url else "embedded"
            ),
            self._probe("storage", self._storage.check, self._storage.name),
            self._redis(),
        )
        return {
            "database": database,
            "redis": redis,
            "storage": storage,
            "anthropic": _key(settings.anthropic_key),
            "openai": _key(settings.openai_key),
            "replicate": _key(settings.replicate_key),
            "suno": _key(settings.suno_key),
            "auth": {"status": "ok" if settings.secured else "development"},
        }

    async def database_works(self) -> bool:
        answer = await self._probe("database", lambda: self._database.ping(PROBE_TIMEOUT), None)
        return bool(answer["status"] == "ok")

    async def _probe(self, name: str, check: Callable[[], Awaitable[object]], detail: str | None) -> dict[str, Any]:
        kept = self._kept.get(name)
        if kept and time.monotonic() < kept.until:
            return kept.answer | ({"detail": detail} if detail else {})
        clock = time.monotonic()
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                await check()
            answer = {"status": "ok", "latencyMs": round((time.monotonic() - clock) * 1000, 1)}
        except Exception as error:
            answer = {"status": "failing", "detail": type(error).__name__}
        self._kept[name] = _Kept(answer, time.monotonic() + KEPT)
        return answer | ({"detail": detail} if detail and answer["status"] == "ok" else {})

    async def _redis(self) -> dict[str, Any]:
        if not self._settings.redis_url:
            return {"status": "unconfigured"}
        if not self._bus.healthy:  # a Redis that answers is not enough
            return {"status": "failing", "detail": "this replica does not hear itself"}
        use = None if self._settings.redis_adapter else "rate limits only"
        return await self._probe("redis", self._limits.check, use)


def _key(value: str | None) -> dict[str, Any]:
    return {"status": "ok", "detail": "key set"} if value else {"status": "unconfigured", "detail": "key not set"}
