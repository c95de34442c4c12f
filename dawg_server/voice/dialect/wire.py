"""Reads upstream frames that nobody has validated: what is missing or of another type is empty."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens as the upstream bills them, in one shape for responses and transcriptions.

    `cached_*` are part of the input counts, not on top of them. `seconds` is set where audio time is billed.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    input_text_tokens: int = 0
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    cached_tokens: int = 0
    cached_text_tokens: int = 0
    cached_audio_tokens: int = 0
    cached_image_tokens: int = 0
    output_text_tokens: int = 0
    output_audio_tokens: int = 0
    seconds: float = 0.0


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


def usage(reported: Any) -> TokenUsage | None:
    """The usage object of `response.done` or of a finished transcription; None when there is none."""
    if not isinstance(reported, Mapping):
        return None
    given = part(reported, "input_token_details")
    cached = part(given, "cached_tokens_details")
    made = part(reported, "output_token_details")
    return TokenUsage(
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


def _count(wire: Wire, name: str) -> int:
    value = wire.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
