"""What Replicate refuses to create, and how it reads durations."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from tests.simulators.replicate import plan
from tests.simulators.replicate.prediction import EVENTS

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


def check_creation(body: Any, *, needs_version: bool, versions: Collection[str] | None) -> plan.Refusal | None:
    """The refusal that this body deserves; `versions`, when given, are all that exist."""
    if not isinstance(body, dict):
        return plan.Refusal(400, {"detail": "The request body is not a JSON object.", "status": 400})
    if needs_version and not isinstance(body.get("version"), str):
        return plan.invalid("- version is required\n")
    if needs_version and versions is not None and body["version"] not in versions:
        detail = "The specified version does not exist (or perhaps you don't have permission to use it?)"
        return plan.Refusal(422, {"title": "Invalid version or not permitted", "detail": detail, "status": 422})
    if not isinstance(body.get("input"), dict):
        return plan.invalid("- input is required\n")
    if not set(body.get("webhook_events_filter", ())) <= set(EVENTS):
        return plan.invalid(f"- webhook_events_filter: must be among {', '.join(EVENTS)}\n")
    return None


def seconds(duration: str) -> float:
    """`10m`, `1h30m`, `90s`, or plain seconds, as the header `Cancel-After` has them."""
    parts = _DURATION.fullmatch(duration.strip())
    if parts is None or not any(parts.groups()):
        return float(duration)
    hours, minutes, rest = (float(part or 0) for part in parts.groups())
    return hours * 3600 + minutes * 60 + rest
