"""The HTTP side: records what it is asked, refuses what the real service refuses, streams what the test scripted."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from tests import patience
from tests.simulators.anthropic import cache, replies, rules, wire

_STATUS = {
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "invalid_request_error": 400,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_MAX_BODY = 32 * 1024 * 1024  # bytes


@dataclass
class ReceivedRequest:
    """One request as it arrived and how it went; times are `time.monotonic()` seconds."""

    body: dict[str, Any]
    headers: Mapping[str, str]
    began: float
    ended: float | None = None
    status: int | None = None
    events_sent: int = 0
    hung_up: bool = False
    _over: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages

    @property
    def retry(self) -> int:
        """Which repetition by the SDK this is; 0 for the first attempt."""
        return int(self.headers.get("x-stainless-retry-count", "0"))

    async def over(self) -> ReceivedRequest:
        """Waits until this request has been answered or given up."""
        await asyncio.wait_for(self._over.wait(), patience.SECONDS)
        return self


Reply = replies.ScriptedMessage | replies.ErrorReply
Scripted = Reply | Callable[[ReceivedRequest], Reply | Awaitable[Reply]]


class AnthropicSimulator:
    """`handler`, when set, answers everything; else the scripted replies are used up one by one."""

    def __init__(self, *, key: str | None = None, models: Collection[str] | None = None) -> None:
        self.requests: list[ReceivedRequest] = []
        self.handler: Callable[[ReceivedRequest], Reply | Awaitable[Reply]] | None = None
        self.base_url = ""
        self.context_window = 200_000  # tokens
        self._key = key
        self._models = models
        self._script: list[Scripted] = []
        self._signatures: dict[str, str] = {}
        self._paused: set[str] = set()
        self._cache = cache.PromptCache()
        self._serial = itertools.count(1)
        self._stopping = False

    def script(self, replies: Iterable[Scripted]) -> None:
        self._script.extend(replies)

    @property
    def unused(self) -> int:
        """How many scripted replies nobody has asked for yet."""
        return len(self._script)

    @property
    def open(self) -> int:
        """How many requests are being answered at this moment."""
        return sum(request.ended is None for request in self.requests)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_post("/v1/messages", self._messages)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        await self._runner.cleanup()

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        record = ReceivedRequest({}, {name.lower(): value for name, value in request.headers.items()}, time.monotonic())
        self.requests.append(record)
        try:
            return await self._answer(request, record)
        except (asyncio.CancelledError, ConnectionError):
            record.hung_up = not self._stopping
            raise
        finally:
            record.ended = time.monotonic()
            record._over.set()

    async def _answer(self, request: web.Request, record: ReceivedRequest) -> web.StreamResponse:
        refused = rules.check_headers(record.headers, self._key)
        if refused is None:
            try:
                record.body = await request.json()
            except ValueError:
                refused = replies.ErrorReply(400, "invalid_request_error", "The request body is not valid JSON.")
            else:
                refused = rules.check_body(
                    record.body, models=self._models, signatures=self._signatures, paused=self._paused
                )
        reply = refused or self._too_long(record.body) or await self._next(record)
        if isinstance(reply, replies.ErrorReply):
            return self._refuse(record, reply)
        self._remember(reply)
        record.status = 200
        answer = wire.WireMessage(f"msg_01{next(self._serial):022d}", record.body, reply, self._cache)
        if record.body.get("stream"):
            return await self._stream(request, record, answer)
        return await self._whole(request, record, answer)

    def _too_long(self, body: Mapping[str, Any]) -> replies.ErrorReply | None:
        count = sum(len(json.dumps(block)) for block in rules.cacheable(body)) // cache.CHARACTERS_PER_TOKEN
        if count <= self.context_window:
            return None
        sentence = f"prompt is too long: {count} tokens > {self.context_window} maximum"
        return replies.ErrorReply(400, "invalid_request_error", sentence)

    async def _next(self, record: ReceivedRequest) -> Reply:
        if record.body["max_tokens"] == 0:
            return replies.turn(stop_reason="max_tokens")
        scripted: Scripted
        if self.handler is not None:
            scripted = self.handler
        elif self._script:
            scripted = self._script.pop(0)
        else:
            return replies.ErrorReply(
                500, "api_error", "The test has scripted no further reply.", {"x-should-retry": "false"}
            )
        if isinstance(scripted, replies.ScriptedMessage | replies.ErrorReply):
            return scripted
        made = scripted(record)
        return await made if inspect.isawaitable(made) else made

    def _remember(self, turn: replies.ScriptedMessage) -> None:
        for block in turn.blocks:
            if block.signature is not None:
                self._signatures[block.signature] = block.spoken
        if turn.stop_reason == "pause_turn":
            self._paused.add(rules.resumed([block.whole() for block in turn.blocks]))

    def _refuse(self, record: ReceivedRequest, refusal: replies.ErrorReply) -> web.Response:
        request_id = f"req_01{next(self._serial):022d}"
        record.status = refusal.status
        headers = {"request-id": request_id, **dict(refusal.headers)}
        return web.json_response(refusal.body(request_id), status=refusal.status, headers=headers)

    async def _stream(
        self, request: web.Request, record: ReceivedRequest, answer: wire.WireMessage
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=self._headers("text/event-stream; charset=utf-8"))
        await response.prepare(request)
        async for event in answer.events():
            if event is None:
                await asyncio.Event().wait()
            elif event == wire.CUT:
                await response.write(b'event: content_block_delta\ndata: {"type":"content_bl')
                _reset(request)
                return response
            else:
                if answer.turn.loose:
                    event = wire.loose(event)
                for at in range(0, len(event), answer.turn.chunk or len(event)):
                    await response.write(event[at : at + (answer.turn.chunk or len(event))])
                record.events_sent += 1
                if b"event: error" in event:
                    break
        await response.write_eof()
        return response

    async def _whole(
        self, request: web.Request, record: ReceivedRequest, answer: wire.WireMessage
    ) -> web.StreamResponse:
        for step in answer.steps():
            if isinstance(step, replies.Pause):
                await asyncio.sleep(step.seconds)
            elif isinstance(step, replies.Fail):
                return self._refuse(record, replies.ErrorReply(_STATUS.get(step.type, 500), step.type, step.message))
            elif step == replies.HANG:
                await asyncio.Event().wait()
            elif step == replies.CUT:
                _reset(request)
                return web.Response()
            elif step == replies.GARBAGE:
                return web.Response(text='{"type": "mess', headers=self._headers("application/json"))
        return web.Response(text=json.dumps(answer.message()), headers=self._headers("application/json"))

    def _headers(self, content_type: str) -> dict[str, str]:
        return {
            "content-type": content_type,
            "cache-control": "no-cache",
            "request-id": f"req_01{next(self._serial):022d}",
        }


def _reset(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
