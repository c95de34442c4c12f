"""In which order the events of a client are handled, and who waits for whom."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from dawg_server import errors
from handlers.sockets import transport
from handlers.sockets.transport import dispatcher
from tests import patience
from tests.handlers.sockets.transport.conftest import RawClient, Running, Serve

Raw = Callable[[Running], Awaitable[RawClient]]


class Stage:
    """Handlers that wait until the test opens the gate."""

    def __init__(self, server: transport.Server) -> None:
        self.gate = asyncio.Event()
        self.log: list[Any] = []
        server.on("slow", self.slow)
        server.on("slow", self.slow, namespace="/voice")
        server.on("turn", self.slow, concurrent=True)
        server.on("plain", lambda sid, data: self.log.append(data))
        server.on("urgent", lambda sid, data: self.log.append(data), concurrent=True)
        server.on("disconnect", lambda sid, reason: self.log.append(reason))

    async def slow(self, sid: str, data: Any) -> Any:
        self.log.append(f"{data} begins")
        await self.gate.wait()
        self.log.append(f"{data} ends")
        return data


async def staged(serve: Serve, **options: Any) -> tuple[Running, Stage]:
    stages: list[Stage] = []
    running = await serve(lambda server: stages.append(Stage(server)), **options)
    return running, stages[0]


async def test_events_of_one_client_are_handled_one_after_the_other(serve: Serve, raw: Raw) -> None:
    running, stage = await staged(serve)
    client = await raw(running)
    await client.join()
    for number, event in enumerate(["slow", "plain", "slow", "plain"]):
        await client.send(f'42{number}["{event}",{number}]')
    await patience.until(lambda: stage.log == ["0 begins"])
    stage.gate.set()
    assert [await client.receive() for _ in range(4)] == ["430[0]", "431[]", "432[2]", "433[]"]
    assert stage.log == ["0 begins", "0 ends", 1, "2 begins", "2 ends", 3]


async def test_a_concurrent_handler_neither_waits_nor_is_waited_for(serve: Serve, raw: Raw) -> None:
    running, stage = await staged(serve)
    client = await raw(running)
    await client.join()
    for text in ('42["turn","a"]', '42["turn","b"]', '421["plain","c"]', '42["slow","d"]', '42["urgent","e"]'):
        await client.send(text)
    await patience.until(lambda: len(stage.log) == 5)
    assert stage.log == ["a begins", "b begins", "c", "d begins", "e"]


async def test_a_slow_handler_delays_neither_other_clients_nor_other_namespaces_nor_pings(
    serve: Serve, raw: Raw
) -> None:
    running, stage = await staged(serve, ping_interval=0.1)
    slow, quick = await raw(running), await raw(running)
    await slow.join()
    await slow.join("/voice")
    await quick.join()
    await slow.send('421["slow","a"]')
    await slow.send('42/voice,2["slow","b"]')
    await quick.send('423["plain","c"]')
    assert await quick.receive() == "433[]"
    await patience.until(lambda: sorted(stage.log) == ["a begins", "b begins", "c"])
    answer = asyncio.create_task(slow.receive(), name="answer")
    await patience.until(lambda: slow.pings == 4)  # the next comes when the one before was answered
    assert not answer.done()
    stage.gate.set()
    assert {await answer, await slow.receive()} == {'431["a"]', '43/voice,2["b"]'}


async def test_a_disconnect_is_noticed_at_once_and_what_waited_is_dropped(serve: Serve, raw: Raw) -> None:
    running, stage = await staged(serve)
    client = await raw(running)
    await client.join()
    await client.send('42["slow","a"]')
    await client.send('42["plain","b"]')
    await client.send("41")
    await patience.until(lambda: stage.log == ["a begins", "client disconnect"])
    stage.gate.set()
    await patience.until(lambda: stage.log == ["a begins", "client disconnect", "a ends"])


async def test_whoever_sends_more_than_can_wait_is_told_so_and_keeps_the_connection(serve: Serve, raw: Raw) -> None:
    running, stage = await staged(serve)
    client = await raw(running)
    await client.join()
    surplus = 5
    for number in range(1 + dispatcher.MAX_WAITING + surplus):
        await client.send(f'42{number}["slow",{number}]')
    refused = [await client.receive() for _ in range(surplus)]
    assert [text[: text.index("[")] for text in refused] == [
        f"43{1 + dispatcher.MAX_WAITING + n}" for n in range(surplus)
    ]
    assert all(json.loads(text[text.index("[") :])[0]["code"] == "rate_limited" for text in refused)
    stage.gate.set()
    assert [await client.receive() for _ in range(1 + dispatcher.MAX_WAITING)] == [
        f"43{number}[{number}]" for number in range(1 + dispatcher.MAX_WAITING)
    ]


async def test_what_waits_is_counted_in_bytes(serve: Serve, raw: Raw) -> None:
    running, stage = await staged(serve)
    client = await raw(running)
    await client.join()
    await client.send('42["slow",0]')
    quarter = "\N{MUSICAL SCORE}" * (dispatcher.MAX_WAITING_BYTES // 4 // 4)  # four bytes each
    for number in range(1, 5):
        await client.send(f'42{number}["slow","{quarter}"]')
    assert (await client.receive()).startswith('434[{"success":false')
    stage.gate.set()
    assert [(await client.receive())[:4] for _ in range(3)] == ["431[", "432[", "433["]


async def test_concurrent_handlers_of_one_client_have_a_bound(serve: Serve, raw: Raw) -> None:
    running, stage = await staged(serve)
    client = await raw(running)
    await client.join()
    for number in range(dispatcher.MAX_CONCURRENT + 1):
        await client.send(f'42{number}["turn",{number}]')
    assert '"code":"rate_limited"' in await client.receive()
    assert len(stage.log) == dispatcher.MAX_CONCURRENT


async def test_nothing_concurrent_begins_for_a_client_that_does_not_read_and_all_begins_in_order(
    serve: Serve, raw: Raw
) -> None:
    running, stage = await staged(serve, max_queue_bytes=8_000_000)
    client = await raw(running)
    await client.join()
    assert client.websocket._response.connection is not None
    wire = client.websocket._response.connection.transport
    assert wire is not None
    wire.pause_reading()  # type: ignore[attr-defined]
    (connected,) = running.server.manager.clients.values()
    while not connected.send_queue.congested:
        running.server.broadcast("filling", "." * 100_000)
        await asyncio.sleep(0)
    for event, name in (("urgent", "a"), ("turn", "b"), ("plain", "c"), ("turn", "d")):
        await client.send(f'42["{event}","{name}"]')
    await patience.until(lambda: connected.event_queue is not None and len(connected.event_queue._waiting) == 4)
    assert stage.log == []
    wire.resume_reading()  # type: ignore[attr-defined]
    while not stage.log:
        await client.receive()
    await patience.until(lambda: len(stage.log) == 4)
    assert stage.log == ["a", "b begins", "c", "d begins"]


async def test_errors_of_handlers_become_acks_or_error_events_and_nothing_else_happens(serve: Serve, raw: Raw) -> None:
    def broken(sid: str, data: Any) -> None:
        raise ZeroDivisionError("secret detail")

    async def forbidden(sid: str, data: Any) -> None:
        raise errors.Forbidden

    def register(server: transport.Server) -> None:
        server.on("broken", broken)
        server.on("forbidden", forbidden)
        server.on("unsendable", lambda sid, data: object())

    running = await serve(register)
    client = await raw(running)
    await client.join()
    await client.send('427["unsendable"]')
    assert '"internal_error"' in await client.receive()
    for event, code in (("broken", "internal_error"), ("forbidden", "forbidden")):
        await client.send(f'427["{event}",null]')
        (ack,) = json.loads((await client.receive()).removeprefix("437"))
        assert (ack["success"], ack["code"]) == (False, code)
        assert "secret" not in json.dumps(ack)
        await client.send(f'42["{event}",null]')
        name, payload = json.loads((await client.receive()).removeprefix("42"))
        assert (name, payload["event"], payload["code"]) == ("error", event, code)


async def test_a_handler_gets_exactly_the_arguments_that_it_has_names_for(serve: Serve, raw: Raw) -> None:
    got: list[Any] = []

    def register(server: transport.Server) -> None:
        server.on("one", lambda sid, data: got.append(data))
        server.on("many", lambda sid, *data: got.append(data))

    running = await serve(register)
    client = await raw(running)
    await client.join()
    for text in ('42["one"]', '42["one",1,2,3]', '42["many"]', '421["many",1,2,3]'):
        await client.send(text)
    await client.receive()
    assert got == [None, 1, (), (1, 2, 3)]


async def test_a_connect_handler_that_waits_holds_up_nothing_and_its_client_hears_nothing_before(
    serve: Serve, raw: Raw
) -> None:
    gate = asyncio.Event()
    left: list[str] = []

    def register(server: transport.Server) -> None:
        async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
            await server.enter_room(sid, "everyone", namespace="/voice")
            await gate.wait()

        server.on("connect", connect, namespace="/voice")
        server.on("disconnect", lambda sid, reason: left.append(reason), namespace="/voice")
        server.on("echo", lambda sid, data: data)

    running = await serve(register)
    client = await raw(running)
    await client.send("40/voice,")
    await client.join()
    await client.send('421["echo",1]')
    assert await client.receive() == "431[1]"
    running.server.broadcast("early", room="everyone", namespace="/voice")
    gate.set()
    assert (await client.receive()).startswith('40/voice,{"sid"')
    running.server.broadcast("late", room="everyone", namespace="/voice")
    assert await client.receive() == '42/voice,["late"]'

    gate.clear()
    hasty = await raw(running)
    await hasty.send("40/voice,")
    await patience.until(lambda: running.server.sockets_by_namespace()["/voice"] == 2)
    await hasty.websocket.close()
    gate.set()
    await patience.until(lambda: running.server.sockets_by_namespace() == {"/": 1, "/voice": 1})
    assert left == ["transport close"]
