"""The keys of an outside sign-in service, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import jwt
import pytest

from dawg_server import errors
from dawg_server.key_set import KeySet
from tests.accounts.key_service import KeyService


@pytest.fixture
async def service() -> AsyncIterator[KeyService]:
    async with KeyService() as running:
        running.add("one")
        yield running


async def test_keys_are_asked_for_once_however_many_need_them_at_once(service: KeyService) -> None:
    service.delay = 0.05
    keys = KeySet(service.url)
    found = await asyncio.gather(*(keys.key("one", "RS256") for _ in range(50)))
    assert len({id(key) for key in found}) == 1
    await keys.key("one", "RS256")
    assert service.asked == 1
    await keys.close()


async def test_a_new_key_is_found_and_a_withdrawn_one_forgotten(service: KeyService) -> None:
    keys = KeySet(service.url, min_interval=0.0)
    await keys.key("one", "RS256")
    service.add("two", "ES256")
    service.withdraw("one")
    assert await keys.key("two", "ES256")
    with pytest.raises(errors.Unauthorized):
        await keys.key("one", "RS256")
    await keys.close()


async def test_a_withdrawn_key_is_forgotten_even_when_nobody_brings_a_new_one(service: KeyService) -> None:
    keys = KeySet(service.url, max_age=0.05, min_interval=0.0)
    await keys.key("one", "RS256")
    service.withdraw("one")
    await asyncio.sleep(0.06)
    with pytest.raises(errors.Unauthorized):
        await keys.key("one", "RS256")
    await keys.close()


async def test_a_flood_of_unknown_keys_reaches_the_service_once_per_interval(service: KeyService) -> None:
    keys = KeySet(service.url, min_interval=30.0)
    outcomes = await asyncio.gather(
        *(keys.key(f"made up {number}", "RS256") for number in range(500)), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} == {errors.Unauthorized}
    assert service.asked == 1
    assert await keys.key("one", "RS256")  # whoever is known is served meanwhile
    await keys.close()


async def test_known_keys_serve_on_while_the_service_is_down_and_unknown_ones_have_to_wait(service: KeyService) -> None:
    keys = KeySet(service.url, max_age=0.0, min_interval=0.0)
    await keys.key("one", "RS256")
    await service.stop()
    assert await keys.key("one", "RS256")
    with pytest.raises(errors.DependencyUnavailable) as refused:
        await keys.key("two", "RS256")
    assert refused.value.status == 503
    service.add("two")
    await service.start()
    assert await keys.key("two", "RS256")
    await keys.close()


async def test_a_service_that_hangs_delays_one_request_and_not_those_beside_it(service: KeyService) -> None:
    keys = KeySet(service.url, max_age=0.0, min_interval=0.0)
    await keys.key("one", "RS256")
    service.delay = 0.5
    first = asyncio.create_task(keys.key("one", "RS256"), name="first")
    await asyncio.sleep(0.01)
    async with asyncio.timeout(0.2):
        assert await keys.key("one", "RS256")
    assert await first
    await keys.close()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"keys": 1}', b"x" * 300_000, b"\xff"])
async def test_an_answer_that_is_no_key_set_counts_as_none(service: KeyService, body: bytes) -> None:
    service.body = body or b" "
    keys = KeySet(service.url, min_interval=0.0)
    with pytest.raises(errors.DependencyUnavailable):
        await keys.key("one", "RS256")
    service.body = None
    assert await keys.key("one", "RS256")
    service.status = 500
    with pytest.raises(errors.DependencyUnavailable):
        await keys.key("two", "RS256")
    await keys.close()


async def test_a_key_serves_its_own_algorithm_only_and_only_for_signatures(service: KeyService) -> None:
    service.add("elliptic", "ES256")
    service.add("for encryption", use="enc")
    service.body = None
    keys = KeySet(service.url)
    for kid, algorithm in (("elliptic", "RS256"), ("one", "ES256"), ("for encryption", "RS256"), (None, "RS256")):
        with pytest.raises(errors.Unauthorized):
            await keys.key(kid, algorithm)
    assert await keys.key("elliptic", "ES256")
    await keys.close()


async def test_every_kind_of_key_that_services_publish_is_known(service: KeyService) -> None:
    """RSA keys that name no algorithm, as some publish them, are good for both paddings; short ones for nothing."""
    for kid, algorithm in (("pss", "PS256"), ("curve", "EdDSA"), ("ec", "ES256")):
        service.add(kid, algorithm)
    service.add("unnamed", alg=None)
    service.add("short", bits=1024)
    keys = KeySet(service.url)
    good = [("one", "RS256"), ("pss", "PS256"), ("curve", "EdDSA"), ("ec", "ES256")]
    for kid, algorithm in (*good, ("unnamed", "RS256"), ("unnamed", "PS256")):
        claims = jwt.decode(
            service.sign(kid, algorithm=algorithm), await keys.key(kid, algorithm), algorithms=[algorithm]
        )
        assert claims["sub"] == "ada"
    for kid, algorithm in (("short", "RS256"), ("one", "PS256"), ("pss", "RS256"), ("curve", "ES256")):
        with pytest.raises(errors.Unauthorized):
            await keys.key(kid, algorithm)
    await keys.close()
