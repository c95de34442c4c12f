"""From a request to the fields that Suno takes: custom mode for given lyrics and instrumentals, else simple mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dawg_server.generation.providers import prompts

MODEL = "V5"  # known to both gateways; the limits below are those of V4_5 and later
STYLE_CHARS = 1000
LYRICS_CHARS = 5000
TITLE_CHARS = 80
SIMPLE_CHARS = 500
VOICES = {"m": "male voice", "f": "female voice"}


@dataclass(frozen=True, slots=True)
class SunoOrder:
    """`fields` of the request besides the callback; `warnings` say where they differ from what was asked."""

    fields: dict[str, Any]
    title: str
    warnings: tuple[str, ...]


def order(request: Mapping[str, Any]) -> SunoOrder:
    """A beat is an instrumental. Without lyrics of the user's own, Suno writes them (simple mode)."""
    instrumental = request.get("instrumental", True)
    lyrics = request.get("lyrics")
    title = (request.get("title") or _title(request))[:TITLE_CHARS]
    common = {"model": MODEL, "instrumental": instrumental}
    if not instrumental and not lyrics:
        more = [VOICES[request["vocalGender"]]] if request.get("vocalGender") else []
        more += [f"without {request['negativeTags']}"] if request.get("negativeTags") else []
        words, cut = prompts.describe(request, SIMPLE_CHARS, *more)
        return SunoOrder({**common, "customMode": False, "prompt": words}, title, _warnings(cut, SIMPLE_CHARS))
    style, cut = prompts.describe(request, STYLE_CHARS, *(["instrumental"] if instrumental else []))
    fields = {**common, "customMode": True, "style": style, "title": title}
    if lyrics:
        fields["prompt"] = lyrics[:LYRICS_CHARS]
    if request.get("negativeTags"):
        fields["negativeTags"] = request["negativeTags"]
    if request.get("vocalGender") and not instrumental:
        fields["vocalGender"] = request["vocalGender"]
    return SunoOrder(fields, title, _warnings(cut, STYLE_CHARS))


def _title(request: Mapping[str, Any]) -> str:
    parts = (request.get("mood"), request.get("genre"))
    return " ".join(part for part in parts if part).title() or (request.get("prompt") or "Untitled")


def _warnings(cut: bool, limit: int) -> tuple[str, ...]:
    return (f"Your words were cut: Suno takes {limit} characters of description.",) if cut else ()
