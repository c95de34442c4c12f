"""Turns a scripted turn into the bytes of the API: one JSON message, or server-sent events."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from tests.simulators.anthropic import cache, replies

CUT = b"cut"
_OPTIONAL: Mapping[str, Mapping[str, Sequence[str]]] = {
    "message_start": {"message": ("id", "content", "usage", "stop_reason", "stop_sequence", "stop_details")},
    "content_block_start": {"content_block": ("text", "citations", "thinking", "signature", "input", "caller")},
    "message_delta": {"delta": ("stop_sequence", "stop_details"), "usage": ("input_tokens",)},
}


class WireMessage:
    """One turn as wire data."""

    def __init__(
        self, ident: str, body: Mapping[str, Any], turn: replies.ScriptedMessage, prompt_cache: cache.PromptCache
    ) -> None:
        self.turn = turn
        self._ident = ident
        self._model = body["model"]
        self._lifetime = "1h" if '"ttl": "1h"' in json.dumps(body) else "5m"
        fresh, written, read = prompt_cache.count(body)
        self._usage = turn.usage or replies.ReportedUsage(fresh, replies.written(turn.blocks), written, read)

    def steps(self) -> list[replies.Step]:
        inner = ([*step.pieces] if isinstance(step, replies.Block) else [step] for step in self.turn.steps)
        return [*itertools.chain.from_iterable(inner)]

    def message(self) -> dict[str, Any]:
        usage = self._counts(self._usage.output) | {"service_tier": "standard", "cache_creation": self._creation()}
        content = [block.whole() for block in self.turn.blocks]
        return self._envelope() | self._ending() | {"content": content, "usage": usage}

    async def events(self) -> AsyncIterator[bytes | None]:
        """Encoded events; None is a hang, and `CUT` a broken connection."""
        usage = self._counts(1) | {"service_tier": "standard", "cache_creation": self._creation()}
        nothing = {"stop_reason": None, "stop_sequence": None, "stop_details": None}
        empty: dict[str, Any] = nothing | {"content": [], "usage": usage}
        yield _event("message_start", message=self._envelope() | empty)
        index, done = -1, list[replies.Block]()
        for step in self.turn.steps:
            if not isinstance(step, replies.Block):
                async for event in self._mishap(step):
                    yield event
                continue
            index += 1
            yield _event("content_block_start", index=index, content_block=step.start)
            if index == 0:
                yield _event("ping")
            for piece in step.pieces:
                if not isinstance(piece, str):
                    async for event in self._mishap(piece):
                        yield event
                    continue
                await asyncio.sleep(self.turn.delay)
                yield _event("content_block_delta", index=index, delta=_delta(step, piece))
            if step.signature is not None:
                delta = {"type": "signature_delta", "signature": step.signature}
                yield _event("content_block_delta", index=index, delta=delta)
            yield _event("content_block_stop", index=index)
            done.append(step)
            if self.turn.running_usage:
                yield _event("message_delta", delta=nothing, usage=self._counts(replies.written(done)))
        await asyncio.sleep(self.turn.delay)
        yield _event("message_delta", delta=self._ending(), usage=self._counts(self._usage.output))
        yield _event("message_stop")

    async def _mishap(self, step: replies.Step) -> AsyncIterator[bytes | None]:
        if isinstance(step, replies.Pause):
            await asyncio.sleep(step.seconds)
        elif isinstance(step, replies.Fail):
            yield _event("error", error={"type": step.type, "message": step.message}, request_id=self._ident)
        elif step == replies.HANG:
            yield None
        elif step == replies.CUT:
            yield CUT
        elif step == replies.GARBAGE:
            yield b'event: content_block_delta\ndata: {"type": "content_block_delta", "ind\n\n'
        else:
            yield _event("ping")

    def _envelope(self) -> dict[str, Any]:
        return {"id": self._ident, "type": "message", "role": "assistant", "model": self._model}

    def _ending(self) -> dict[str, Any]:
        details = None
        if self.turn.stop_reason == "refusal":
            details = {"type": "refusal", "category": self.turn.refusal_category, "explanation": None}
        ending = {"stop_reason": self.turn.stop_reason, "stop_sequence": self.turn.stop_sequence}
        return ending | {"stop_details": details}

    def _counts(self, output: int) -> dict[str, Any]:
        return {
            "input_tokens": self._usage.input,
            "cache_creation_input_tokens": self._usage.cache_write,
            "cache_read_input_tokens": self._usage.cache_read,
            "output_tokens": output,
        }

    def _creation(self) -> dict[str, int]:
        lifetimes = dict.fromkeys(("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"), 0)
        lifetimes[f"ephemeral_{self._lifetime}_input_tokens"] = self._usage.cache_write
        return lifetimes


def loose(event: bytes) -> bytes:
    """The same for whoever reads the standard leniently: lines end in CRLF, comments and unknown events come between,
    there are unknown fields, and what is optional is left out."""
    name, data = event.decode().rstrip("\n").split("\n", 1)
    fields = json.loads(data.removeprefix("data: "))
    for part, optional in _OPTIONAL.get(fields["type"], {}).items():
        for each in optional:
            fields[part].pop(each, None)
    fields["moon"] = {"phase": [1, None]}
    lines = [
        ": a comment",
        "",
        "event: moon_phase",
        'data: {"type": "moon_phase", "index": 99}',
        "",
        "event: ping",
        'data: {"type": "ping"}',
        "",
        "id: 7",
        name,
        f"data: {json.dumps(fields)}",
        "",
        "",
    ]
    return "\r\n".join(lines).encode()


def _delta(block: replies.Block, piece: str) -> dict[str, str]:
    match block.start["type"]:
        case "text":
            return {"type": "text_delta", "text": piece}
        case "thinking":
            return {"type": "thinking_delta", "thinking": piece}
        case _:
            return {"type": "input_json_delta", "partial_json": piece}


def _event(kind: str, **data: Any) -> bytes:
    encoded = json.dumps({"type": kind, **data}, ensure_ascii=False)
    return f"event: {kind}\ndata: {encoded}\n\n".encode()
