"""Whether Redis answers, and passes on what is published."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from dawg_server.doctor.findings import PROBE_TIMEOUT, Finding, bad, good, note
from dawg_server.settings import Settings


async def examine(settings: Settings) -> Finding:
    if not settings.redis_url:
        return note("Redis", "Not set: this server runs alone. Several replicas need REDIS_URL.")
    client = redis.asyncio.Redis.from_url(
        settings.redis_url, socket_connect_timeout=PROBE_TIMEOUT, socket_timeout=PROBE_TIMEOUT
    )
    try:
        async with asyncio.timeout(2 * PROBE_TIMEOUT):
            await client.ping()
            version = await _version(client)
            heard = await _hears_itself(client)
    except (RedisError, OSError) as error:  # TimeoutError is one of them
        return bad(
            "Redis",
            f"It does not answer ({type(error).__name__}). Check REDIS_URL, its password, and whether it "
            "wants rediss://.",
        )
    finally:
        await client.aclose()
    if not heard:
        return bad(
            "Redis",
            f"Redis {version} answers, but what is published does not come back. Allow this user SUBSCRIBE "
            "and PUBLISH on the channels dawg:*, and use no proxy that lacks them.",
        )
    use = "replicas share events" if settings.redis_adapter else "rate limits only; set WEBSOCKET_REDIS_ADAPTER=true"
    return good("Redis", f"Redis {version} answers and passes on what is published ({use}).")


async def _version(client: redis.asyncio.Redis) -> str:
    try:
        about: dict[str, Any] = await client.info("server")
    except RedisError:  # a user who may not ask
        return "of unknown version"
    return str(about.get("redis_version", "of unknown version"))


async def _hears_itself(client: redis.asyncio.Redis) -> bool:
    channel, word = f"dawg:doctor:{uuid.uuid4().hex}", uuid.uuid4().hex
    try:
        async with asyncio.timeout(PROBE_TIMEOUT), client.pubsub() as pubsub:
            await pubsub.subscribe(channel)
            published = False
            async for message in pubsub.listen():
                if message["type"] == "subscribe" and not published:
                    published = True
                    await client.publish(channel, word)
                elif message["type"] == "message":
                    return bool(message["data"].decode() == word)
    except (RedisError, TimeoutError):
        return False
    return False
