"""Recognises an audio frame of the upstream in its raw text, so that the relay need not parse what it passes on."""

from __future__ import annotations

import re

AUDIO_DELTA = "response.output_audio.delta"

_INDEXES = rb'(?:"\w+_index": ?\d+, ?)*'
_HEAD = re.compile(
    rb'\{(?:"event_id": ?"[^"\\]*", ?)?"type": ?"response\.output_audio\.delta", ?(?:"event_id": ?"[^"\\]*", ?)?'
    rb'"response_id": ?"([^"\\]*)", ?' + _INDEXES + rb'"item_id": ?"([^"\\]*)", ?' + _INDEXES + rb'"delta": ?"'
)


def audio_delta(raw: bytes) -> dict[str, str] | None:
    """The event with the fields that matter, or None for every other frame and for an unusual one: parse those."""
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
