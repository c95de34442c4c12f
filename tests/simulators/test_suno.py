"""The simulator driven over HTTP: what our provider will meet on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests import patience
from tests.simulators import suno

AUDIO = bytes(range(256)) * 200
SIMPLE = {
    "customMode": False,
    "instrumental": True,
    "model": "V5",
    "prompt": "a beat",
    "callBackUrl": "https://example.com/x",
}
CUSTOM = SIMPLE | {
    "customMode": True,
    "style": "house, 125 bpm",
    "title": "Night",
    "prompt": "la la",
    "instrumental": False,
}


def files() -> tuple[suno.File, suno.File]:
    return suno.File(AUDIO, "a.mp3", "audio/mpeg"), suno.File(AUDIO[::-1], "b.mp3", "audio/mpeg")


class Caller:
    """A client of the gateway without any manners of its own."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def create(self, body: Any, path: str = "/api/v1/generate") -> dict[str, Any]:
        async with self.session.post(path, json=body) as response:
            assert response.status == 200
            answer: dict[str, Any] = await response.json()
            return answer

    async def read(self, task_id: str, path: str = "/api/v1/generate") -> Any:
        async with self.session.get(f"{path}/record-info", params={"taskId": task_id}) as response:
            return await response.json()

    async def credit(self) -> Any:
        async with self.session.get("/api/v1/generate/credit") as response:
            return (await response.json())["data"]

    async def fetch(self, url: str) -> bytes:
        async with self.session.get(url) as response:
            response.raise_for_status()
            return await response.read()


@pytest.fixture
async def service() -> AsyncIterator[suno.SunoSimulator]:
    async with suno.SunoSimulator(key="sk", credits=100) as running:
        yield running


@pytest.fixture
async def caller(service: suno.SunoSimulator) -> AsyncIterator[Caller]:
    headers = {"Authorization": "Bearer sk"}
    async with aiohttp.ClientSession(service.base_url, headers=headers) as session:
        yield Caller(session)


async def test_every_request_makes_two_songs_and_costs_credits(service: suno.SunoSimulator, caller: Caller) -> None:
    service.plan(*files(), durations=(31.5, 29.0))
    answer = await caller.create(SIMPLE)
    assert (answer["code"], answer["msg"]) == (200, "success")
    task = await service.tasks[0].over()
    data = (await caller.read(answer["data"]["taskId"]))["data"]
    assert data["status"] == "SUCCESS" and data["taskId"] == task.id and json.loads(data["param"]) == SIMPLE
    songs = data["response"]["sunoData"]
    assert [song["duration"] for song in songs] == [31.5, 29.0] and songs[0]["id"] != songs[1]["id"]
    assert [await caller.fetch(song["audioUrl"]) for song in songs] == [AUDIO, AUDIO[::-1]]
    assert await caller.credit() == service.credits == 88


async def test_songs_appear_stage_by_stage_with_a_stream_before_the_files(
    service: suno.SunoSimulator, caller: Caller
) -> None:
    service.plan(*files(), hold=True)
    task_id = (await caller.create(SIMPLE))["data"]["taskId"]
    seen = [(await caller.read(task_id))["data"]]
    for status in ("TEXT_SUCCESS", "FIRST_SUCCESS", "SUCCESS"):
        await service.move(service.tasks[0], status)
        seen.append((await caller.read(task_id))["data"])
    assert [data["status"] for data in seen] == ["PENDING", "TEXT_SUCCESS", "FIRST_SUCCESS", "SUCCESS"]
    assert seen[0]["response"] is None
    ready = [[bool(song["audioUrl"]) for song in data["response"]["sunoData"]] for data in seen[1:]]
    assert ready == [[False, False], [True, False], [True, True]]
    assert await caller.fetch(seen[1]["response"]["sunoData"][1]["streamAudioUrl"]) == AUDIO[::-1]


