"""The simulator driven by the real SDK: what our provider will meet on the wire."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import pydantic.v1
import pytest
from aiohttp import web
from replicate.client import Client
from replicate.exceptions import ModelError, ReplicateError
from replicate.webhook import (
    InvalidSignatureError,
    InvalidTimestampError,
    Webhooks,
    WebhookSigningSecret,
)

from tests import patience
from tests.simulators import replicate

VERSION = "5c7d5dc6dd8bf75c1acaa8565735e7986bc5b66206b55cca93cb72c9bf15ccaa"
AUDIO = bytes(range(256)) * 400


@pytest.fixture
async def service() -> AsyncIterator[replicate.ReplicateSimulator]:
    async with replicate.ReplicateSimulator(token="r8_test", versions=[VERSION]) as running:
        yield running


@pytest.fixture
async def client(service: replicate.ReplicateSimulator) -> AsyncIterator[Client]:
    made = Client(api_token="r8_test", base_url=service.base_url)
    made.poll_interval = 0.005
    yield made
    await made._async_client.aclose()


async def create(client: Client, **params: Any) -> Any:
    return await client.predictions.async_create(version=VERSION, input={"prompt": "a beat"}, **params)


async def fetch(url: str) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        response.raise_for_status()
        return await response.read()


async def test_a_prediction_runs_to_its_output_files_and_its_price(
    service: replicate.ReplicateSimulator, client: Client
) -> None:
    service.plan({"drums": replicate.File(AUDIO, "drums.wav"), "piano": None}, predict_seconds=3.0, progress=[50])
    prediction = await create(client)
    assert (prediction.status, prediction.output) == ("starting", None)
    await prediction.async_wait()
    assert prediction.status == "succeeded" and prediction.output["piano"] is None
    assert await fetch(prediction.output["drums"]) == AUDIO
    assert 3.0 <= prediction.metrics["predict_time"] < 60
    assert [made.input for made in service.predictions] == [{"prompt": "a beat"}]
    assert service.predictions[0].version == VERSION and service.predictions[0].reads > 1 and service.unused == 0


async def test_models_without_a_version_have_their_own_path(
    service: replicate.ReplicateSimulator, client: Client
) -> None:
    service.plan(replicate.File(AUDIO))
    await client.models.predictions.async_create(model="meta/musicgen", input={"prompt": "x"})
    assert service.predictions[0].model == "meta/musicgen"
    assert service.creations[0].path == "/v1/models/meta/musicgen/predictions"


async def test_run_waits_briefly_and_then_polls(service: replicate.ReplicateSimulator, client: Client) -> None:
    service.plan([replicate.File(AUDIO)], queue_seconds=5, predict_seconds=1)
    output: Any = await client.async_run(f"a/b:{VERSION}", input={}, wait=1)
    assert str(output[0]).startswith(service.base_url)
    assert service.predictions[0].headers["prefer"] == "wait=1" and service.predictions[0].reads > 0


async def test_a_short_wait_brings_a_finished_prediction_at_once(
    service: replicate.ReplicateSimulator, client: Client
) -> None:
    service.plan(replicate.File(AUDIO), predict_seconds=1)
    assert (await create(client, wait=30)).status == "succeeded"
    assert service.predictions[0].reads == 0


async def test_progress_bars_in_the_logs_are_read_by_the_sdk(
    service: replicate.ReplicateSimulator, client: Client
) -> None:
    service.plan(hold=True)
    prediction = await create(client)
    made = service.predictions[0]
    service.start(made)
    for percent in (0, 42, 100):
        made.show_progress(percent)
        await prediction.async_reload()
        assert prediction.progress.percentage == percent / 100
        assert (prediction.progress.current, prediction.progress.total) == (percent * 5, 500)


async def test_a_failed_prediction_carries_the_models_error(
    service: replicate.ReplicateSimulator, client: Client
) -> None:
    service.plan(status="failed", error="CUDA out of memory")
    with pytest.raises(ModelError, match="CUDA out of memory"):
        await client.async_run(f"a/b:{VERSION}", input={}, wait=False)
    assert service.predictions[0].charged


async def test_cancelling_stops_a_running_prediction_and_is_counted(
    service: replicate.ReplicateSimulator, client: Client
) -> None:
    service.plan(predict_seconds=3600)
    prediction = await create(client)
    await prediction.async_cancel()
    await prediction.async_cancel()
    assert prediction.status == "canceled" and service.predictions[0].cancels == 2


async def test_a_cancel_may_take_effect_late_or_get_lost(service: replicate.ReplicateSimulator, client: Client) -> None:
    service.plan(predict_seconds=3600, cancels=["cut", replicate.broken(500)], cancel_seconds=2)
    prediction = await create(client)
    with pytest.raises(httpx.RemoteProtocolError):
        await prediction.async_cancel()
    with pytest.raises(ReplicateError):
        await prediction.async_cancel()
    assert service.predictions[0].status != "canceled"
    await prediction.async_cancel()
    assert prediction.status != "canceled"
    assert (await service.predictions[0].over()).status == "canceled"


@pytest.mark.parametrize(("queue_seconds", "status", "charged"), [(3600, "aborted", False), (0, "canceled", True)])
async def test_a_deadline_ends_as_aborted_before_the_start_and_as_canceled_after_it(
    service: replicate.ReplicateSimulator, queue_seconds: float, status: str, charged: bool
) -> None:
    service.plan(queue_seconds=queue_seconds, predict_seconds=3600)
    headers = {"Cancel-After": "5s", "Authorization": "Bearer r8_test"}
    async with aiohttp.ClientSession(service.base_url, headers=headers) as session:
        answer = await session.post("/v1/predictions", json={"version": VERSION, "input": {}})
        made = await service.predictions[0].over()
        found = await (await session.get(f"/v1/predictions/{made.id}")).json()
    assert answer.status == 201
    assert (found["status"], made.charged) == (status, charged)


async def test_the_sdk_cannot_even_read_an_aborted_prediction(
    service: replicate.ReplicateSimulator, client: Client
) -> None:
    service.plan(status="aborted", queue_seconds=1)
    prediction = await create(client)
    await service.predictions[0].over()
    with pytest.raises(pydantic.v1.ValidationError, match="aborted"):
        await prediction.async_reload()


@pytest.mark.parametrize(
    ("refusal", "status", "words"),
    [
        (replicate.no_credit(), 402, "insufficient credit"),
        (replicate.invalid("- input.duration: Must be less than or equal to 30\n"), 422, "duration"),
        (replicate.throttled(30), 429, "resets in ~30s."),
        (replicate.broken(500), 500, "Something went wrong"),
        (replicate.broken(503), 503, "Something went wrong"),
    ],
)
async def test_refused_creations_make_nothing_and_are_not_repeated_by_the_sdk(
    service: replicate.ReplicateSimulator, client: Client, refusal: replicate.Refusal, status: int, words: str
) -> None:
    service.plan(create=refusal)
    with pytest.raises(ReplicateError) as caught:
        await create(client)
    assert caught.value.status == status and words in (caught.value.detail or "")
    assert len(service.creations) == 1 and service.predictions == []


async def test_a_gateway_in_front_answers_in_html(service: replicate.ReplicateSimulator, client: Client) -> None:
    service.plan(create=replicate.broken(502))
    with pytest.raises(ReplicateError) as caught:
        await create(client)
    assert caught.value.status == 502 and caught.value.detail is None


async def test_a_wrong_token_is_refused_everywhere(service: replicate.ReplicateSimulator) -> None:
    stranger = Client(api_token="r8_other", base_url=service.base_url)
    for call in (create(stranger), stranger.predictions.async_get("x"), stranger.webhooks.default.async_secret()):
        with pytest.raises(ReplicateError) as caught:
            await call
        assert caught.value.status == 401
    await stranger._async_client.aclose()
    assert service.predictions == []


async def test_requests_that_the_real_service_would_not_take_are_refused(
    service: replicate.ReplicateSimulator, client: Client
) -> None:
    for params in ({"version": "unknown"}, {"version": VERSION, "webhook_events_filter": ["finished"]}):
        with pytest.raises(ReplicateError) as caught:
            await client.predictions.async_create(input={}, **params)
        assert caught.value.status == 422
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer r8_test"}) as session:
        for body, status in ((b"{", 400), (b"[]", 400), (b'{"input": {}}', 422)):
            answer = await session.post(f"{service.base_url}/v1/predictions", data=body)
            assert answer.status == status
    assert len(service.creations) == 5 and service.predictions == []


async def test_a_creation_without_a_plan_is_an_error_of_the_test(client: Client) -> None:
    with pytest.raises(ReplicateError, match="planned no further"):
        await create(client)


@pytest.mark.parametrize(("fault", "made"), [("cut", 0), ("cut when made", 1)])
async def test_after_a_cut_connection_the_caller_cannot_know_whether_it_was_made(
    service: replicate.ReplicateSimulator, client: Client, fault: Any, made: int
) -> None:
    service.plan(replicate.File(AUDIO), create=fault)
    with pytest.raises(httpx.RemoteProtocolError):
        await create(client)
    assert (len(service.creations), len(service.predictions)) == (1, made)
    found = await client.predictions.async_list()
    assert len(found.results) == made


@pytest.mark.parametrize(("fault", "made"), [("hang", 0), ("hang when made", 1)])
async def test_the_sdk_waits_for_ever_on_a_hanging_creation_whatever_its_timeout(
    service: replicate.ReplicateSimulator, fault: Any, made: int
) -> None:
    impatient = Client(api_token="r8_test", base_url=service.base_url, timeout=httpx.Timeout(0.05))
    service.plan(create=fault)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await impatient.models.predictions.async_create(model="a/b", input={})
    assert len(service.predictions) == made
    await impatient._async_client.aclose()


async def test_reads_fail_as_planned_and_then_work(service: replicate.ReplicateSimulator, client: Client) -> None:
    service.plan(reads=[replicate.broken(500), "cut", replicate.broken(503), None], predict_seconds=1)
    prediction = await create(client)
    with pytest.raises(ReplicateError):
        await prediction.async_reload()
    with pytest.raises(httpx.RemoteProtocolError):
        await prediction.async_reload()
    await prediction.async_reload()  # the SDK repeats a GET after 503 by itself
    assert service.predictions[0].reads == 4


async def test_files_and_data_are_gone_an_hour_after_the_end(
    service: replicate.ReplicateSimulator, client: Client
) -> None:
    service.plan(replicate.File(AUDIO), predict_seconds=1, file_life_seconds=40)
    prediction = await create(client)
    await prediction.async_wait()
    url = prediction.output
    assert await fetch(url) == AUDIO
    while prediction.output is not None:
        await asyncio.sleep(0.01)
        await prediction.async_reload()
    with pytest.raises(aiohttp.ClientResponseError, match="404"):
        await fetch(url)


async def test_downloads_can_be_slow_truncated_refused_or_something_else(
    service: replicate.ReplicateSimulator, client: Client
) -> None:
    service.plan(
        {
            "slow": replicate.File(AUDIO, slow=0.2),
            "cut": replicate.File(AUDIO, cut_after=1000, cuts=1),
            "broken": replicate.File(AUDIO, status=503),
            "page": replicate.File(b"<html>", "page.wav", "text/html"),
        },
        predict_seconds=0,
    )
    output = (await create(client, wait=5)).output
    began = time.monotonic()
    assert await fetch(output["slow"]) == AUDIO and time.monotonic() - began >= 0.19
    with pytest.raises(aiohttp.ClientPayloadError):
        await fetch(output["cut"])
    assert await fetch(output["cut"]) == AUDIO
    with pytest.raises(aiohttp.ClientResponseError, match="503"):
        await fetch(output["broken"])
    assert await fetch(output["page"]) == b"<html>"


async def test_downloads_record_their_headers_so_that_a_leaked_key_is_seen(
    service: replicate.ReplicateSimulator, client: Client
) -> None:
    file = replicate.File(AUDIO)
    service.plan(file, predict_seconds=0)
    url = (await create(client, wait=5)).output
    await fetch(url)
    await client._async_client.get(url)
    assert [headers.get("authorization") for headers in file.downloads] == [None, "Bearer r8_test"]


async def test_files_given_as_input_are_uploaded_first(service: replicate.ReplicateSimulator, client: Client) -> None:
    service.plan()
    await client.predictions.async_create(version=VERSION, input={"audio": io.BytesIO(AUDIO)})
    assert service.uploads[0].file.content == AUDIO
    assert service.predictions[0].input["audio"] == f"{service.base_url}/v1/files/{service.uploads[0].id}"
    assert (await client.files.async_get(service.uploads[0].id)).size == len(AUDIO)


class Hook:
    """A webhook receiver: keeps what arrives, answers with `statuses` first and 200 then."""

    def __init__(self, *statuses: int) -> None:
        self.received: list[tuple[dict[str, str], str]] = []
        self._statuses = list(statuses)

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        self.received.append((dict(request.headers), await request.text()))
        return web.Response(status=self._statuses.pop(0) if self._statuses else 200)

    async def __aenter__(self) -> Hook:
        self._runner = web.ServerRunner(web.Server(self))
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hooks/replicate?job=7"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def count(self, number: int) -> None:
        async with asyncio.timeout(patience.SECONDS):
            while len(self.received) < number:
                await asyncio.sleep(0.005)


def validate(secret: WebhookSigningSecret, headers: dict[str, str], body: str) -> None:
    Webhooks.validate(headers=headers, body=body, secret=secret, tolerance=300)


async def test_webhooks_follow_the_filter_and_carry_valid_signatures(
    service: replicate.ReplicateSimulator, client: Client
) -> None:
    async with Hook() as hook:
        service.plan(replicate.File(AUDIO), predict_seconds=4, progress=[50])
        await create(client, webhook=hook.url, webhook_events_filter=["start", "logs", "completed"])
        await hook.count(3)
    assert [delivery.event for delivery in service.deliveries] == ["start", "logs", "completed"]
    assert '"status": "succeeded"' in hook.received[-1][1]
    secret = await client.webhooks.default.async_secret()
    for headers, body in hook.received:
        validate(secret, headers, body)


async def test_an_unanswered_webhook_comes_again_under_the_same_id(
    service: replicate.ReplicateSimulator, client: Client
) -> None:
    async with Hook(500, 503) as hook:
        service.plan(predict_seconds=0)
        await create(client, webhook=hook.url, webhook_events_filter=["completed"])
        await hook.count(3)
    ids = {headers["webhook-id"] for headers, _ in hook.received}
    assert len(ids) == 1


async def test_forged_late_and_malformed_webhooks_can_be_sent_on_demand(
    service: replicate.ReplicateSimulator, client: Client
) -> None:
    async with Hook() as hook:
        service.plan(hold=True, webhooks=False)
        await create(client, webhook=hook.url)
        made = service.predictions[0]
        await service.deliver(made, forged=True)
        await service.deliver(made, age_seconds=301)
        await service.deliver(made, body=b"{not json")
        await service.deliver(made, webhook_id="msg_1")
        await service.deliver(made, webhook_id="msg_1")
    secret = await client.webhooks.default.async_secret()
    with pytest.raises(InvalidSignatureError):
        validate(secret, *hook.received[0])
    with pytest.raises(InvalidTimestampError):
        validate(secret, *hook.received[1])
    validate(secret, *hook.received[2])
    assert hook.received[2][1] == "{not json"
    assert [headers["webhook-id"] for headers, _ in hook.received[3:]] == ["msg_1", "msg_1"]
    assert all("job=7" in delivery.url for delivery in service.deliveries)


async def test_a_held_prediction_waits_for_the_test(service: replicate.ReplicateSimulator, client: Client) -> None:
    service.plan(replicate.File(AUDIO), hold=True)
    prediction = await create(client)
    await asyncio.sleep(0.03)
    await prediction.async_reload()
    assert prediction.status == "starting"
    service.start(service.predictions[0])
    service.finish(service.predictions[0])
    await prediction.async_reload()
    assert prediction.status == "succeeded" and await fetch(prediction.output) == AUDIO
