"""How long a beat is: bars, whole bars of a duration, or a duration that ends."""

from __future__ import annotations

import pytest

from dawg_server import errors
from dawg_server.generation import requests


@pytest.mark.parametrize(
    ("asked", "length"),
    [
        ({"bpm": 150, "duration": 30, "bars": 4}, (4, 6.4, False)),
        ({"bpm": 150, "duration": 6.4}, (4, 6.4, False)),
        ({"bpm": 150, "duration": 6.385}, (4, 6.4, False)),
        ({"bpm": 150, "duration": 6.43}, (None, 6.43, True)),
        ({"bpm": 120, "duration": 30}, (15, 30.0, True)),  # from 24 s on a piece ends
        ({"bpm": 120, "duration": 30, "ending": False}, (15, 30.0, False)),
        ({"bpm": 120, "duration": 8, "ending": True}, (4, 8.0, True)),
        ({"bpm": 120, "duration": 30, "bars": 32}, (32, 64.0, False)),
        ({"bpm": 120, "duration": 30, "bars": 8, "ending": True}, (8, 16.0, True)),
        ({"bpm": 200, "duration": 300, "bars": 1}, (1, 1.2, False)),
        ({"bpm": 100, "duration": 300, "bars": 125}, (125, 300.0, False)),
        ({"bpm": 61, "duration": 300, "ending": False}, (76, 299.016, False)),
        ({"bpm": 120, "duration": 30, "bars": 4, "beats_per_bar": 3.0}, (4, 6.0, False)),
        ({"bpm": 90, "duration": 5, "ending": False}, (2, 5.333, False)),
    ],
)
def test_lengths(asked: dict[str, float], length: tuple[int | None, float, bool]) -> None:
    found = requests.length(**asked)
    assert (found.bars, round(found.duration, 3), found.ending) == length


def test_more_than_five_minutes_are_refused_with_what_would_fit() -> None:
    with pytest.raises(errors.ValidationError, match="up to 100 bars, or for a faster tempo"):
        requests.length(80, 30, bars=128)


def test_who_cannot_count_bars_is_named() -> None:
    asked = {"bars": 4, "duration": 6.4}
    assert requests.for_provider(asked, "embedded") == asked
    (note,) = requests.for_provider(asked, "replicate")["notes"]
    assert "does not keep to 4 bars" in note
