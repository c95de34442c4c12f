"""The gateway's HTTP API on loopback."""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.simulators import loopback
from tests.simulators.loopback import File
from tests.simulators.suno import plan as plans
from tests.simulators.suno import rules
from tests.simulators.suno.plan import FAILURES, Fault, Plan, Refusal
from tests.simulators.suno.task import Task

CREATIONS_PER_WINDOW, WINDOW_SECONDS = 20, 10.0
READS_PER_SECOND = 3  # per task
SONGS_CREDITS = 12
STEMS_CREDITS = {"separate_vocal": 10, "split_stem": 50}
_CALLBACK_TYPES = {"TEXT_SUCCESS": "text", "FIRST_SUCCESS": "first", "SUCCESS": "complete"}
_MESSAGES = {
    "text": "Text generated successfully.",
    "first": "First song generated successfully.",
    "complete": "All generated successfully.",
    "error": "Music generation failed",
}


@dataclass(frozen=True)
class Creation:
    """A paid request, whatever became of it; `task` is None when none was made."""

    path: str
    headers: Mapping[str, str]
    body: Any
    task: Task | None


@dataclass(frozen=True)
class Delivery:
    """One callback that was sent; `status` is the answer's, 0 when there was none."""

    task_id: str
    type: str
    url: str
    body: bytes
    status: int