async def test_the_other_dialect_says_the_same_in_snake_case(service: suno.SunoSimulator, caller: Caller) -> None:
    service.plan(*files(), snake_case=True)
    task_id = (await caller.create(SIMPLE))["data"]["taskId"]
    await service.tasks[0].over()
    response = (await caller.read(task_id))["data"]["response"]
    assert "sunoData" not in response and len(response["data"]) == 2
    assert await caller.fetch(response["data"][0]["audio_url"]) == AUDIO
    assert response["data"][0]["stream_audio_url"] and "audioUrl" not in response["data"][0]


@pytest.mark.parametrize(
    ("status", "code"),
    [("SENSITIVE_WORD_ERROR", 400), ("GENERATE_AUDIO_FAILED", 501), ("CREATE_TASK_FAILED", 501)],
)
async def test_a_failed_task_says_why_and_keeps_or_refunds_the_credits(
    service: suno.SunoSimulator, caller: Caller, status: str, code: int
) -> None:
    for refund, left in ((False, 88), (True, 88)):
        service.plan(stages=[status], error="The words were refused.", refund=refund)
        task_id = (await caller.create(SIMPLE))["data"]["taskId"]
        await service.tasks[-1].over()
        data = (await caller.read(task_id))["data"]
        assert (data["status"], data["errorCode"], data["errorMessage"]) == (status, code, "The words were refused.")
        assert await caller.credit() == left


async def test_after_a_callback_exception_the_songs_may_exist(service: suno.SunoSimulator, caller: Caller) -> None:
    service.plan(*files(), stages=["TEXT_SUCCESS", "CALLBACK_EXCEPTION", "SUCCESS"])
    task_id = (await caller.create(SIMPLE))["data"]["taskId"]
    seen = set()
    while "SUCCESS" not in seen:
        data = (await caller.read(task_id))["data"]
        seen.add(data["status"])
        if data["status"] == "CALLBACK_EXCEPTION":
            assert await caller.fetch(data["response"]["sunoData"][0]["audioUrl"]) == AUDIO
        await asyncio.sleep(0.005)
    assert "CALLBACK_EXCEPTION" in seen


LYRICS = "la " * 1700


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], 400),
        (SIMPLE | {"callBackUrl": ""}, 400),
        ({name: value for name, value in SIMPLE.items() if name != "callBackUrl"}, 400),
        (SIMPLE | {"customMode": "yes"}, 400),
        ({name: value for name, value in SIMPLE.items() if name != "instrumental"}, 400),
        (SIMPLE | {"model": "V3"}, 400),
        (SIMPLE | {"prompt": ""}, 400),
        (SIMPLE | {"prompt": "x" * 501}, 413),
        (SIMPLE | {"style": "pop"}, 400),
        (SIMPLE | {"vocalGender": "x"}, 400),
        (SIMPLE | {"styleWeight": 1.1}, 400),
        (SIMPLE | {"audioWeight": True}, 400),
        (SIMPLE | {"negativeTags": 7}, 400),
        (CUSTOM | {"title": ""}, 400),
        (CUSTOM | {"style": ""}, 400),
        (CUSTOM | {"prompt": ""}, 400),
        (CUSTOM | {"prompt": LYRICS}, 413),
        (CUSTOM | {"prompt": LYRICS[:3001], "model": "V4"}, 413),
        (CUSTOM | {"style": "x" * 1001}, 413),
        (CUSTOM | {"style": "x" * 201, "model": "V4"}, 413),
        (CUSTOM | {"title": "x" * 101}, 413),
        (CUSTOM | {"title": "x" * 81, "model": "V4_5ALL"}, 413),
    ],
)
async def test_requests_that_the_real_service_would_not_take_cost_nothing(
    service: suno.SunoSimulator, caller: Caller, body: Any, code: int
) -> None:
    service.plan(*files())
    answer = await caller.create(body)
    assert (answer["code"], answer["data"]) == (code, None) and answer["msg"]
    assert service.tasks == [] and service.credits == 100 and service.unused == 1


