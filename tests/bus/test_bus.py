"""Both buses keep the same promises."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, fields
from typing import Any

import orjson
import pytest

from bus import events
from bus.events import Event, decode, encode
from bus.local import LocalBus, Scope
from bus.redis import RedisBus
from tests.servers.valkey import Valkey

Buses = tuple[LocalBus, LocalBus]


def started(job: str = "1") -> events.GenerationStarted:
    return events.GenerationStarted(job_id=job, type="beat", user_id="ada")


@pytest.fixture(params=["local", "redis"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[LocalBus]:
    made = LocalBus() if request.param == "local" else RedisBus(request.getfixturevalue("valkey_url"))
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def replicas(valkey_url: str) -> AsyncIterator[Buses]:
    first, second = RedisBus(valkey_url), RedisBus(valkey_url)
    await first.start()
    await second.start()
    yield first, second
    await first.close()
    await second.close()


async def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_subscriber_gets_the_event_before_publish_returns(bus: LocalBus) -> None:
    seen: list[Event] = []
    bus.subscribe(events.GenerationStarted, seen.append)
    await bus.publish(started())
    assert seen == [started()]


async def test_only_subscribers_of_that_kind_are_called(bus: LocalBus) -> None:
    seen: list[Event] = []
    bus.subscribe(events.GenerationCancelled, seen.append)
    await bus.publish(started())
    assert seen == []


async def test_subscribers_run_in_the_order_in_which_they_came_and_may_wait(bus: LocalBus) -> None:
    order: list[str] = []

    async def slow(_: Event) -> None:
        await asyncio.sleep(0.01)
        order.append("slow")

    bus.subscribe(events.GenerationStarted, slow)
    bus.subscribe(events.GenerationStarted, lambda _: order.append("quick"))
    await bus.publish(started())
    assert order == ["slow", "quick"]


async def test_a_failing_subscriber_does_not_stop_the_others_and_is_logged(
    bus: LocalBus, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[Event] = []

    def broken(_: Event) -> None:
        raise ValueError("boom")

    bus.subscribe(events.GenerationStarted, broken)
    bus.subscribe(events.GenerationStarted, seen.append, Scope.EVERYWHERE)
    await bus.publish(started())
    assert seen == [started()]
    assert "bus_subscriber_failed" in capsys.readouterr().out


async def test_nothing_arrives_after_unsubscribing(bus: LocalBus) -> None:
    seen: list[Event] = []
    unsubscribe = bus.subscribe(events.GenerationStarted, seen.append)
    unsubscribe()
    unsubscribe()
    await bus.publish(started())
    assert seen == []


async def test_another_replica_hears_only_what_is_meant_for_everywhere(replicas: Buses) -> None:
    here, there = replicas
    everywhere: list[Event] = []
    origin: list[Event] = []
    there.subscribe(events.GenerationStarted, everywhere.append, Scope.EVERYWHERE)
    there.subscribe(events.GenerationStarted, origin.append, Scope.ORIGIN)
    await here.publish(started())
    await eventually(lambda: bool(everywhere))
    assert everywhere == [started()]
    assert origin == []


async def test_the_publisher_itself_hears_an_event_once(replicas: Buses) -> None:
    here, there = replicas
    seen: list[Event] = []
    arrived: list[Event] = []
    here.subscribe(events.GenerationStarted, seen.append, Scope.EVERYWHERE)
    there.subscribe(events.GenerationStarted, arrived.append, Scope.EVERYWHERE)
    await here.publish(started())
    await eventually(lambda: bool(arrived))
    assert seen == [started()]


async def test_news_that_are_local_never_leave_the_replica(replicas: Buses) -> None:
    here, there = replicas
    at_home: list[Event] = []
    abroad: list[Event] = []
    for kind in (events.ChatStreamed, events.ChatStreamedAloud, events.ChatCompleted):
        here.subscribe(kind, at_home.append, Scope.EVERYWHERE)
        there.subscribe(kind, abroad.append, Scope.EVERYWHERE)
    words, answer = events.ChatStreamed("c", "m", "words"), events.ChatCompleted("c", "m", "words")
    aloud = events.ChatStreamedAloud("c", "m", "words", "ada")
    here.publish_nowait(words)
    here.publish_nowait(aloud)
    await here.publish(words)
    await here.publish(answer)
    await eventually(lambda: len(abroad) > 1)
    assert abroad == [aloud, answer]
    assert at_home == [words, aloud, words, answer]


async def test_many_events_arrive_elsewhere_in_the_order_of_publishing(replicas: Buses) -> None:
    here, there = replicas
    seen: list[str] = []
    there.subscribe(events.GenerationStarted, lambda event: seen.append(event.job_id), Scope.EVERYWHERE)
    await asyncio.gather(*(here.publish(started(str(number))) for number in range(2000)))
    await eventually(lambda: len(seen) == 2000)
    assert seen == [str(number) for number in range(2000)]


async def test_without_redis_local_subscribers_are_served_at_once_and_others_when_it_is_back(valkey: Valkey) -> None:
    here, there = RedisBus(valkey.url), RedisBus(valkey.url)
    await here.start()
    await there.start()
    local: list[Event] = []
    remote: list[Event] = []
    here.subscribe(events.GenerationStarted, local.append)
    there.subscribe(events.GenerationStarted, remote.append, Scope.EVERYWHERE)
    valkey.stop()
    async with asyncio.timeout(1):
        await here.publish(started("while down"))
    assert local == [started("while down")]
    valkey.start()
    number = 0
    async with asyncio.timeout(20):
        while not any(event == started("after") for event in remote):
            await here.publish(started("after"))
            number += 1
            await asyncio.sleep(0.1)
    await here.close()
    await there.close()


async def test_a_bus_that_does_not_hear_itself_says_so_and_recovers(valkey: Valkey) -> None:
    bus = RedisBus(valkey.url, heartbeat_interval=0.1, deaf_after=0.5)
    await bus.start()
    await eventually(lambda: bus.listener_age < 0.2)
    valkey.stop()
    await eventually(lambda: not bus.healthy)
    valkey.start()
    await eventually(lambda: bus.healthy, seconds=20)
    await bus.close()


async def test_the_outbox_is_bounded_while_redis_is_away(valkey: Valkey) -> None:
    bus = RedisBus(valkey.url)
    await bus.start()
    valkey.stop()
    for _ in range(10_600):
        await bus.publish(started())
    assert bus.dropped >= 50
    await bus.close()


@pytest.mark.parametrize("kind", [kind for kind in Event.kinds.values() if not kind.__subclasses__()])
def test_every_event_has_a_name_a_sentence_and_survives_the_wire(kind: type[Event]) -> None:
    event = kind(**{each.name: _example(str(each.type)) for each in fields(kind)})
    again, origin = decode(encode(event, "here"))
    assert (again, origin) == (event, "here")
    assert kind.__doc__ and not kind.__doc__.startswith(f"{kind.__name__}(")
    assert kind.name.count(":") == 1 and kind.name == kind.name.lower()
    assert asdict(event) == asdict(again)


def _example(type: str) -> Any:
    """A value of an annotated type: events hold JSON values only, so there are few."""
    examples = {
        "str": "x",
        "int": 1,
        "float": 1.5,
        "bool": True,
        "dict": {"a": [1]},
        "list": [{"b": None}],
        "tuple": ["c"],
    }
    return None if type.endswith("| None") else examples[re.split(r"\W", type)[0]]


def test_an_event_of_a_newer_replica_is_passed_over() -> None:
    assert decode(b'{"origin":"there","name":"moon:landed","fields":{}}') == (None, "there")
    newer = (
        b'{"origin":"there","name":"generation:started","fields":{"job_id":"1","type":"beat","user_id":"a","extra":1}}'
    )
    event, _ = decode(newer)
    assert event == events.GenerationStarted(job_id="1", type="beat", user_id="a")


async def test_a_replica_that_hears_again_says_so_and_one_that_hears_for_the_first_time_does_not(
    valkey: Valkey,
) -> None:
    bus = RedisBus(valkey.url)
    restored: list[Event] = []
    bus.subscribe(events.BusRestored, restored.append)
    await bus.start()
    assert bus.connected
    valkey.stop()
    await eventually(lambda: not bus.connected)
    assert restored == []
    valkey.start()
    await eventually(lambda: bus.connected and len(restored) == 1, seconds=15)
    await bus.close()


async def test_an_event_too_large_for_the_listeners_of_others_stays_here(replicas: Buses) -> None:
    first, second = replicas
    seen: list[str] = []
    second.subscribe(events.GenerationFailed, lambda event: seen.append(event.job_id), Scope.EVERYWHERE)
    await first.publish(events.GenerationFailed("large", "beat", "ada", "x" * 3_000_000, "code", False))
    await first.publish(events.GenerationFailed("small", "beat", "ada", "x", "code", False))
    await eventually(lambda: bool(seen))
    assert seen == ["small"]


async def test_what_waits_for_a_redis_that_is_away_is_bounded_in_bytes(valkey: Valkey) -> None:
    bus = RedisBus(valkey.url)
    await bus.start()
    valkey.stop()
    await eventually(lambda: not bus.connected)
    for number in range(100):
        await bus.publish(events.GenerationFailed(str(number), "beat", "ada", "x" * 1_000_000, "code", False))
    assert sum(map(len, bus._outbox)) <= 32 * 2**20
    assert bus.dropped >= 60
    await bus.close()


def test_an_event_is_encoded_field_by_field_whatever_it_holds() -> None:
    notes = [{"pitch": 60, "start": number / 4, "tags": ("a", None)} for number in range(3)]
    event = events.GenerationCompleted("job", "beat", "ada", result={"notes": notes}, base_url="", project_id=None)
    fields = asdict(event)
    assert encode(event, "here") == orjson.dumps({"origin": "here", "name": "generation:completed", "fields": fields})