class SunoSimulator(loopback.Loopback):
    """Plans are used up one by one, one per paid request; a request without a plan is answered with code 500.

    `limited` counts requests against the limits in the service's time, so `speed` should be 1 then.
    """

    def __init__(
        self, *, key: str | None = None, credits: int = 1000, limited: bool = False, speed: float = 1000.0
    ) -> None:
        super().__init__(speed)
        self.creations: list[Creation] = []
        self.tasks: list[Task] = []
        self.deliveries: list[Delivery] = []
        self.credits = credits
        self._key = key
        self._limited = limited
        self._plans: list[Plan] = []
        self._serial = itertools.count(1)
        self._recent: deque[float] = deque(maxlen=CREATIONS_PER_WINDOW)

    def plan(self, *songs: File, **details: Any) -> Plan:
        """Decide about the next paid request that has no plan yet; see `Plan` for the details."""
        made = Plan(songs, **details)
        self._plans.append(made)
        return made

    @property
    def unused(self) -> int:
        """How many plans nobody has asked for yet."""
        return len(self._plans)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/v1/generate", self._make_songs),
            web.get("/api/v1/generate/record-info", self._read),
            web.get("/api/v1/generate/credit", self._credit),
            web.post("/api/v1/vocal-removal/generate", self._make_stems),
            web.get("/api/v1/vocal-removal/record-info", self._read),
            web.get("/stream/{id}", self._stream),
        ]

    async def move(self, task: Task, status: str) -> None:
        """Bring a task to its next status, with the callback that belongs to it."""
        task.reach(status)
        if status == task.stages[-1] and status in FAILURES and task.plan.refund:
            self.credits += task.credits
        if task.plan.callbacks and status != "CALLBACK_EXCEPTION":
            await self.call_back(task, _CALLBACK_TYPES.get(status, "error"))

    async def call_back(
        self,
        task: Task,
        kind: str = "complete",
        *,
        url: str | None = None,
        task_id: str | None = None,
        songs: list[dict[str, Any]] | None = None,
        body: bytes | None = None,
    ) -> Delivery:
        """Send one callback now. Nothing is signed: another `url`, `task_id`, `songs` or `body` makes a forged one."""
        if body is None:
            body = json.dumps(_callback(task, kind, task_id or task.id, songs)).encode()
        url = url or task.body["callBackUrl"]
        status = await self.post(url, body, {"content-type": "application/json"})
        delivery = Delivery(task.id, kind, url, body, status)
        self.deliveries.append(delivery)
        return delivery

    async def _make_songs(self, request: web.Request) -> web.StreamResponse:
        return await self._create(request, rules.check_songs, lambda body: SONGS_CREDITS)

    async def _make_stems(self, request: web.Request) -> web.StreamResponse:
        def check(body: Any) -> Refusal | None:
            refused = rules.check_stems(body)
            known = any(body["taskId"] == t.id and body["audioId"] in t.audio_ids for t in self.tasks if not refused)
            return refused or (None if known else plans.invalid("The audio was not found"))

        return await self._create(request, check, lambda body: STEMS_CREDITS[body["type"]])

    async def _create(
        self, request: web.Request, check: Callable[[Any], Refusal | None], price: Callable[[Any], int]
    ) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            body = await request.json()
        except ValueError:
            body = None
        fault: Fault | None = self._refused(request) or self._hurried() or check(body)
        plan = None
        if fault is None and price(body) > self.credits:
            fault = plans.no_credit()
        if fault is None:
            plan = self._plans.pop(0) if self._plans else None
            fault = plan.create if plan else Refusal(500, "The test has planned no further task.")
        task = None
        if plan and (fault is None or fault in ("cut when made", "hang when made")):
            task = self._make(body, headers, plan, price(body))
        self.creations.append(Creation(request.path, headers, body, task))
        if fault is not None or task is None:
            return await _go_wrong(request, fault)
        return _answer({"taskId": task.id})

    def _make(self, body: dict[str, Any], headers: Mapping[str, str], plan: Plan, credits: int) -> Task:
        task = Task(next(self._serial), body, headers, plan, credits)
        self.tasks.append(task)
        self.credits -= credits
        for n, song in enumerate(plan.songs):
            task.urls[f"song {n}"] = self.publish(f"{task.id}-{n}", song)
            task.urls[f"stream {n}"] = f"{self.base_url}/stream/{task.audio_ids[n]}"
        for name, stem in plan.stems.items():
            task.urls[name] = self.publish(f"{task.id}-{name}", stem)
        if not plan.hold:
            self.spawn(self._run(task), f"task {task.id}")
        return task

    async def _run(self, task: Task) -> None:
        for status, seconds in zip(task.stages, itertools.cycle(task.plan.stage_seconds), strict=False):
            await self.pass_time(seconds)
            await self.move(task, status)

    async def _read(self, request: web.Request) -> web.StreamResponse:
        separation = "vocal-removal" in request.path
        task = next((t for t in self.tasks if t.id == request.query.get("taskId")), None)
        if refused := self._refused(request):
            return await _go_wrong(request, refused)
        if task is None or task.separation != separation:
            return _answer(None)
        now = self.now()
        if self._limited and len(task.read_at) >= READS_PER_SECOND and now - task.read_at[-READS_PER_SECOND] < 1.0:
            return await _go_wrong(request, plans.too_frequent())
        task.read_at.append(now)
        if fault := task.next_read():
            return await _go_wrong(request, fault)
        return _answer(task.record())

    async def _credit(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return await _go_wrong(request, refused)
        return _answer(self.credits)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        for task in self.tasks:
            if request.match_info["id"] in task.audio_ids and task.songs():
                song = task.plan.songs[task.audio_ids.index(request.match_info["id"])]
                response = web.StreamResponse(headers={"content-type": song.content_type})
                response.enable_chunked_encoding()
                await response.prepare(request)
                await response.write(song.content)
                await response.write_eof()
                return response
        return web.Response(status=404, text="Not Found")

    def _refused(self, request: web.Request) -> Refusal | None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        known = scheme == "Bearer" and key and key == (self._key or key)
        return None if known else plans.unauthorized()

    def _hurried(self) -> Refusal | None:
        now = self.now()
        recent = len(self._recent) == CREATIONS_PER_WINDOW and now - self._recent[0] < WINDOW_SECONDS
        full = self._limited and recent
        if not full:
            self._recent.append(now)
        return plans.too_frequent() if full else None


def _callback(task: Task, kind: str, task_id: str, songs: list[dict[str, Any]] | None) -> dict[str, Any]:
    if task.separation and kind != "error":
        info = {_snake(name): url or "" for name, url in task.stem_urls().items()}
        msg = "vocal Removal generated successfully."
        return {"code": 200, "msg": msg, "data": {"task_id": task_id, "vocal_removal_info": info}}
    code = 200 if kind != "error" else task.record()["errorCode"] or 501
    shown = task.songs(snake_case=True) if songs is None else songs
    data: dict[str, Any] = {"callbackType": kind, "task_id": task_id, "data": None if kind == "error" else shown}
    return {"code": code, "msg": task.plan.error or _MESSAGES[kind], "data": data}


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def _answer(data: Any) -> web.Response:
    return web.json_response({"code": 200, "msg": "success", "data": data})


async def _go_wrong(request: web.Request, fault: Fault | None) -> web.StreamResponse:
    if isinstance(fault, Refusal):
        body = {"code": fault.code, "msg": fault.msg, "data": None}
        return web.json_response(body, status=fault.http_status)
    assert fault is not None
    return await loopback.fall_silent(request, fault)
