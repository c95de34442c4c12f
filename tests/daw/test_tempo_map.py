"""Beats, seconds and bars: each translation is the exact inverse of the other, with any events."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dawg_server.daw.tempo_map import MetreChange, TempoChange, TempoMap

BPM = st.floats(20, 300)
CHANGES = st.lists(
    st.builds(
        TempoChange, st.integers(0, 40_000).map(lambda tick: tick / 40), BPM, st.sampled_from(["jump", "linear"])
    ),
    max_size=12,
)
SIGNATURES = st.sampled_from(["4/4", "3/4", "6/8", "7/8", "5/4", "2/2", "12/8"])
METRES = st.lists(st.builds(MetreChange, st.integers(0, 300), SIGNATURES), max_size=8)
MAPS = st.builds(TempoMap, BPM, CHANGES, SIGNATURES, METRES)


def test_a_constant_tempo_is_sixty_over_bpm() -> None:
    tempo = TempoMap(90)
    assert tempo.seconds(3) == 2.0
    assert tempo.beat(2.0) == 3.0
    assert tempo.seconds(-3) == -2.0
    assert tempo.is_constant


def test_a_jump_counts_from_its_beat() -> None:
    tempo = TempoMap(120, [TempoChange(8, 60)])
    assert [tempo.seconds(beat) for beat in (4, 8, 10)] == [2, 4, 6]
    assert [tempo.bpm(beat) for beat in (0, 7.999, 8, 100)] == [120, 120, 60, 60]


def test_a_ramp_is_the_integral_of_sixty_over_bpm() -> None:
    tempo = TempoMap(60, [TempoChange(0, 60, "linear"), TempoChange(16, 120)])
    assert tempo.bpm(8) == 90
    steps = (np.arange(1_000_000) + 0.5) * (16 / 1_000_000)
    assert tempo.seconds(16) == pytest.approx(float(np.sum(60 / (60 + steps * 60 / 16)) * 16 / 1_000_000), abs=1e-9)
    assert tempo.seconds(20) == pytest.approx(tempo.seconds(16) + 2)  # it stays behind the last event


def test_the_last_of_several_events_at_a_beat_counts() -> None:
    assert TempoMap(120, [TempoChange(4, 90), TempoChange(4, 60)]).seconds(6) == 4


def test_bars_follow_changes_of_the_metre() -> None:
    tempo = TempoMap(120, (), "4/4", [MetreChange(2, "6/8"), MetreChange(4, "5/4")])
    assert [tempo.beat_of_bar(bar) for bar in (0, 1, 2, 3, 4, 5)] == [0, 4, 8, 11, 14, 19]
    assert tempo.position(11.5) == (3, pytest.approx(0.5))
    assert tempo.position(14) == (4, 0)
    assert tempo.signature(13) == "6/8"
    assert tempo.beat_of_bar(2.5) == 9.5


def test_what_rounding_keeps_from_a_bar_line_is_on_it() -> None:
    assert TempoMap(120).position(4 - 1e-12) == (1, 0.0)


@given(MAPS, st.floats(-100, 5_000))
def test_beats_come_back_from_seconds(tempo: TempoMap, beat: float) -> None:
    assert tempo.beat(tempo.seconds(beat)) == pytest.approx(beat, rel=1e-9, abs=1e-9)


@given(MAPS, st.floats(-100, 20_000))
def test_seconds_come_back_from_beats(tempo: TempoMap, seconds: float) -> None:
    assert tempo.seconds(tempo.beat(seconds)) == pytest.approx(seconds, rel=1e-9, abs=1e-9)


@given(MAPS, st.lists(st.floats(-100, 5_000), min_size=2, max_size=30))
def test_time_never_runs_backwards_and_arrays_agree_with_numbers(tempo: TempoMap, beats: list[float]) -> None:
    beats.sort()
    many = tempo.seconds_of(np.array(beats))
    assert np.all(np.diff(many) >= 0)
    np.testing.assert_allclose(many, [tempo.seconds(beat) for beat in beats], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(tempo.beats_of(many), beats, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(tempo.bpm_of(np.array(beats)), [tempo.bpm(beat) for beat in beats])


@given(MAPS, st.floats(-100, 5_000))
def test_bars_come_back_from_beats(tempo: TempoMap, beat: float) -> None:
    assert tempo.beat_of_bar(tempo.bar(beat)) == pytest.approx(beat, rel=1e-9, abs=1e-9)
    bar, inside = tempo.position(beat)
    assert tempo.beat_of_bar(bar) + inside == pytest.approx(beat, rel=1e-9, abs=1e-7)
    assert inside >= 0


@given(MAPS)
def test_a_map_travels_to_other_processes(tempo: TempoMap) -> None:
    assert pickle.loads(pickle.dumps(tempo)) == tempo
