"""Reads fields out of upstream events that nobody has validated: what is missing or of another type is empty."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from dawg_server.voice.dialect import events

Wire = Mapping[str, Any]

UNUSED_TYPES = frozenset(
    {
        *("conversation.created", "conversation.item.retrieved", "conversation.item.truncated"),
        *("input_audio_buffer.cleared", "input_audio_buffer.timeout_triggered"),
        *("input_audio_buffer.dtmf_event_received", "conversation.item.input_audio_transcription.segment"),
        *("response.content_part.added", "response.content_part.done", "response.function_call_arguments.delta"),
        *("output_audio_buffer.started", "output_audio_buffer.stopped", "output_audio_buffer.cleared"),
    }
)
"""Events of the GA dialect that say nothing which a relay needs."""


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


def rate_limits(event: Wire) -> tuple[events.RateLimit, ...]:
    return tuple(
        events.RateLimit(
            text(limit, "name"),
            int(number(limit, "limit") or 0),
            int(number(limit, "remaining") or 0),
            number(limit, "reset_seconds") or 0.0,
        )
        for limit in parts(event, "rate_limits")
    )
