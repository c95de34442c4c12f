"""One websocket of the simulated service: obeys the client's events, listens to its audio and answers by the script."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import WSMsgType, web

from tests.simulators.openai_realtime import config, link, scripts, sound, speaker
from tests.simulators.openai_realtime.config import Refused
from tests.simulators.openai_realtime.conversation import Conversation, Item, text_tokens

MIN_COMMIT_MS = 100
MAX_APPEND_BYTES = 15 * 1024 * 1024
SESSION_SECONDS = 60 * 60
_FIELDS = {
    "session.update": {"session"},
    "input_audio_buffer.append": {"audio"},
    "input_audio_buffer.commit": set[str](),
    "input_audio_buffer.clear": set[str](),
    "conversation.item.create": {"item", "previous_item_id"},
    "conversation.item.delete": {"item_id"},
    "conversation.item.retrieve": {"item_id"},
    "conversation.item.truncate": {"item_id", "content_index", "audio_end_ms"},
    "response.create": {"response"},
    "response.cancel": {"response_id"},
}


class Connection(link.Link):
    """Obeys the client's events, listens to its audio, answers by the script. `audio_bytes` came in so far."""

    def __init__(self, index: int, script: scripts.Script, session: dict[str, Any], headers: Mapping[str, str]) -> None:
        super().__init__(index, headers)
        self.script = script
        self.session = session
        self.audio_bytes = 0
        self.conversation = Conversation()
        self._answers = list(script.answers)
        self._transcripts = list(script.transcripts)
        self._tasks: set[asyncio.Task[None]] = set()
        self._speaker: speaker.Speaker | None = None
        self._spoken = False
        self._owed = False
        self._buffer_ms = 0.0
        self._utterance: tuple[str, float] | None = None  # item id and its begin in the buffer, in ms
        self._ear = self._new_ear()

    @property
    def responding(self) -> bool:
        return self._speaker is not None

    async def run(self, request: web.Request) -> web.WebSocketResponse:
        await self._prepare(request)
        try:
            if await self._open():
                async for message in self._ws:
                    if message.type is WSMsgType.TEXT:
                        await self._receive(message.data)
        except config.BetaShape:
            await self.refuse_beta()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._end()
        return self._ws

    async def refuse_beta(self) -> None:
        message = "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API."
        await self.error("beta_api_shape_disabled", message)
        await self.close(4000, "invalid_request_error.beta_api_shape_disabled")

    async def _open(self) -> bool:
        if "openai-beta" in self.headers:
            raise config.BetaShape
        if self.script.opening_error is not None:
            code, close_code = self.script.opening_error
            await self.error(code)
            await self.close(close_code)
            return False
        await asyncio.sleep(self.script.open_delay)
        self.session |= {"id": self._new_id("sess"), "expires_at": int(time.time()) + SESSION_SECONDS}
        await self.emit("session.created", session=self.session)
        await self.emit("conversation.created", conversation={"id": "conv_1", "object": "realtime.conversation"})
        if self.script.expires_after is not None:
            self._spawn(self._expire_later(self.script.expires_after))
        return True

    async def _expire_later(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.expire()

    async def _receive(self, raw: str) -> None:
        event_id = None
        try:
            try:
                event = json.loads(raw)
                kind, event_id = event["type"], event.get("event_id")
            except (ValueError, TypeError, KeyError):
                raise Refused("invalid_json", "The event could not be parsed.") from None
            await self._arrived(event)
            if kind not in _FIELDS:
                supported = ", ".join(map(repr, _FIELDS))
                raise Refused("invalid_value", f"Invalid value: '{kind}'. Supported values are: {supported}.", "type")
            for name in event.keys() - _FIELDS[kind] - {"type", "event_id"}:
                raise Refused("unknown_parameter", f"Unknown parameter: '{name}'.", name)
            await getattr(self, "_on_" + kind.replace(".", "_"))(event)
        except Refused as refused:
            await self.emit("error", error=refused.body(event_id))

    async def _on_session_update(self, event: Mapping[str, Any]) -> None:
        before = self.session["audio"]["input"]["turn_detection"]
        self.session = config.updated(self.session, event.get("session"), spoken=self._spoken)
        if self.session["audio"]["input"]["turn_detection"] != before:
            self._ear = self._new_ear()
        if self.script.listens is not None:
            await self.script.listens.wait()
        await self.emit("session.updated", session=self.session)

    async def _on_input_audio_buffer_append(self, event: Mapping[str, Any]) -> None:
        try:
            audio = base64.b64decode(event["audio"], validate=True)
        except (KeyError, TypeError, binascii.Error):
            raise Refused("invalid_value", "Invalid 'audio'. Expected a base64-encoded string.", "audio") from None
        if len(audio) > MAX_APPEND_BYTES:
            raise Refused("invalid_value", "Invalid 'audio': at most 15 MiB.", "audio")
        self.audio_bytes += len(audio)
        self._buffer_ms += len(audio) / sound.BYTES_PER_MS
        if self._ear is None:
            return
        for change, at_ms in self._ear.hear(audio):
            if change == "started":
                await self._speech_started(at_ms)
            else:
                await self._speech_stopped(at_ms)

    async def _on_input_audio_buffer_commit(self, _: Mapping[str, Any]) -> None:
        if self._buffer_ms < MIN_COMMIT_MS:
            message = (
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer "
                f"only has {self._buffer_ms:.2f}ms of audio."
            )
            raise Refused("input_audio_buffer_commit_empty", message)
        await self._commit(self._new_id("item"), self._buffer_ms)
        self._ear = self._new_ear()

    async def _on_input_audio_buffer_clear(self, _: Mapping[str, Any]) -> None:
        self._buffer_ms, self._utterance, self._ear = 0.0, None, self._new_ear()
        await self.emit("input_audio_buffer.cleared")

    async def _on_conversation_item_create(self, event: Mapping[str, Any]) -> None:
        previous = event.get("previous_item_id")
        item, before = self.conversation.create(event.get("item"), previous, self._new_id("item"))
        await self.emit("conversation.item.added", previous_item_id=before, item=item.wire)
        await self.emit("conversation.item.done", previous_item_id=before, item=item.wire)

    async def _on_conversation_item_delete(self, event: Mapping[str, Any]) -> None:
        self.conversation.delete(event.get("item_id"))
        await self.emit("conversation.item.deleted", item_id=event["item_id"])

    async def _on_conversation_item_retrieve(self, event: Mapping[str, Any]) -> None:
        await self.emit("conversation.item.retrieved", item=self.conversation.retrieve(event.get("item_id")).wire)

    async def _on_conversation_item_truncate(self, event: Mapping[str, Any]) -> None:
        where = {name: event.get(name) for name in ("item_id", "content_index", "audio_end_ms")}
        self.conversation.truncate(where["item_id"], where["content_index"], where["audio_end_ms"])
        await self.emit("conversation.item.truncated", **where)

    async def _on_response_create(self, event: Mapping[str, Any]) -> None:
        config.check_response(event.get("response"))
        if self._speaker is not None:
            message = f"Conversation already has an active response in progress: {self._speaker.id}."
            raise Refused("conversation_already_has_active_response", message)
        following = self._answers[0] if self._answers else self.script.fallback
        if isinstance(following, scripts.Answer) and following.refused is not None:
            del self._answers[:1]
            raise Refused(*following.refused)
        self._respond(event.get("response") or {})

    async def _on_response_cancel(self, event: Mapping[str, Any]) -> None:
        if self._speaker is None or event.get("response_id") not in (None, self._speaker.id):
            raise Refused("response_cancel_not_active", "Cancellation failed: no active response found")
        self._speaker.stop("client_cancelled")

    async def _speech_started(self, at_ms: int) -> None:
        detection = self.session["audio"]["input"]["turn_detection"]
        padding = detection.get("prefix_padding_ms", 300)
        self._utterance = self._new_id("item"), max(0, at_ms - padding)
        await self.emit(
            "input_audio_buffer.speech_started", audio_start_ms=max(0, at_ms - padding), item_id=self._utterance[0]
        )
        if detection["interrupt_response"] and self._speaker is not None:
            self._speaker.stop("turn_detected")

    async def _speech_stopped(self, at_ms: int) -> None:
        item_id, began_ms = self._utterance or (self._new_id("item"), 0.0)
        await self.emit("input_audio_buffer.speech_stopped", audio_end_ms=at_ms, item_id=item_id)
        await self._commit(item_id, at_ms - began_ms)
        if self.session["audio"]["input"]["turn_detection"]["create_response"]:
            self._owed = self._speaker is not None
            if not self._owed:
                self._respond({})

    async def _commit(self, item_id: str, ms: float) -> None:
        self._buffer_ms, self._utterance = 0.0, None
        content = [{"type": "input_audio", "transcript": None}]
        wire = {"id": item_id, "object": "realtime.item", "type": "message", "status": "completed", "role": "user"}
        item = Item(wire | {"content": content}, audio_ms=round(ms))
        before = self.conversation.add(item)
        await self.emit("input_audio_buffer.committed", previous_item_id=before, item_id=item_id)
        await self.emit("conversation.item.added", previous_item_id=before, item=item.wire)
        await self.emit("conversation.item.done", previous_item_id=before, item=item.wire)
        transcription = self.session["audio"]["input"]["transcription"]
        if transcription is not None:
            words = self._transcripts.pop(0) if self._transcripts else f"Utterance {len(self.conversation.items)}."
            self._spawn(self._transcribe(item, words, transcription.get("model") or ""))

    async def _transcribe(self, item: Item, words: str, model: str) -> None:
        await asyncio.sleep(self.script.transcript_delay)
        kind, where = "conversation.item.input_audio_transcription", {"item_id": item.wire["id"], "content_index": 0}
        if self.script.deaf:
            error = {"type": "server_error", "code": "audio_unintelligible", "message": "Simulated.", "param": None}
            await self.emit(f"{kind}.failed", **where, error=error)
            return
        for at, word in enumerate(words.split(" ")):
            await self.emit(f"{kind}.delta", **where, delta=word if not at else " " + word)
        usage: dict[str, Any] = {"type": "duration", "seconds": round(item.audio_ms / 1000, 3)}
        if model.startswith("gpt-"):
            read, made = item.tokens()[1], text_tokens(words)
            details = {"text_tokens": 0, "audio_tokens": read}
            totals = {"total_tokens": read + made, "input_tokens": read, "output_tokens": made}
            usage = {"type": "tokens", **totals, "input_token_details": details}
        item.wire["content"][0]["transcript"] = words
        await self.emit(f"{kind}.completed", **where, transcript=words, usage=usage)

    def _respond(self, request: Mapping[str, Any]) -> None:
        scripted = self._answers.pop(0) if self._answers else self.script.fallback
        answer = scripted if isinstance(scripted, scripts.Answer) else scripted(self.received)
        hertz = 300 + 50 * self.index  # every connection has a voice of its own
        session = self.session
        self._speaker = speaker.Speaker(self.emit, self._new_id, session, self.conversation, answer, request, hertz)
        self._spawn(self._speak(self._speaker))

    async def _speak(self, current: speaker.Speaker) -> None:
        await current.run()
        self._spoken = self._spoken or current.spoke.is_set()
        self._speaker = None
        if self._owed:
            self._owed = False
            self._respond({})

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work, name=f"realtime simulator {self.index}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _new_ear(self) -> sound.Ear | None:
        detection = self.session["audio"]["input"]["turn_detection"]
        if detection is None:
            return None
        quiet_ms = detection.get("silence_duration_ms") or config.SEMANTIC_SILENCE_MS[detection["eagerness"]]
        return sound.Ear(detection.get("threshold", 0.5), quiet_ms)