@pytest.mark.parametrize(
    "body",
    [
        SIMPLE | {"prompt": "x" * 500},
        CUSTOM | {"prompt": LYRICS[:5000], "style": "x" * 1000, "title": "x" * 100},
        CUSTOM | {"prompt": LYRICS[:3000], "style": "x" * 200, "title": "x" * 80, "model": "V4"},
        CUSTOM | {"prompt": "", "instrumental": True, "vocalGender": "f", "styleWeight": 1, "negativeTags": "drums"},
    ],
)
async def test_requests_at_the_limits_are_taken(service: suno.SunoSimulator, caller: Caller, body: Any) -> None:
    service.plan(*files())
    assert (await caller.create(body))["code"] == 200
    assert service.tasks[0].body == body


@pytest.mark.parametrize(
    ("refusal", "code"),
    [(suno.no_credit(), 429), (suno.too_frequent(), 430), (suno.maintenance(), 455), (suno.broken(), 500)],
)
async def test_planned_refusals_come_with_http_200(
    service: suno.SunoSimulator, caller: Caller, refusal: suno.Refusal, code: int
) -> None:
    service.plan(create=refusal)
    assert (await caller.create(SIMPLE))["code"] == code
    assert len(service.creations) == 1 and service.tasks == []


async def test_an_empty_account_is_429_and_a_wrong_key_401(service: suno.SunoSimulator, caller: Caller) -> None:
    service.credits = 11
    service.plan(*files())
    assert (await caller.create(SIMPLE))["code"] == 429
    async with aiohttp.ClientSession(service.base_url, headers={"Authorization": "Bearer no"}) as stranger:
        assert (await Caller(stranger).create(SIMPLE))["code"] == 401
        assert (await Caller(stranger).read("x"))["code"] == 401
    assert service.tasks == []


async def test_a_request_without_a_plan_is_an_error_of_the_test(caller: Caller) -> None:
    assert "planned no further" in (await caller.create(SIMPLE))["msg"]


async def test_the_twenty_first_request_in_ten_seconds_and_the_fourth_read_in_one_are_too_frequent() -> None:
    async with (
        suno.SunoSimulator(limited=True, speed=1) as service,
        aiohttp.ClientSession(service.base_url, headers={"Authorization": "Bearer any"}) as session,
    ):
        caller = Caller(session)
        for _ in range(20):
            service.plan(hold=True)
        codes = [(await caller.create(SIMPLE))["code"] for _ in range(21)]
        reads = [(await caller.read(service.tasks[0].id))["code"] for _ in range(4)]
        other = (await caller.read(service.tasks[1].id))["code"]
    assert codes == [200] * 20 + [430] and len(service.tasks) == 20
    assert reads == [200, 200, 200, 430] and other == 200


@pytest.mark.parametrize(("fault", "made"), [("cut", 0), ("cut when made", 1)])
async def test_after_a_cut_connection_the_caller_cannot_know_whether_it_was_made(
    service: suno.SunoSimulator, caller: Caller, fault: Any, made: int
) -> None:
    service.plan(*files(), create=fault)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await caller.create(SIMPLE)
    assert (len(service.tasks), await caller.credit()) == (made, 100 - 12 * made)


async def test_a_hanging_request_holds_the_caller_until_its_own_timeout(
    service: suno.SunoSimulator, caller: Caller
) -> None:
    service.plan(*files(), create="hang when made")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await caller.create(SIMPLE)
    assert len(service.tasks) == 1


async def test_reads_fail_as_planned_and_then_work(service: suno.SunoSimulator, caller: Caller) -> None:
    # aiohttp itself repeats a GET once when a connection that it used before breaks, hence two cuts
    service.plan(*files(), reads=[suno.broken(), suno.broken(http_status=502), "cut", "cut"])
    task_id = (await caller.create(SIMPLE))["data"]["taskId"]
    assert (await caller.read(task_id))["code"] == 500
    assert (await caller.read(task_id))["code"] == 500
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await caller.read(task_id)
    await service.tasks[0].over()
    assert (await caller.read(task_id))["data"]["status"] == "SUCCESS"


async def test_an_unknown_task_has_no_data(caller: Caller) -> None:
    assert await caller.read("nothing") == {"code": 200, "msg": "success", "data": None}


