"""Streams one scripted answer as the service streams a response, and stops in the middle when it is interrupted."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from tests.simulators.openai_realtime import scripts, sound
from tests.simulators.openai_realtime.conversation import MS_PER_OUTPUT_TOKEN, Conversation, Item, text_tokens

CHUNK_MS = 100

Emit = Callable[..., Any]  # async (type, **fields)


class Speaker:
    def __init__(
        self,
        emit: Emit,
        new_id: Callable[[str], str],
        session: Mapping[str, Any],
        conversation: Conversation,
        answer: scripts.Answer,
        request: Mapping[str, Any],
        hertz: int,
    ) -> None:
        self.id = new_id("resp")
        self.spoke = asyncio.Event()  # set with the first sound
        self._emit, self._new_id = emit, new_id
        self._session, self._conversation = session, conversation
        self._answer, self._request, self._hertz = answer, request, hertz
        self._stopped = asyncio.Event()
        self._stop_reason: str | None = None
        self._output: list[dict[str, Any]] = []
        self._made_text = self._made_audio_ms = 0

    def stop(self, reason: str) -> None:
        """`turn_detected` or `client_cancelled`."""
        self._stop_reason = reason
        self._stopped.set()

    async def run(self) -> None:
        await self._wait(self._answer.think)
        await self._emit("response.created", response=self._response("in_progress", None, None))
        limits = [
            {"name": "requests", "limit": 1000, "remaining": 999, "reset_seconds": 0.06},
            {"name": "tokens", "limit": 50000, "remaining": 45000, "reset_seconds": 6.0},
        ]
        await self._emit("rate_limits.updated", rate_limits=limits)
        read = self._conversation.input_usage({**self._session, **self._request})
        await self._wait(self._answer.stall)
        for index, part in enumerate(self._answer.parts):
            if self._stopped.is_set():
                break
            await self._item(index, part)
        if self._answer.hang:
            await self._stopped.wait()
        await self._finish(read)

    async def _item(self, index: int, part: scripts.Say | scripts.Write | scripts.Call) -> None:
        call = isinstance(part, scripts.Call)
        item_id = self._new_id("item")
        wire: dict[str, Any] = {"id": item_id, "object": "realtime.item", "status": "in_progress"}
        if isinstance(part, scripts.Call):
            wire |= {"type": "function_call", "name": part.name, "call_id": part.call_id, "arguments": ""}
        else:
            wire |= {"type": "message", "role": "assistant", "content": []}
        item = Item(wire)
        answer = {"response_id": self.id, "output_index": index}
        await self._emit("response.output_item.added", **answer, item=dict(wire))
        before = self._conversation.add(item)
        await self._emit("conversation.item.added", previous_item_id=before, item=dict(wire))
        where: dict[str, Any] = {"response_id": self.id, "item_id": item_id, "output_index": index}
        if isinstance(part, scripts.Call):
            await self._arguments(part, item, where)
        elif isinstance(part, scripts.Say) and self._modality == "audio":
            await self._speak(part, item, where | {"content_index": 0})
        else:
            await self._write(part.text, item, where | {"content_index": 0})
        wire["status"] = "incomplete" if self._stopped.is_set() or self._cut_short(index) else "completed"
        self._output.append(wire)
        await self._emit("response.output_item.done", **answer, item=dict(wire))
        if item_id in self._conversation.items or call:
            await self._emit("conversation.item.done", previous_item_id=before, item=dict(wire))

    async def _speak(self, part: scripts.Say, item: Item, where: Mapping[str, Any]) -> None:
        content = {"type": "output_audio", "transcript": ""}
        item.wire["content"] = [content]
        empty = {"type": "audio", "transcript": ""}
        await self._emit("response.content_part.added", **where, part=empty)
        words, said = part.text.split(" "), ""
        chunks = max(1, -(-part.ms // CHUNK_MS))
        for at in range(chunks):
            if self._stopped.is_set():
                break
            piece = " ".join(words[len(words) * at // chunks : len(words) * (at + 1) // chunks])
            if piece:
                piece = piece if not said else " " + piece
                said += piece
                self._made_text += text_tokens(piece)
                await self._emit("response.output_audio_transcript.delta", **where, delta=piece)
            ms = min(CHUNK_MS, part.ms - at * CHUNK_MS)
            await self._sound(item, where, at * CHUNK_MS, ms)
            await self._wait(ms / 1000 / self._answer.pace)
        if self._stopped.is_set() and self._answer.late_ms:
            await self._sound(item, where, item.audio_ms, self._answer.late_ms)
        if item.version == 0:  # a cut item has lost its words
            content["transcript"] = said
        await self._emit("response.output_audio.done", **where)
        await self._emit("response.output_audio_transcript.done", **where, transcript=said)
        await self._emit("response.content_part.done", **where, part={"type": "audio", "transcript": said})

    async def _sound(self, item: Item, where: Mapping[str, Any], begin_ms: int, ms: int) -> None:
        item.audio_ms += ms
        self._made_audio_ms += ms
        self.spoke.set()
        encoded = base64.b64encode(sound.tone(begin_ms, ms, self._hertz)).decode()
        await self._emit("response.output_audio.delta", **where, delta=encoded)

    async def _write(self, text: str, item: Item, where: Mapping[str, Any]) -> None:
        content = {"type": "output_text", "text": ""}
        item.wire["content"] = [content]
        await self._emit("response.content_part.added", **where, part={"type": "text", "text": ""})
        for word in text.split(" "):
            if self._stopped.is_set():
                break
            piece = word if not content["text"] else " " + word
            content["text"] += piece
            self._made_text += text_tokens(piece)
            await self._emit("response.output_text.delta", **where, delta=piece)
            await self._wait(0)
        await self._emit("response.output_text.done", **where, text=content["text"])
        await self._emit("response.content_part.done", **where, part={"type": "text", "text": content["text"]})

    async def _arguments(self, call: scripts.Call, item: Item, where: Mapping[str, Any]) -> None:
        where = {**where, "call_id": call.call_id}
        for at in range(0, len(call.arguments), call.every):
            if self._stopped.is_set():
                break
            piece = call.arguments[at : at + call.every]
            item.wire["arguments"] += piece
            self._made_text += text_tokens(piece)
            await self._emit("response.function_call_arguments.delta", **where, delta=piece)
            await self._wait(0)
        kind = "response.function_call_arguments.done"
        await self._emit(kind, **where, name=call.name, arguments=item.wire["arguments"])

    async def _finish(self, read: Mapping[str, Any]) -> None:
        audio = self._made_audio_ms // MS_PER_OUTPUT_TOKEN
        total_in, total_out = read["text_tokens"] + read["audio_tokens"], self._made_text + audio
        usage = {
            "total_tokens": total_in + total_out,
            "input_tokens": total_in,
            "output_tokens": total_out,
            "input_token_details": read,
            "output_token_details": {"text_tokens": self._made_text, "audio_tokens": audio},
        }
        details: dict[str, Any] | None = None
        status: str = self._answer.status
        if self._stopped.is_set():
            status, details = "cancelled", {"type": "cancelled", "reason": self._stop_reason}
        elif status == "incomplete":
            details = {"type": "incomplete", "reason": self._answer.reason or "max_output_tokens"}
        elif status == "failed":
            error = {"type": "server_error", "code": self._answer.error_code, "message": "The answer failed."}
            details = {"type": "failed", "error": error}
        await self._emit("response.done", response=self._response(status, details, usage))

    def _cut_short(self, index: int) -> bool:
        return self._answer.status != "completed" and index == len(self._answer.parts) - 1

    @property
    def _modality(self) -> str:
        modalities: list[str] = self._request.get("output_modalities") or self._session["output_modalities"]
        return modalities[0]

    def _response(self, status: str, details: Any, usage: Any) -> dict[str, Any]:
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": [dict(item) for item in self._output],
            "conversation_id": "conv_1",
            "output_modalities": [self._modality],
            "max_output_tokens": self._session["max_output_tokens"],
            "audio": {"output": {key: self._session["audio"]["output"][key] for key in ("format", "voice")}},
            "usage": usage,
            "metadata": self._request.get("metadata"),
        }

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds) if seconds else await asyncio.sleep(0)
