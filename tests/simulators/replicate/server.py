"""Replicate's HTTP API on loopback, as the `replicate` 1.0.7 SDK calls it."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.simulators import loopback
from tests.simulators.loopback import File
from tests.simulators.replicate import plan as plans
from tests.simulators.replicate import rules, webhooks
from tests.simulators.replicate.plan import Fault, Plan, Refusal, Status
from tests.simulators.replicate.prediction import ENDS, Prediction

LONGEST_WAIT_SECONDS = 60
WEBHOOK_INTERVAL_SECONDS = 0.5  # between two `output` or `logs` events
WEBHOOK_RETRY_SECONDS = (10.0, 30.0)


@dataclass(frozen=True)
class Creation:
    """A request to create a prediction, whatever became of it; `prediction` is None when none was made."""

    path: str
    headers: Mapping[str, str]
    body: Any
    prediction: Prediction | None


@dataclass(frozen=True)
class Upload:
    """A file sent to `/v1/files`."""

    id: str
    file: File


class ReplicateSimulator(loopback.Loopback):
    """Plans are used up one by one, one per creation; a creation without a plan is answered with 500."""

    def __init__(
        self, *, token: str | None = None, versions: Collection[str] | None = None, speed: float = 100.0
    ) -> None:
        super().__init__(speed)
        self.creations: list[Creation] = []
        self.predictions: list[Prediction] = []
        self.uploads: list[Upload] = []
        self.deliveries: list[webhooks.Delivery] = []
        self._token = token
        self._versions = versions
        self._plans: list[Plan] = []
        self._serial = itertools.count(1)

    def plan(self, output: Any = None, **details: Any) -> Plan:
        """Decide about the next creation that has no plan yet; see `Plan` for the details."""
        made = Plan(output, **details)
        self._plans.append(made)
        return made

    @property
    def unused(self) -> int:
        """How many plans nobody has asked for yet."""
        return len(self._plans)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/predictions", self._create),
            web.post("/v1/models/{owner}/{name}/predictions", self._create),
            web.get("/v1/predictions", self._list),
            web.get("/v1/predictions/{id}", self._read),
            web.post("/v1/predictions/{id}/cancel", self._cancel),
            web.post("/v1/files", self._upload),
            web.get("/v1/files/{id}", self._uploaded),
            web.get("/v1/models/{owner}/{name}/versions/{version}", self._version),
            web.get("/v1/account", self._account),
            web.get("/v1/webhooks/default/secret", self._secret),
        ]

    def start(self, prediction: Prediction) -> None:
        """Move a held prediction on."""
        prediction.start(self.now())

    def finish(self, prediction: Prediction, status: Status | None = None) -> None:
        """End a held prediction as planned, or otherwise."""
        plan = prediction.plan
        status = status or plan.status
        output = self._publish(prediction.id, plan.output) if status == "succeeded" else None
        error = plan.error or "The model could not process this input." if status == "failed" else plan.error
        prediction.finish(status, self.now(), output, error)

    async def deliver(
        self,
        prediction: Prediction,
        event: str = "completed",
        *,
        webhook_id: str | None = None,
        age_seconds: int = 0,
        forged: bool = False,
        body: bytes | None = None,
    ) -> webhooks.Delivery:
        """Send one webhook now. The same `webhook_id` twice is a repeated delivery; `body` replaces what is true."""
        if body is None:
            body = json.dumps(prediction.as_json(self.base_url)).encode()
        stamp = int(time.time()) - age_seconds
        headers = webhooks.headers(webhook_id or webhooks.new_id(), stamp, body, forged=forged)
        url = prediction.body["webhook"]
        status = await self.post(url, body, headers)
        delivery = webhooks.Delivery(prediction.id, event, url, headers, body, status)
        self.deliveries.append(delivery)
        return delivery

    async def _create(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            body = await request.json()
        except ValueError:
            body = None
        fault: Fault | None = self._refused(request) or rules.check_creation(
            body, needs_version="owner" not in request.match_info, versions=self._versions
        )
        plan = None
        if fault is None:
            plan = self._plans.pop(0) if self._plans else None
            fault = plan.create if plan else Refusal(500, {"detail": "The test has planned no further prediction."})
        made = None
        if plan and (fault is None or fault in ("cut when made", "hang when made")):
            made = self._make(request, body, headers, plan)
        self.creations.append(Creation(request.path, headers, body, made))
        if fault is not None or made is None:
            return await _go_wrong(request, fault)
        await self._wait_as_preferred(headers.get("prefer", ""), made)
        return web.json_response(made.as_json(self.base_url), status=201)

    def _make(self, request: web.Request, body: dict[str, Any], headers: Mapping[str, str], plan: Plan) -> Prediction:
        path = request.match_info
        model = f"{path['owner']}/{path['name']}" if "owner" in path else "someone/some-model"
        made = Prediction(next(self._serial), body, model, headers, plan)
        made.began = self.now()
        self.predictions.append(made)
        if not plan.hold:
            self.spawn(self._run(made), f"prediction {made.id}")
        if deadline := headers.get("cancel-after"):
            self.spawn(self._abort(made, rules.seconds(deadline)), f"deadline of {made.id}")
        if made.body.get("webhook") and plan.webhooks:
            self.spawn(self._tell(made), f"webhooks of {made.id}")
        return made

    async def _run(self, made: Prediction) -> None:
        plan = made.plan
        await self.pass_time(plan.queue_seconds)
        if made.status in ENDS:
            return
        if plan.status == "aborted":
            self.finish(made)
            return
        made.start(self.now())
        for percent in plan.progress:
            await self.pass_time(plan.predict_seconds / (len(plan.progress) + 1))
            if made.status in ENDS:
                return
            made.show_progress(percent)
        await self.pass_time(plan.predict_seconds / (len(plan.progress) + 1))
        self.finish(made)
        await self.pass_time(plan.file_life_seconds)
        made.expire()

    async def _abort(self, made: Prediction, seconds: float) -> None:
        await self.pass_time(seconds)
        self.finish(made, "aborted" if made.status == "starting" else "canceled")

    async def _tell(self, made: Prediction) -> None:
        told: dict[str, Any] = {"status": "starting", "logs": ""}
        while told["status"] not in ENDS:
            await self.pass_time(WEBHOOK_INTERVAL_SECONDS)
            now = {"status": made.status, "logs": made.logs}
            if told["status"] == "starting" != now["status"] and made.started is not None and made.wants("start"):
                await self.deliver(made, "start")
            if now["logs"] != told["logs"] and made.wants("logs"):
                await self.deliver(made, "logs")
            if made.output is not None and made.wants("output"):
                await self.deliver(made, "output")
            told = now
        if made.wants("completed"):
            await self._insist(made)

    async def _insist(self, made: Prediction) -> None:
        webhook_id = webhooks.new_id()
        for pause in (*WEBHOOK_RETRY_SECONDS, 0.0):
            delivery = await self.deliver(made, webhook_id=webhook_id)
            if 200 <= delivery.status < 300:
                return
            await self.pass_time(pause)

    async def _wait_as_preferred(self, prefer: str, made: Prediction) -> None:
        asked = re.fullmatch(r"wait(?:=(\d+))?", prefer.strip())
        if asked:
            seconds = min(LONGEST_WAIT_SECONDS, int(asked[1] or LONGEST_WAIT_SECONDS))
            try:
                await asyncio.wait_for(made.ended.wait(), seconds / self.speed)
            except TimeoutError:
                return

    async def _list(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return await _go_wrong(request, refused)
        results = [made.as_json(self.base_url) for made in reversed(self.predictions)]
        return web.json_response({"previous": None, "next": None, "results": results})

    async def _read(self, request: web.Request) -> web.StreamResponse:
        made = self._find(request)
        if made is None or self._refused(request):
            return await _go_wrong(request, self._refused(request) or plans.not_found())
        made.reads += 1
        if fault := made.plan.next_read():
            return await _go_wrong(request, fault)
        return web.json_response(made.as_json(self.base_url))

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        made = self._find(request)
        if made is None or self._refused(request):
            return await _go_wrong(request, self._refused(request) or plans.not_found())
        made.cancels += 1
        fault = made.plan.next_cancel()
        if isinstance(fault, Refusal) or fault in ("cut", "hang"):
            return await _go_wrong(request, fault)
        if made.plan.cancel_seconds:
            self.spawn(self._cancel_later(made), f"cancelling {made.id}")
        else:
            self.finish(made, made.plan.cancel_status)
        if fault is not None:
            return await _go_wrong(request, fault)
        return web.json_response(made.as_json(self.base_url))

    async def _cancel_later(self, made: Prediction) -> None:
        await self.pass_time(made.plan.cancel_seconds)
        self.finish(made, made.plan.cancel_status)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return await _go_wrong(request, refused)
        sent = (await request.post()).get("content")
        if not isinstance(sent, web.FileField):
            return await _go_wrong(request, plans.invalid("- content: a file is required\n"))
        file = File(sent.file.read(), sent.filename or "file", sent.content_type)
        self.uploads.append(Upload(f"file{len(self.uploads) + 1:022d}", file))
        return web.json_response(self._describe(self.uploads[-1]), status=201)

    async def _uploaded(self, request: web.Request) -> web.StreamResponse:
        found = next((upload for upload in self.uploads if upload.id == request.match_info["id"]), None)
        if found is None or self._refused(request):
            return await _go_wrong(request, self._refused(request) or plans.not_found())
        return web.json_response(self._describe(found))

    async def _version(self, request: web.Request) -> web.StreamResponse:
        version = request.match_info["version"]
        if self._refused(request) or (self._versions is not None and version not in self._versions):
            return await _go_wrong(request, self._refused(request) or plans.not_found())
        schema = {"components": {"schemas": {"Output": {"title": "Output"}}}}
        return web.json_response(
            {"id": version, "created_at": "2026-01-01T00:00:00Z", "cog_version": "0.14.0", "openapi_schema": schema}
        )

    async def _account(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return await _go_wrong(request, refused)
        return web.json_response({"type": "user", "username": "tester", "name": "Tester", "github_url": None})

    async def _secret(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return await _go_wrong(request, refused)
        return web.json_response({"key": webhooks.SECRET})

    def _refused(self, request: web.Request) -> Refusal | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        known = scheme in ("Bearer", "Token") and token and token == (self._token or token)
        return None if known else plans.unauthorized()

    def _find(self, request: web.Request) -> Prediction | None:
        return next((made for made in self.predictions if made.id == request.match_info["id"]), None)

    def _publish(self, key: str, tree: Any) -> Any:
        if isinstance(tree, File):
            return self.publish(key, tree)
        if isinstance(tree, Mapping):
            return {name: self._publish(f"{key}-{name}", leaf) for name, leaf in tree.items()}
        if isinstance(tree, list | tuple):
            return [self._publish(f"{key}-{at}", leaf) for at, leaf in enumerate(tree)]
        return tree

    def _describe(self, upload: Upload) -> dict[str, Any]:
        return {
            "id": upload.id,
            "name": upload.file.name,
            "content_type": upload.file.content_type,
            "size": len(upload.file.content),
            "etag": hashlib.md5(upload.file.content).hexdigest(),
            "checksums": {"sha256": hashlib.sha256(upload.file.content).hexdigest()},
            "metadata": {},
            "created_at": "2026-11-22T12:00:00.000Z",
            "expires_at": "2026-11-23T12:00:00.000Z",
            "urls": {"get": f"{self.base_url}/v1/files/{upload.id}"},
        }


async def _go_wrong(request: web.Request, fault: Fault | None) -> web.StreamResponse:
    if isinstance(fault, Refusal):
        if isinstance(fault.body, str):
            return web.Response(status=fault.status, text=fault.body, content_type="text/html")
        return web.json_response(fault.body, status=fault.status)
    assert fault is not None
    return await loopback.fall_silent(request, fault)
