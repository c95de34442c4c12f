"""What the gateway refuses: missing fields, wrong values, texts over the limits of the model."""

from __future__ import annotations

from typing import Any

from tests.simulators.suno import plan
from tests.simulators.suno.plan import Refusal

MODELS = ("V4", "V4_5", "V4_5PLUS", "V4_5ALL", "V5", "V5_5")
SIMPLE_PROMPT_CHARS = 500
_WEIGHTS = ("styleWeight", "weirdnessConstraint", "audioWeight")
_SEPARATIONS = ("separate_vocal", "split_stem")


def check_songs(body: Any) -> Refusal | None:
    """The refusal that a request for songs deserves."""
    if not isinstance(body, dict):
        return plan.invalid("The request body is not a JSON object.")
    for name in ("customMode", "instrumental"):
        if not isinstance(body.get(name), bool):
            return plan.invalid(f"{name} cannot be null")
    if body.get("model") not in MODELS:
        return plan.invalid(f"model must be one of {', '.join(MODELS)}")
    return (
        _check_callback(body)
        or _check_values(body)
        or (_check_custom(body) if body["customMode"] else _check_simple(body))
    )


def check_stems(body: Any) -> Refusal | None:
    """The refusal that a request for a separation deserves."""
    if not isinstance(body, dict):
        return plan.invalid("The request body is not a JSON object.")
    for name in ("taskId", "audioId"):
        if not isinstance(body.get(name), str) or not body[name]:
            return plan.invalid(f"{name} cannot be empty")
    if body.get("type") not in _SEPARATIONS:
        return plan.invalid(f"type must be one of {', '.join(_SEPARATIONS)}")
    return _check_callback(body)


def _check_callback(body: dict[str, Any]) -> Refusal | None:
    url = body.get("callBackUrl")
    good = isinstance(url, str) and url.startswith(("http://", "https://"))
    return None if good else plan.invalid("Please enter callBackUrl.")


def _check_values(body: dict[str, Any]) -> Refusal | None:
    for name in ("prompt", "style", "title", "negativeTags", "personaId"):
        if not isinstance(body.get(name, ""), str):
            return plan.invalid(f"{name} must be a string")
    for name in _WEIGHTS:
        weight = body.get(name, 0.5)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1:
            return plan.invalid(f"{name} must be between 0 and 1")
    if body.get("vocalGender", "m") not in ("m", "f"):
        return plan.invalid("vocalGender must be m or f")
    return None


def _check_simple(body: dict[str, Any]) -> Refusal | None:
    prompt = body.get("prompt", "")
    if not prompt:
        return plan.invalid("prompt cannot be empty")
    if len(prompt) > SIMPLE_PROMPT_CHARS:
        return plan.too_long(f"The prompt cannot exceed {SIMPLE_PROMPT_CHARS} characters in non-custom mode")
    if body.get("style") or body.get("title"):
        return plan.invalid("style and title must be empty in non-custom mode")
    return None


def _check_custom(body: dict[str, Any]) -> Refusal | None:
    needed = ("style", "title") if body["instrumental"] else ("style", "title", "prompt")
    for name in needed:
        if not body.get(name):
            return plan.invalid(f"{name} cannot be empty in custom mode")
    old = body["model"] == "V4"
    limits = {
        "prompt": 3000 if old else 5000,
        "style": 200 if old else 1000,
        "title": 80 if body["model"] in ("V4", "V4_5ALL") else 100,
    }
    for name, limit in limits.items():
        if len(body.get(name, "")) > limit:
            return plan.too_long(f"The {name} cannot exceed {limit} characters")
    return None