@pytest.mark.parametrize(("kind", "cost"), [("separate_vocal", 10), ("split_stem", 50)])
async def test_stems_of_a_song_made_here_are_charged_again(
    service: suno.SunoSimulator, caller: Caller, kind: str, cost: int
) -> None:
    path = "/api/v1/vocal-removal"
    service.plan(*files())
    await caller.create(SIMPLE)
    song = await service.tasks[0].over()
    body = {"taskId": song.id, "audioId": song.audio_ids[1], "type": kind, "callBackUrl": "https://example.com/x"}
    service.plan(stems={"vocal": suno.File(AUDIO, "v.mp3"), "drums": suno.File(AUDIO, "d.mp3")}, hold=True)
    task_id = (await caller.create(body, f"{path}/generate"))["data"]["taskId"]
    waiting = (await caller.read(task_id, path))["data"]
    assert (waiting["successFlag"], waiting["response"]) == ("PENDING", None)
    await service.move(service.tasks[1], "SUCCESS")
    data = (await caller.read(task_id, path))["data"]
    assert data["successFlag"] == "SUCCESS" and data["response"]["bassUrl"] is None
    assert await caller.fetch(data["response"]["drumsUrl"]) == AUDIO
    assert await caller.credit() == 100 - 12 - cost
    assert (await caller.read(task_id))["data"] is None  # another kind of record


async def test_stems_need_a_song_made_here_and_all_fields(service: suno.SunoSimulator, caller: Caller) -> None:
    whole = {"taskId": "x", "audioId": "y", "type": "split_stem", "callBackUrl": "https://example.com/x"}
    for body in (whole, whole | {"type": "all"}, whole | {"audioId": ""}, whole | {"callBackUrl": None}, None):
        assert (await caller.create(body, "/api/v1/vocal-removal/generate"))["code"] == 400
    assert service.credits == 100


async def test_callbacks_come_at_each_stage_and_never_leave_this_machine(
    service: suno.SunoSimulator, caller: Caller
) -> None:
    received: list[Any] = []

    async def hook(request: web.BaseRequest) -> web.Response:
        received.append((request.path, await request.read()))
        return web.Response()

    runner = web.ServerRunner(web.Server(hook))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/secret"
        service.plan(*files())
        await caller.create(SIMPLE | {"callBackUrl": url})
        task = await service.tasks[0].over()
        async with asyncio.timeout(patience.SECONDS):
            while len(received) < 3:
                await asyncio.sleep(0.005)
        await service.call_back(task)
        await service.call_back(task, url=url.replace("secret", "guessed"))
        await service.call_back(task, task_id="another", songs=[{"id": "z", "audio_url": "http://evil.example/x.mp3"}])
        await service.call_back(task, body=b"{not json")
        service.plan(stages=["SENSITIVE_WORD_ERROR"])
        await caller.create(SIMPLE)
        await service.tasks[1].over()
    finally:
        await runner.cleanup()
    bodies = [json.loads(body) for _, body in received[:6]]
    assert [body["data"]["callbackType"] for body in bodies] == ["text", "first", *["complete"] * 4]
    assert bodies[2] == bodies[3] and bodies[2]["data"]["task_id"] == task.id
    assert all(song["audio_url"].startswith(service.base_url) for song in bodies[2]["data"]["data"])
    assert received[4][0] == "/hooks/guessed" and bodies[5]["data"]["task_id"] == "another"
    assert received[6][1] == b"{not json"
    assert [delivery.status for delivery in service.deliveries] == [*[200] * 7, 0]
    refused = json.loads(service.deliveries[-1].body)
    assert refused["code"] == 400 and refused["data"] == {
        "callbackType": "error",
        "task_id": service.tasks[1].id,
        "data": None,
    }


async def test_downloads_can_break_off_or_be_something_else(service: suno.SunoSimulator, caller: Caller) -> None:
    service.plan(suno.File(AUDIO, "a.mp3", cut_after=100), suno.File(b"<html>", "b.mp3", "text/html"))
    await caller.create(SIMPLE)
    first, second = (await service.tasks[0].over()).songs()
    with pytest.raises(aiohttp.ClientPayloadError):
        await caller.fetch(first["audioUrl"])
    assert await caller.fetch(second["audioUrl"]) == b"<html>"
