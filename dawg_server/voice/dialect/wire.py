"""The frames of the service: reading what comes, unvalidated, and the configuration of a session as it is sent.

What is missing in a frame, or of another type, reads as empty.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dawg_server.voice.dialect import events

Wire = Mapping[str, Any]
AUDIO_DELTA = "response.output_audio.delta"

_INDEXES = rb'(?:"\w+_index": ?\d+, ?)*'
_HEAD = re.compile(
    rb'\{(?:"event_id": ?"[^"\\]*", ?)?"type": ?"response\.output_audio\.delta", ?(?:"event_id": ?"[^"\\]*", ?)?'
    rb'"response_id": ?"([^"\\]*)", ?' + _INDEXES + rb'"item_id": ?"([^"\\]*)", ?' + _INDEXES + rb'"delta": ?"'
)

UNUSED_TYPES = frozenset(
    {
        *("rate_limits.updated", "conversation.created", "conversation.item.retrieved", "conversation.item.truncated"),
        *("input_audio_buffer.cleared", "input_audio_buffer.timeout_triggered"),
        *("input_audio_buffer.dtmf_event_received", "conversation.item.input_audio_transcription.segment"),
        *("response.content_part.added", "response.content_part.done", "response.function_call_arguments.delta"),
        *("output_audio_buffer.started", "output_audio_buffer.stopped", "output_audio_buffer.cleared"),
    }
)
"""Events of the GA dialect that say nothing which a relay needs."""

FINAL_CODES = frozenset(
    {"invalid_api_key", "insufficient_quota", "account_deactivated", "billing_hard_limit_reached"}
    | {"beta_api_shape_disabled"}
)
# The voice is frozen by the first spoken answer; another one needs another session.
RECYCLE_CODES = frozenset({"session_expired", "cannot_update_voice"})
NOISE_CODES = frozenset(
    {"response_cancel_not_active", "conversation_already_has_active_response"}
    | {"item_truncate_invalid_item_id", "item_delete_invalid_item_id"}
)
# Cutting an item races with its own end, and the service counts its length a little differently from what it sent.
NOISE_DURING = frozenset({"response.cancel", "conversation.item.truncate", "conversation.item.delete"})
EMPTY_COMMIT = "input_audio_buffer_commit_empty"
DEFAULT_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before a request is repeated
_TRY_AGAIN = re.compile(r"try again in (\d+(?:\.\d+)?) ?(ms|s|m)\b")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
RECOVERABLE_CLOSE_CODES = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 1015})

TurnDetection = Literal["semantic", "server", "none"]

MAX_OUTPUT_TOKENS = 2048  # of one answer
RETENTION_RATIO = 0.8  # cut history in few large steps, so that the prompt cache stays warm
MAX_HISTORY_TOKENS = 12_000
# Above the default of 0.5: this choice is for rooms where the loudspeaker reaches the microphone.
SERVER_VAD_THRESHOLD = 0.7
_PCM: Mapping[str, Any] = {"type": "audio/pcm", "rate": 24000}


def part(wire: Wire, name: str) -> Wire:
    value = wire.get(name)
    return value if isinstance(value, Mapping) else {}


def text(wire: Wire, name: str) -> str:
    value = wire.get(name)
    return value if isinstance(value, str) else ""


def number(wire: Wire, name: str) -> float | None:
    value = wire.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return float(value)


def parts(wire: Wire, name: str) -> Iterator[Wire]:
    value = wire.get(name)
    return (item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else iter(())


def bill(of: Literal["response", "transcription"], of_id: str, reported: Any) -> list[events.UsageReported]:
    """Nothing where the service reports none."""
    counted = usage(reported)
    return [] if counted is None else [events.UsageReported(of, of_id, counted)]


def usage(reported: Any) -> events.TokenUsage | None:
    """The usage object of `response.done` or of a finished transcription; None when there is none."""
    if not isinstance(reported, Mapping):
        return None
    given = part(reported, "input_token_details")
    cached = part(given, "cached_tokens_details")
    made = part(reported, "output_token_details")
    return events.TokenUsage(
        input_tokens=_count(reported, "input_tokens"),
        output_tokens=_count(reported, "output_tokens"),
        input_text_tokens=_count(given, "text_tokens"),
        input_audio_tokens=_count(given, "audio_tokens"),
        input_image_tokens=_count(given, "image_tokens"),
        cached_tokens=_count(given, "cached_tokens"),
        cached_text_tokens=_count(cached, "text_tokens"),
        cached_audio_tokens=_count(cached, "audio_tokens"),
        cached_image_tokens=_count(cached, "image_tokens"),
        output_text_tokens=_count(made, "text_tokens"),
        output_audio_tokens=_count(made, "audio_tokens"),
        seconds=max(0.0, number(reported, "seconds") or 0.0),
    )


def audio_delta(raw: bytes) -> dict[str, str] | None:
    """The fields of an audio event that matter, without parsing the frame; None for every other frame: parse those."""
    head = _HEAD.match(raw)
    if head is None:
        return None
    end = raw.find(b'"', head.end())
    delta = raw[head.end() : end]
    if end < 0 or b"\\" in delta:
        return None
    response_id, item_id = head.groups()
    return {
        "type": AUDIO_DELTA,
        "response_id": response_id.decode(),
        "item_id": item_id.decode(),
        "delta": delta.decode(),
    }


def fault(error: Wire, event_id: str, *, during: str | None = None, automatic_turns: bool = True) -> events.Fault:
    """What an error object of the service says: of an `error` event, or of a response that failed."""
    code = text(error, "code") or text(error, "type") or "unknown"
    kind = classify(code, during=during, automatic_turns=automatic_turns)
    return events.Fault(kind, code, text(error, "message"), during, event_id)


def retry_after(error: Wire) -> float:
    """Seconds to wait before the same request is sent again: a field, or a part of the sentence, of the error."""
    told = number(error, "retry_after")
    seconds = DEFAULT_PAUSE if told is None else told
    if match := _TRY_AGAIN.search(text(error, "message")):
        seconds = float(match[1]) * _UNITS[match[2]]
    return min(max(seconds, 0.0), LONGEST_PAUSE)


def classify(code: str, *, during: str | None = None, automatic_turns: bool = True) -> events.FaultKind:
    """`automatic_turns`: the service commits by itself, so that an empty commit of ours is a harmless race."""
    if code in FINAL_CODES:
        return events.FaultKind.FINAL
    if code in RECYCLE_CODES:
        return events.FaultKind.RECYCLE
    if code in NOISE_CODES or during in NOISE_DURING or (code == EMPTY_COMMIT and automatic_turns):
        return events.FaultKind.NOISE
    return events.FaultKind.OTHER


def close_fault(code: int) -> events.Fault:
    """What the end of the connection with this code means: RECYCLE or FINAL."""
    kind = events.FaultKind.RECYCLE if code in RECOVERABLE_CLOSE_CODES else events.FaultKind.FINAL
    return events.Fault(kind, f"closed_{code}", f"The service closed the connection ({code}).")


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """`tools` are function definitions in their fixed order; `language` is an ISO 639-1 hint for the transcription."""

    instructions: str
    voice: str
    transcription_model: str
    turn_detection: TurnDetection = "semantic"
    tools: Sequence[Mapping[str, Any]] = field(default=())
    language: str | None = None

    @property
    def automatic_turns(self) -> bool:
        return self.turn_detection != "none"


class SessionState:
    """How much of the configuration the service has accepted."""

    def __init__(self, wanted: SessionSettings) -> None:
        self.wanted, self.voice = wanted, wanted.voice
        self.ready = False
        self._id = ""

    def created(self, event: Wire) -> dict[str, Any]:
        """The session to ask for, now that there is one."""
        self._id = text(part(event, "session"), "id")
        return session_object(self.wanted)

    def updated(self, event: Wire) -> events.Ready | events.Reconfigured:
        accepted = part(event, "session")
        self.voice = text(part(part(accepted, "audio"), "output"), "voice") or self.voice
        if self.ready:
            return events.Reconfigured(self.voice)
        self.ready = True
        session_id, expires_at = text(accepted, "id") or self._id, number(accepted, "expires_at")
        return events.Ready(session_id, text(accepted, "model"), self.voice, expires_at)


def session_object(settings: SessionSettings) -> dict[str, Any]:
    """The `session` object of `session.update`, and of a request for a client secret."""
    transcription = {"model": settings.transcription_model}
    if settings.language is not None:
        transcription["language"] = settings.language
    return {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": settings.instructions,
        "tools": [{"type": "function", **tool} for tool in settings.tools],
        "tool_choice": "auto",
        "max_output_tokens": MAX_OUTPUT_TOKENS,
        "truncation": {
            "type": "retention_ratio",
            "retention_ratio": RETENTION_RATIO,
            "token_limits": {"post_instructions": MAX_HISTORY_TOKENS},
        },
        "audio": {
            "input": {
                "format": dict(_PCM),
                "noise_reduction": {"type": "near_field"},
                "transcription": transcription,
                "turn_detection": _turn_detection(settings.turn_detection),
            },
            "output": {"format": dict(_PCM), "voice": settings.voice, "speed": 1.0},
        },
    }


def voice_object(voice: str) -> dict[str, Any]:
    """The smallest `session` object that changes the voice and nothing else."""
    return {"type": "realtime", "audio": {"output": {"voice": voice}}}


def _turn_detection(kind: TurnDetection) -> dict[str, Any] | None:
    automatic = {"create_response": True, "interrupt_response": True}
    match kind:
        case "none":
            return None
        case "semantic":
            return {"type": "semantic_vad", "eagerness": "auto", **automatic}
        case "server":
            timing = {"prefix_padding_ms": 300, "silence_duration_ms": 500}
            return {"type": "server_vad", "threshold": SERVER_VAD_THRESHOLD, **timing, **automatic}


def _count(wire: Wire, name: str) -> int:
    value = wire.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
