"""When something ends, breaks or is used up: connections, sessions, minutes, money and the server itself."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog

from dawg_server.voice import connection as upstream
from tests import patience
from tests.handlers.sockets import voices
from tests.handlers.sockets.voices import Browser, Service
from tests.javascript.client import JavaScript
from tests.servers.dawg import Dawg, DawgProcess
from tests.simulators import openai_realtime as realtime

LONG = realtime.say("one two three four " * 50, ms=60_000)


async def test_a_connection_lost_in_an_answer_is_replaced_and_the_talk_goes_on(
    talking: Dawg, service: Service, ada: Browser
) -> None:
    service.script(realtime.answer(LONG, pace=20), transcripts=("tell me",))
    started = await ada.start(voice="ash")
    await ada.say()
    await ada.heard("user-transcript-done")
    await ada.heard("audio-delta", 20)
    service.script()
    service.connections[0].cut()
    lost = await ada.heard("realtime-disconnected")
    assert (lost["sessionId"], lost["willReconnect"]) == (started["sessionId"], True)
    failed = ada.client.received("response-done")[0]
    assert (failed["status"], failed["reason"]) == ("failed", "connection_lost")
    recycled = await ada.heard("session-recycled")
    assert (recycled["reason"], recycled["voice"]) == ("upstream", "ash")
    await service.connections[1].said("conversation.item.done", 2)
    told = [item.wire for item in service.connections[1].conversation.items.values()]
    assert told[0]["content"][0]["text"] == "tell me"
    assert told[1]["content"][0]["text"].startswith("one")
    rest = await ada.heard("audio-done")  # of the answer, which goes on
    await ada.client.emit("playback-position", {"itemId": rest["itemId"], "playedMs": 300})
    await ada.say()
    await ada.heard("audio-done", 2)
    await ada.stop()
    estimated = await talking.services.platform.database.fetch_all(
        "SELECT input_tokens, output_tokens, total_cost FROM usage_records WHERE metadata->>'estimated' = 'true'"
    )
    assert len(estimated) == 1
    assert estimated[0]["output_tokens"] >= 40  # two seconds of sound had arrived
    assert estimated[0]["input_tokens"] >= 1000  # and it had read its instructions
    said = await talking.services.platform.database.fetch_all("SELECT role FROM messages ORDER BY seq")
    assert [row["role"] for row in said] == ["user", "assistant", "assistant", "user", "assistant"]


@pytest.mark.parametrize(
    ("trouble", "attempts", "retryable"),
    [
        ((401, "invalid_api_key"), 1, False),
        ((429, "insufficient_quota"), 1, False),
        ((503, "overloaded"), 4, True),
    ],
)
async def test_a_service_that_refuses_is_asked_again_only_when_that_may_help(
    service: Service,
    ada: Browser,
    trouble: tuple[int, str],
    attempts: int,
    retryable: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upstream, "FIRST_PAUSE", 0.1)
    service.refuse_connections = trouble
    with structlog.testing.capture_logs() as lines:
        assert (await ada.client.emit_ack("start-realtime", {}))["success"]
        stopped = await ada.heard("realtime-stopped")
    told = [line for line in lines if line.get("action") == "provider_refused"]
    assert [(line["provider"], line["status"], line["code"]) for line in told] == [("openai", *trouble)] * attempts
    assert {line["log_level"] for line in told} == {"warning" if retryable else "error"}
    assert all(trouble[1] in line["said"] for line in told)
    assert [line["provider_request_id"] for line in told] == [f"req_{number + 1}" for number in range(attempts)]
    (error,) = ada.client.received("error")
    assert (error["code"], error["fatal"]) == ("provider_failed", True)
    assert error["details"]["retryable"] is retryable
    assert "sk-test" not in str(error)
    assert ada.client.received("realtime-disconnected")[-1]["willReconnect"] is False
    assert len(service.refused) == attempts
    assert "realtime-started" not in ada.names()
    assert stopped["costUsd"] == 0
    assert (await ada.client.emit_ack("interrupt"))["code"] == "no_session"


@pytest.mark.parametrize("code", ["insufficient_quota", "invalid_api_key", "billing_hard_limit_reached"])
async def test_errors_of_credit_and_key_end_the_session_at_once_and_say_why(
    service: Service, ada: Browser, code: str
) -> None:
    await ada.start()
    with structlog.testing.capture_logs() as lines:
        await service.connections[0].error(code, "You exceeded your current quota.")
        await ada.heard("realtime-stopped")
    (told,) = [line for line in lines if line.get("action") == "provider_refused"]
    assert (told["log_level"], told["code"], told["said"]) == ("error", code, "You exceeded your current quota.")
    assert told["provider_request_id"] == service.connections[0].sent[-1]["event_id"]
    error = ada.client.received("error")[0]
    assert (error["fatal"], error["details"]["providerCode"]) == (True, code)
    assert ada.client.received("realtime-disconnected")[0]["willReconnect"] is False
    assert (await service.connections[0].over()).by == "client"
    assert len(service.connections) == 1


async def test_harmless_errors_are_told_or_kept_quiet_and_end_nothing(service: Service, ada: Browser) -> None:
    await ada.start()
    for code in ("response_cancel_not_active", "conversation_already_has_active_response", "rate_limit_exceeded"):
        await service.connections[0].error(code)
    await service.connections[0].emit("something.new", surprise=True)
    error = await ada.heard("error")
    assert (error["details"]["providerCode"], error["fatal"]) == ("rate_limit_exceeded", False)
    await ada.say()
    await ada.heard("audio-done")
    assert len(ada.client.received("error")) == 1


async def test_a_session_that_the_service_ends_after_an_hour_goes_on_in_another(service: Service, ada: Browser) -> None:
    await ada.start()
    await service.connections[0].expire()
    recycled = await ada.heard("session-recycled")
    assert recycled["reason"] == "age"
    await ada.say()
    await ada.heard("audio-done")
    assert [connection.open for connection in service.connections] == [False, True]


async def test_an_old_connection_is_replaced_between_two_answers(
    database_dsn: str, tmp_path: Path, service: Service, javascript: JavaScript
) -> None:
    listens = asyncio.Event()
    service.script(realtime.answer(realtime.say("word " * 20, ms=4000), pace=2.0), listens=listens)
    service.script()
    async with voices.server(database_dsn, tmp_path, service, VOICE_RECYCLE_SECONDS="1") as server:
        ada = await Browser.open(javascript, server)
        await ada.client.emit_ack("start-realtime", {})
        await ada.say()
        await ada.client.emit_ack("send-audio", {"audio": ""})  # everything before has been heard
        listens.set()  # and is asked of the new connection before anything else
        await ada.heard("session-recycled")
    names = ada.names()
    assert names.index("audio-done") < names.index("session-recycled")
    assert ada.client.received("session-recycled")[0]["reason"] == "age"
    assert "realtime-disconnected" not in names


async def test_a_session_in_which_nobody_speaks_ends(
    database_dsn: str, tmp_path: Path, service: Service, javascript: JavaScript
) -> None:
    async with voices.server(database_dsn, tmp_path, service, VOICE_IDLE_SECONDS="1") as server:
        ada = await Browser.open(javascript, server)
        await ada.start()
        for _ in range(4):
            await ada.send(realtime.silence(400))
            await asyncio.sleep(0.1)
        assert (await ada.heard("realtime-stopped"))["reason"] == "idle"
        assert not service.open


async def test_a_user_has_two_sessions_on_all_servers_together(
    talking: Dawg, database_dsn: str, tmp_path: Path, service: Service, javascript: JavaScript
) -> None:
    async with voices.server(database_dsn, tmp_path / "other", service) as other:
        first, second = await Browser.open(javascript, talking), await Browser.open(javascript, other)
        await first.start()
        await second.start()
        third, eve = await Browser.open(javascript, other), await Browser.open(javascript, other, "eve")
        refused = await third.client.emit_ack("start-realtime", {})
        assert (refused["code"], refused["details"]["limit"]) == ("session_limit", 2)
        assert refused["retryAfter"] > 0
        await eve.start()
        await first.stop()
        await third.start()
        assert len(service.open) == 3


async def test_many_starts_at_once_stay_within_the_limit(
    talking: Dawg, service: Service, javascript: JavaScript
) -> None:
    browsers = [await Browser.open(javascript, talking) for _ in range(6)]
    acks = await asyncio.gather(*(browser.client.emit_ack("start-realtime", {}) for browser in browsers))
    assert sorted(ack.get("code", "") for ack in acks) == ["", "", *["session_limit"] * 4]


async def test_the_minutes_of_a_day_hold_across_restarts(
    database_dsn: str, tmp_path: Path, service: Service, javascript: JavaScript
) -> None:
    async with voices.server(database_dsn, tmp_path, service, VOICE_MINUTES_PER_DAY="0.02") as server:
        ada = await Browser.open(javascript, server)
        began = time.monotonic()
        await ada.start()
        stopped = await ada.heard("realtime-stopped")
        took = time.monotonic() - began
        error = ada.client.received("error")[0]
        assert (error["code"], error["fatal"], stopped["reason"]) == ("session_limit", True, "session_limit")
        assert 1.1 < stopped["durationSeconds"] < took
    async with voices.server(database_dsn, tmp_path, service, VOICE_MINUTES_PER_DAY="0.02") as server:
        ada = await Browser.open(javascript, server)
        refused = await ada.client.emit_ack("start-realtime", {})
        assert (refused["code"], refused["details"]["unit"]) == ("session_limit", "minutes")
        assert refused["details"]["resetsAt"].endswith("T00:00:00.000Z")


async def test_without_budget_nothing_begins(talking: Dawg, service: Service, ada: Browser) -> None:
    await budget(talking, 0.01)
    refused = await ada.client.emit_ack("start-realtime", {})
    assert (refused["code"], refused["details"]["period"]) == ("budget_exceeded", "day")
    assert not service.connections
    rows = await talking.services.platform.database.fetch_all("SELECT ended_at FROM voice_sessions")
    assert all(row["ended_at"] for row in rows)


async def test_at_the_end_of_the_budget_the_answer_may_end_and_the_next_is_refused(
    talking: Dawg, service: Service, ada: Browser
) -> None:
    await budget(talking, 0.2)
    minute = realtime.say("word " * 60, ms=60_000)
    service.script(realtime.answer(minute, pace=1000), realtime.answer(minute, pace=1000))
    await ada.start()
    await ada.say()
    stopped = await ada.heard("realtime-stopped")
    assert ada.client.received("response-done")[0]["status"] == "completed"
    (error,) = ada.client.received("error")
    assert (error["code"], error["fatal"], stopped["reason"]) == ("budget_exceeded", True, "budget_exceeded")
    assert error["retryAfter"] > 0
    assert len(ada.client.received("response-started")) == 1
    assert ada.client.received("usage")[0]["remaining"]["dailyUsd"] < 0.2
    assert not service.open
    assert (await ada.client.emit_ack("start-realtime", {}))["code"] == "budget_exceeded"


@pytest.mark.long
async def test_two_hundred_sessions_leave_nothing_behind(
    talking: Dawg, service: Service, javascript: JavaScript
) -> None:
    service.script(fallback=realtime.answer(LONG, pace=20))

    async def talk(number: int) -> None:
        browser = await Browser.open(javascript, talking, f"user-{number}")
        ack = await browser.client.emit_ack("start-realtime", {})
        assert ack["success"], ack
        if number % 4:
            await browser.heard("realtime-started")
        if number % 2:
            await browser.say(100)
        await (browser.client.disconnect() if number % 3 else browser.client.emit_ack("stop-realtime"))
        await browser.client.disconnect()

    async def everything() -> tuple[int, int]:
        await patience.until(lambda: not talking.services.assistants.voice.active and not service.open)
        await asyncio.sleep(0.2)
        gc.collect()
        return len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir()))

    await asyncio.gather(*(talk(number) for number in range(20)))
    before = await everything()
    for start in range(20, 220, 25):
        await asyncio.gather(*(talk(number) for number in range(start, start + 25)))
    after = await everything()
    assert len(service.connections) >= 150
    assert after[0] <= before[0] + 1
    assert after[1] <= before[1] + 3
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("voice")]
    assert (
        await talking.services.platform.database.fetch_value(
            "SELECT count(*) FROM voice_sessions WHERE ended_at IS NULL"
        )
        == 0
    )


async def test_a_browser_that_leaves_while_its_session_is_prepared_leaves_no_session(
    talking: Dawg, service: Service, javascript: JavaScript
) -> None:
    for _ in range(10):
        browser = await Browser.open(javascript, talking)
        await browser.client.emit("start-realtime", {})
        await browser.client.disconnect()
    await asyncio.sleep(0.3)
    await patience.until(lambda: not talking.services.assistants.voice.active and not service.open)
    assert (
        await talking.services.platform.database.fetch_value(
            "SELECT count(*) FROM voice_sessions WHERE ended_at IS NULL"
        )
        == 0
    )


async def test_a_session_that_is_prepared_while_the_server_ends_does_not_begin(
    talking: Dawg, service: Service, ada: Browser
) -> None:
    async with voices.held_in_preparation(talking, ada):
        await talking.services.assistants.voice.close()
    assert (await ada.heard("error"))["code"] == "draining"
    assert talking.services.assistants.voice.active == 0
    assert not service.connections
    database = talking.services.platform.database
    assert not await database.fetch_value("SELECT count(*) FROM voice_sessions WHERE ended_at IS NULL")
    assert not await database.fetch_value("SELECT count(*) FROM budget_reservations WHERE settled_at IS NULL")


async def test_a_browser_that_reads_too_slowly_misses_sound_and_is_told_so(
    talking: Dawg, service: Service, javascript: JavaScript
) -> None:
    service.script(realtime.answer(realtime.say("word " * 900, ms=300_000), pace=100_000))
    address = f"{talking.url}/socket.io/?EIO=4&transport=websocket"
    async with talking.http.ws_connect(address, max_msg_size=0) as socket:
        await socket.send_str('40/voice,{"userId":"ada"}')
        assert "sid" in (await socket.receive_str())
        assert (await socket.receive_str()).startswith("40/voice")
        await socket.send_str('42/voice,["start-realtime",{}]')
        await expect(socket, "realtime-started")
        for at in range(8):
            await socket.send_str('451-/voice,["send-audio",{"audio":{"_placeholder":true,"num":0}}]')
            await socket.send_bytes(realtime.speech(100) if at < 3 else realtime.silence(100))
        connection = socket._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.pause_reading()  # a browser whose tab sleeps
        await service.connections[0].said("response.done")
        await asyncio.sleep(0.3)
        connection.transport.resume_reading()
        names = await expect(socket, "response-done")
    assert names.count("audio-dropped") == 1
    assert names.count("audio-delta") < 3000
    await patience.until(lambda: not talking.services.assistants.voice.active)
    assert 'dawg_dropped_events_total{reason="voice_audio"}' in await voices.metrics(talking)


async def test_sigterm_closes_and_books_sessions(
    scratch_folder: Path, service: Service, javascript: JavaScript
) -> None:
    service.script(realtime.answer(LONG, pace=20))
    keys = {"OPENAI_API_KEY": "sk-test-of-voice", "OPENAI_BASE_URL": service.base_url}
    async with DawgProcess(scratch_folder, **keys) as process:
        client = await javascript.connect(process.url, namespace="/voice", auth={"userId": "ada"})
        ada = Browser(client)
        await ada.start()
        await ada.say()
        await ada.heard("audio-delta")
        assert await process.stop(signal.SIGTERM) == 0
        stopped = await ada.heard("realtime-stopped")
        assert stopped["reason"] == "draining"
        assert stopped["costUsd"] > 0
        assert (await service.connections[0].over()).by == "client"
        ended = [line for line in process.log() if line.get("action") == "voice_ended"]
        assert [line["reason"] for line in ended] == ["draining"]
        logged = (scratch_folder / "log").read_text()
    delta = ada.client.received("audio-delta")[0]["audio"]
    assert delta[:64] not in logged
    assert "sk-test-of-voice" not in logged


async def budget(server: Dawg, daily: float) -> None:
    limits = {"dailyLimit": daily, "pauseOnExceed": True}
    status, reply = await server.json("PUT", "/api/cost-monitoring/budget", json=limits)
    assert status == 200, reply


async def expect(socket: aiohttp.ClientWebSocketResponse[Any], event: str) -> list[str]:
    """The names of all events until this one came."""
    names: list[str] = []
    async with asyncio.timeout(patience.SECONDS):
        while event not in names:
            text = await socket.receive_str()
            if text.startswith("42/voice,"):
                names.append(text.split('"', 2)[1])
    return names
