from __future__ import annotations

import json

import pytest

from dawg_server.voice.dialect import wire
from tests.voice.dialect import upstream

EVENT = {
    "type": "response.output_audio.delta",
    "event_id": "event_1",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 0,
    "delta": upstream.sound(20),
}
NEEDED = {key: EVENT[key] for key in ("type", "response_id", "item_id", "delta")}


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("after", [{}, {"obfuscation": "xyz"}])
def test_an_audio_frame_is_known_by_its_raw_text(separators: tuple[str, str], after: dict[str, str]) -> None:
    assert wire.audio_delta(json.dumps(EVENT | after, separators=separators).encode()) == NEEDED
    other = {"event_id": "event_1", **EVENT}
    assert wire.audio_delta(json.dumps(other, separators=separators).encode()) == NEEDED


OTHERS = [
    EVENT | {"type": "response.output_audio.done"},
    EVENT | {"type": "response.output_audio_transcript.delta", "delta": '"type":"response.output_audio.delta"'},
    EVENT | {"item_id": 'quo"te'},
    EVENT | {"delta": 'AA"AA'},
    {"type": EVENT["type"], "delta": "AAAA", "response_id": "r", "item_id": "i"},
    {"type": "response.created", "response": EVENT},
    {key: value for key, value in EVENT.items() if key != "item_id"},
    [EVENT],
]


@pytest.mark.parametrize("other", OTHERS)
def test_everything_else_and_everything_unusual_is_left_to_a_real_parser(other: object) -> None:
    assert wire.audio_delta(json.dumps(other, separators=(",", ":")).encode()) is None


def test_a_frame_that_was_cut_off_is_left_to_a_real_parser() -> None:
    raw = json.dumps(EVENT).encode()
    assert all(wire.audio_delta(raw[:length]) is None for length in range(len(raw) - 2))
