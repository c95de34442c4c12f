"""The browser's side of a session: the audio that it sends, and the events that it is sent."""

from __future__ import annotations

import base64
import binascii
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from dawg_server import errors, logs
from dawg_server.voice.connection import Ending
from dawg_server.voice.dialect import events
from dawg_server.voice.dialect.responses import decoded_length
from dawg_server.wire import timestamp

log = logs.get("voice")
MAX_MESSAGE = 256 * 1024  # bytes of audio in one message, decoded
MAX_KEPT = 10 * 48_000  # bytes: 10 s of PCM16 mono at 24 kHz


class BrowserSocket(Protocol):
    """The one socket that owns a session. Neither call waits or raises; what cannot be delivered is lost."""

    def publish(self, event: str, payload: Mapping[str, Any]) -> None:
        """In order and as soon as possible."""

    def play(self, payload: Mapping[str, str]) -> bool:
        """Audio, worth nothing late: False when it was dropped because the browser is too slow."""


class VoiceEvent(NamedTuple):
    """An event of the namespace `/voice`, made of one of the dialect's."""

    name: str
    payload: Callable[[Any], dict[str, Any]]


def _item(event: Any) -> dict[str, Any]:
    return {"itemId": event.item_id}


def _user_words(event: Any) -> dict[str, Any]:
    return {"text": event.text, "itemId": event.item_id}


def _words(event: Any) -> dict[str, Any]:
    return {"text": event.text, "itemId": event.item_id, "responseId": event.response_id}


EVENT_MAP: Mapping[type, VoiceEvent] = {
    events.SpeechStarted: VoiceEvent("speech-started", _item),
    events.SpeechStopped: VoiceEvent("speech-stopped", _item),
    events.UserTranscriptDelta: VoiceEvent("user-transcript-delta", _user_words),
    events.UserTranscriptDone: VoiceEvent("user-transcript-done", _user_words),
    events.UserTranscriptFailed: VoiceEvent(
        "user-transcript-failed", lambda event: {"itemId": event.item_id, "reason": event.code}
    ),
    events.ResponseStarted: VoiceEvent("response-started", lambda event: {"responseId": event.response_id}),
    events.ResponseDone: VoiceEvent(
        "response-done",
        lambda event: {"responseId": event.response_id, "status": event.status, "reason": event.reason},
    ),
    events.TextDelta: VoiceEvent("ai-text-delta", _words),
    events.TextDone: VoiceEvent("ai-text-done", _words),
    events.AudioDone: VoiceEvent(
        "audio-done", lambda event: {"itemId": event.item_id, "responseId": event.response_id}
    ),
    events.Interrupted: VoiceEvent(
        "ai-interrupted", lambda event: {"itemId": event.item_id, "playedMs": event.played_ms}
    ),
}


def publish(socket: BrowserSocket, event: events.Event) -> None:
    """Sends what the browser is to know of an event of the dialect, if anything."""
    if (outgoing := EVENT_MAP.get(type(event))) is not None:
        socket.publish(outgoing.name, outgoing.payload(event))


class SessionEvents:
    """Events about the session itself."""

    def __init__(self, socket: BrowserSocket) -> None:
        self._publish = socket.publish

    def started(self, session_id: str, voice: str, model: str, expires_at: float) -> None:
        """`expires_at` of the connection to the service, in epoch seconds."""
        payload = {"sessionId": session_id, "voice": voice, "model": model, "expiresAt": timestamp(expires_at)}
        self._publish("realtime-started", payload)
        self._publish("realtime-connected", payload)

    def recycled(
        self, session_id: str, voice: str, model: str, expires_at: float, *, previous: str, reason: str
    ) -> None:
        """A new connection serves the session in place of the `previous` one."""
        payload = {"sessionId": session_id, "voice": voice, "model": model, "expiresAt": timestamp(expires_at)}
        self._publish("session-recycled", {**payload, "previousSessionId": previous, "reason": reason})

    def voice_changed(self, voice: str, applied: str) -> None:
        self._publish("voice-changed", {"voice": voice, "applied": applied})

    def error(self, error: errors.DawgError, *, fatal: bool) -> None:
        request_id = logs.request_id()
        log.info("A browser was told of an error.", action="voice_error", code=error.code, request_id=request_id)
        self._publish("error", {**error.envelope(request_id), "fatal": fatal, "retryAfter": error.retry_after})

    def usage(
        self,
        session_id: str,
        bill: events.UsageReported,
        *,
        cost: float,
        total: float,
        seconds: float,
        remaining: Mapping[str, float | None] | None,
    ) -> None:
        """`cost` of this bill and `total` of the session in USD."""
        used = bill.usage
        self._publish(
            "usage",
            {
                "sessionId": session_id,
                "responseId": bill.of_id,
                "inputTokens": used.input_tokens,
                "outputTokens": used.output_tokens,
                "cachedTokens": used.cached_tokens,
                "inputAudioTokens": used.input_audio_tokens,
                "outputAudioTokens": used.output_audio_tokens,
                "costUsd": round(cost, 6),
                "totalCostUsd": round(total, 6),
                "remaining": remaining,
                "durationSeconds": round(seconds, 3),
            },
        )

    def disconnected(self, session_id: str, ending: Ending, *, will_reconnect: bool) -> None:
        payload = {"sessionId": session_id, "reason": ending.message, "code": ending.code}
        self._publish("realtime-disconnected", {**payload, "willReconnect": will_reconnect})

    def stopped(self, session_id: str, reason: str, seconds: float, cost: float) -> None:
        """`cost` in USD."""
        payload = {"sessionId": session_id, "reason": reason, "durationSeconds": round(seconds, 3)}
        self._publish("realtime-stopped", {**payload, "costUsd": round(cost, 6)})


def as_base64(audio: object) -> str:
    """Checked audio as base64 text. `audio` is base64 text or bytes: PCM16 little-endian mono 24 kHz.

    Raises `ValidationError` and `PayloadTooLarge`.
    """
    if isinstance(audio, str):
        _check_size(len(audio) * 3 // 4 - 2)
        try:
            length = len(binascii.a2b_base64(audio, strict_mode=True))
        except (binascii.Error, ValueError):
            raise _wrong("has to be base64") from None
        text = audio
    elif isinstance(audio, bytes | bytearray):
        length = len(audio)
        _check_size(length)
        text = base64.b64encode(audio).decode()
    else:
        raise _wrong("has to be base64 text or binary")
    _check_size(length)
    if length % 2:
        raise _wrong("has to be an even number of bytes: PCM16")
    return text


class MicrophoneBuffer:
    """Keeps the newest 10 s until the service listens. `dropped` counts the messages that had to go."""

    def __init__(self) -> None:
        self.dropped = 0
        self._kept: deque[str] = deque()
        self._bytes = 0

    def keep(self, base64_text: str) -> None:
        self._kept.append(base64_text)
        self._bytes += decoded_length(base64_text)
        while self._bytes > MAX_KEPT:
            self._bytes -= decoded_length(self._kept.popleft())
            self.dropped += 1

    def take(self) -> Iterator[str]:
        """Everything that was kept, oldest first; afterwards nothing is."""
        while self._kept:
            yield self._kept.popleft()
        self._bytes = 0


def _check_size(length: int) -> None:
    if length > MAX_MESSAGE:
        raise errors.PayloadTooLarge(
            "One message holds at most 256 KiB of audio.", details={"limit": MAX_MESSAGE, "unit": "bytes"}
        )


def _wrong(sentence: str) -> errors.ValidationError:
    return errors.ValidationError(f"audio {sentence}.", details={"audio": sentence})
