"""Clips in both units."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dawg_server.daw import timing
from dawg_server.daw.tempo_map import TempoMap

NOTES = {"midiData": {"notes": []}, "timebase": "musical"}


@given(bpm=st.floats(20, 300), start=st.floats(0, 1000), length=st.floats(0.01, 1000))
def test_no_fade_in_one_unit_is_no_fade_in_the_other(bpm: float, start: float, length: float) -> None:
    silent = {"fadeIn": 0, "fadeOut": 0, "offset": 0}
    settled = timing.settled(None, {**NOTES, "startBeat": start, "lengthBeats": length, **silent}, TempoMap(bpm))
    assert {settled[name] >= 0 for name in timing.NAMES} == {True}
    assert abs(settled["fadeOutBeats"]) + abs(settled["fadeInBeats"]) < 1e-6
