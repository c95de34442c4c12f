"""From what the services report to what they charge for: unit -> quantity, ready for `Usage.billed`.

Shapes as in the vendors' own SDK types; whatever is absent or null counts as none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Billed = dict[str, float]
_KINDS = ("text", "audio", "image")


def anthropic(usage: Mapping[str, Any]) -> Billed:
    """The last `usage` of a message (it is cumulative); its `input_tokens` exclude the cache."""
    written = _number(usage, "cache_creation_input_tokens")
    for_an_hour = _number(_part(usage, "cache_creation"), "ephemeral_1h_input_tokens")
    return _some(
        {
            "input_tokens": _number(usage, "input_tokens"),
            "cache_write_tokens": max(0.0, written - for_an_hour),
            "cache_write_1h_tokens": for_an_hour,
            "cache_read_tokens": _number(usage, "cache_read_input_tokens"),
            "output_tokens": _number(usage, "output_tokens"),
        }
    )


def realtime(usage: Mapping[str, Any]) -> Billed:
    """The `usage` of a `response.done`; its `input_tokens` include what came from the cache."""
    given, made = _part(usage, "input_token_details"), _part(usage, "output_token_details")
    cached = _part(given, "cached_tokens_details")
    billed: Billed = {}
    for kind in _KINDS:
        total, from_cache = _number(given, f"{kind}_tokens"), _number(cached, f"{kind}_tokens")
        billed[f"{kind}_input_tokens"] = max(0.0, total - from_cache)
        billed[f"cached_{kind}_input_tokens"] = from_cache
    for kind in ("text", "audio"):
        billed[f"{kind}_output_tokens"] = _number(made, f"{kind}_tokens")
    # Tokens whose kind was not told are booked at the price of sound, the dearest there is.
    billed["audio_input_tokens"] += _untold(usage, "input_tokens", given)
    billed["audio_output_tokens"] += _untold(usage, "output_tokens", made)
    return _some(billed)


def transcription(usage: Mapping[str, Any]) -> Billed:
    """The `usage` of a finished transcription: `{type: "duration", seconds}` or `{type: "tokens", …}`."""
    if usage.get("type") == "duration":
        return _some({"audio_seconds": _number(usage, "seconds")})
    given = _part(usage, "input_token_details")
    text = _number(given, "text_tokens")
    return _some(
        {
            "audio_input_tokens": max(0.0, _number(usage, "input_tokens") - text),
            "text_input_tokens": text,
            "text_output_tokens": _number(usage, "output_tokens"),
        }
    )


def replicate(metrics: Mapping[str, Any]) -> Billed:
    """The `metrics` of a prediction: seconds on the hardware of the model."""
    return _some({"predict_seconds": _number(metrics, "predict_time")})


def _part(report: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = report.get(name)
    return part if isinstance(part, Mapping) else {}


def _number(report: Mapping[str, Any], name: str) -> float:
    value = report.get(name)
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0


def _untold(usage: Mapping[str, Any], total: str, details: Mapping[str, Any]) -> float:
    return max(0.0, _number(usage, total) - sum(_number(details, f"{kind}_tokens") for kind in _KINDS))


def _some(billed: Billed) -> Billed:
    return {unit: quantity for unit, quantity in billed.items() if quantity}
