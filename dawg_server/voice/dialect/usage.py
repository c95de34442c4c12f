"""Token counts as the upstream bills them, in one shape for answers and transcriptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Usage:
    """`cached_*` are part of the input counts, not on top of them. `seconds` is set where audio time is billed."""

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


def read(wire: Any) -> Usage | None:
    """The usage object of `response.done` or of a finished transcription; None when there is none."""
    if not isinstance(wire, Mapping):
        return None
    given = _part(wire, "input_token_details")
    cached = _part(given, "cached_tokens_details")
    made = _part(wire, "output_token_details")
    return Usage(
        input_tokens=_count(wire, "input_tokens"),
        output_tokens=_count(wire, "output_tokens"),
        input_text_tokens=_count(given, "text_tokens"),
        input_audio_tokens=_count(given, "audio_tokens"),
        input_image_tokens=_count(given, "image_tokens"),
        cached_tokens=_count(given, "cached_tokens"),
        cached_text_tokens=_count(cached, "text_tokens"),
        cached_audio_tokens=_count(cached, "audio_tokens"),
        cached_image_tokens=_count(cached, "image_tokens"),
        output_text_tokens=_count(made, "text_tokens"),
        output_audio_tokens=_count(made, "audio_tokens"),
        seconds=_seconds(wire),
    )


def _part(wire: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = wire.get(name)
    return part if isinstance(part, Mapping) else {}


def _count(wire: Mapping[str, Any], name: str) -> int:
    value = wire.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _seconds(wire: Mapping[str, Any]) -> float:
    value = wire.get("seconds")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else 0.0
