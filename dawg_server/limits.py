"""How often somebody may do something: moving windows, exact across replicas with Redis and in process without it."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from dawg_server import errors, logs
from dawg_server.wire import timestamp

if TYPE_CHECKING:
    import redis.asyncio
    from limits.aio.strategies import MovingWindowRateLimiter

WINDOW = 60.0  # seconds
MAX_LOCAL_KEYS = 20_000  # the windows that were used longest ago are forgotten first
REDIS_TIMEOUT = 1.0  # seconds
FALLBACK_SECONDS = 5.0  # how long counting stays in this process after Redis failed

log: structlog.stdlib.BoundLogger = logs.get("main")


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit; becomes the `X-RateLimit-*` headers. `resets_at` is in epoch seconds.

    `limit` is None where somebody else's is reached and only they know it.
    """

    limit: float | None
    remaining: int
    resets_at: float

    @classmethod
    def used_up(cls, error: errors.RateLimited) -> Allowance:
        return cls((error.details or {}).get("limit"), 0, error.resets_at)


class Limits:
    """Counts hits of `who` on `what` over a moving minute."""

    def __init__(self, redis_url: str | None = None) -> None:
        self._windows: dict[str, deque[float]] = {}
        self._redis: redis.asyncio.Redis | None = None
        self._shared: MovingWindowRateLimiter | None = None
        self._shared_again_at = 0.0
        if redis_url:
            import redis.asyncio
            from limits.aio.storage import RedisStorage
            from limits.aio.strategies import MovingWindowRateLimiter
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import ConnectionError

            # A connection from before a restart of Redis is replaced at once; what hangs is not waited for twice.
            retry = Retry(NoBackoff(), 1, supported_errors=(ConnectionError,))
            pool = redis.asyncio.ConnectionPool.from_url(
                redis_url, socket_timeout=REDIS_TIMEOUT, socket_connect_timeout=REDIS_TIMEOUT, retry=retry
            )
            self._redis = redis.asyncio.Redis(connection_pool=pool)
            storage = RedisStorage(
                f"async+{redis_url}",
                connection_pool=pool,  # type: ignore[arg-type]  # the library's annotation knows plain options only
                implementation="redispy",
                key_prefix="dawg:limit",
            )
            self._shared = MovingWindowRateLimiter(storage)

    async def hit(self, what: str, who: str, per_minute: int) -> Allowance:
        """Counts one hit; raises `errors.RateLimited` with the limit and the time when it is free again."""
        allowance = await self._count(what, who, per_minute)
        if allowance.remaining < 0:
            often = "once" if per_minute == 1 else f"{per_minute} times"
            raise errors.RateLimited(
                f"That was more than {often} in a minute. Wait a moment.",
                details={"limit": per_minute, "remaining": 0, "resetsAt": timestamp(allowance.resets_at)},
                retry_after=max(1.0, allowance.resets_at - time.time()),
            )
        return allowance

    async def check(self) -> None:
        """Raises when limits cannot be counted for all replicas together; at once, or after `REDIS_TIMEOUT`."""
        if self._redis is not None:
            await self._redis.ping()

    async def close(self) -> None:
        if self._redis is not None:
            await self._redis.aclose(close_connection_pool=True)

    async def _count(self, what: str, who: str, per_minute: int) -> Allowance:
        """`remaining` is -1 when there was none left."""
        if self._shared is not None and time.monotonic() >= self._shared_again_at:
            try:
                return await self._count_shared(self._shared, what, who, per_minute)
            except Exception as error:
                self._shared_again_at = time.monotonic() + FALLBACK_SECONDS
                log.warning(
                    "Redis does not answer: rate limits are counted on this replica alone.",
                    action="limits_redis_lost",
                    error=type(error).__name__,
                )
        return self._count_local(f"{what}:{who}", per_minute)

    @staticmethod
    async def _count_shared(limiter: MovingWindowRateLimiter, what: str, who: str, per_minute: int) -> Allowance:
        import limits

        limit = limits.RateLimitItemPerMinute(per_minute)
        allowed = await limiter.hit(limit, what, who)
        resets_at, remaining = await limiter.get_window_stats(limit, what, who)
        return Allowance(per_minute, remaining if allowed else -1, resets_at)

    def _count_local(self, key: str, per_minute: int) -> Allowance:
        now = time.time()
        window = self._windows.pop(key, None) or deque()
        self._windows[key] = window
        if len(self._windows) > MAX_LOCAL_KEYS:
            del self._windows[next(iter(self._windows))]
        while window and window[0] <= now - WINDOW:
            window.popleft()
        if len(window) >= per_minute:
            return Allowance(per_minute, -1, window[0] + WINDOW)
        window.append(now)
        return Allowance(per_minute, per_minute - len(window), window[0] + WINDOW)
