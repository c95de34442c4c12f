"""Limits are counted for all replicas together whenever that is possible."""

from __future__ import annotations

import pytest

from dawg_server import errors
from dawg_server.limits import Limits
from tests.servers.valkey import Valkey


async def test_a_redis_that_was_restarted_counts_again_from_the_first_hit(valkey: Valkey) -> None:
    here, elsewhere = Limits(valkey.url), Limits(valkey.url)
    try:
        await here.check()
        await here.hit("requests", "ada", 5)
        valkey.restart()
        await here.check()
        assert (await here.hit("requests", "ada", 5)).remaining == 4
        assert (await elsewhere.hit("requests", "ada", 5)).remaining == 3
    finally:
        await here.close()
        await elsewhere.close()


async def test_a_redis_that_is_away_is_told_and_done_without(valkey: Valkey) -> None:
    limits = Limits(valkey.url)
    try:
        valkey.stop()
        with pytest.raises(Exception, match="connecting to"):
            await limits.check()
        assert (await limits.hit("requests", "ada", 5)).remaining == 4
    finally:
        await limits.close()


def test_nobody_is_told_to_come_back_before_the_time() -> None:
    for wait in (0.0001, 0.9994, 2.0):
        told = errors.RateLimited(retry_after=wait).envelope()["retryAfter"]
        assert wait <= told < wait + 0.001
