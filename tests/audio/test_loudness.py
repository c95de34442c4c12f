from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dawg_server.audio import loudness
from tests.audio import signals


def measured(samples: np.ndarray, rate: int) -> loudness.LoudnessMeter:
    meter = loudness.LoudnessMeter(rate, samples.shape[1])
    meter.add(samples)
    return meter


@pytest.mark.parametrize(
    ("parts", "expected"),
    [  # EBU Tech 3341, table 1, cases 1 to 5
        ([(-23, 20)], -23.0),
        ([(-33, 20)], -33.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
)
def test_the_ebu_signals_read_what_the_ebu_says(parts: list[tuple[float, float]], expected: float) -> None:
    assert signals.integrated_loudness(signals.steps(48_000, parts), 48_000) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [  # EBU Tech 3342, table 1, cases 1 to 4
        ([(-20, 20), (-30, 20)], 10.0),
        ([(-20, 20), (-15, 20)], 5.0),
        ([(-40, 20), (-20, 20)], 20.0),
        ([(-50, 20), (-35, 20), (-20, 20), (-35, 20), (-50, 20)], 15.0),
    ],
)
def test_the_ebu_signals_have_the_range_that_the_ebu_says(parts: list[tuple[float, float]], expected: float) -> None:
    assert measured(signals.steps(48_000, parts), 48_000).range == pytest.approx(expected, abs=1.0)


def test_surround_channels_count_more_and_the_low_frequency_channel_not_at_all() -> None:
    tone = signals.sine(48_000, 20, 1000, 0.0, channels=1)[:, 0]
    levels = (-28, -28, -24, -30, -30)  # EBU Tech 3341, case 6
    front, surround = [tone * 10 ** (level / 20) for level in levels[:3]], [tone * 10 ** (-30 / 20)] * 2
    five = np.stack([*front, *surround], axis=1)
    six = np.stack([*front, tone, *surround], axis=1)
    assert signals.integrated_loudness(five, 48_000) == pytest.approx(-23.0, abs=0.1)
    assert signals.integrated_loudness(six, 48_000) == pytest.approx(-23.0, abs=0.1)


def test_a_full_scale_tone_in_one_channel_reads_what_the_recommendation_says() -> None:
    assert signals.integrated_loudness(
        signals.sine(48_000, 5, 997, 0.0, channels=1)[3000:-3000], 48_000
    ) == pytest.approx(-3.01, abs=0.01)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 88_200, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_it_agrees_with_pyloudnorm_at_any_rate(rate: int, channels: int) -> None:
    samples = signals.music(rate, 2.0, channels=channels)
    judge = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(samples.astype(float))
    assert signals.integrated_loudness(samples, rate) == pytest.approx(judge, abs=0.02 if rate == 11_025 else 1e-6)


@pytest.mark.parametrize("rate", [22_050, 44_100])
def test_it_agrees_with_ffmpeg_at_any_rate(rate: int) -> None:
    samples = signals.music(rate, 12.0)
    samples *= (0.05 + 0.3 * np.square(np.sin(np.arange(len(samples)) / rate / 3)))[:, np.newaxis].astype(np.float32)
    judge = signals.ffmpeg_loudness(samples, rate)
    meter = measured(samples, rate)
    assert meter.integrated == pytest.approx(judge["I"], abs=0.01)
    assert meter.range == pytest.approx(judge["LRA"], abs=0.3)  # FFmpeg also counts windows that are not full yet


@given(st.lists(st.integers(1, 6000), min_size=1, max_size=6))
@settings(max_examples=20, deadline=None)
def test_the_blocks_in_which_a_sound_arrives_do_not_matter(sizes: list[int]) -> None:
    samples = signals.music(8_000, 4.0)
    whole, pieces = measured(samples, 8_000), loudness.LoudnessMeter(8_000, 2)
    for block in signals.split(samples, sizes):
        pieces.add(block)
    for figure in ("integrated", "range", "momentary_max", "short_term_max"):
        assert getattr(pieces, figure) == pytest.approx(getattr(whole, figure), abs=1e-9)


def test_the_momentary_and_short_term_maxima_are_those_of_the_loudest_moments() -> None:
    meter = measured(signals.steps(48_000, [(-40, 5), (-20, 0.6), (-40, 5), (-30, 4), (-40, 5)]), 48_000)
    assert meter.momentary_max == pytest.approx(-20.0, abs=0.1)
    assert meter.short_term_max == pytest.approx(-20 + 10 * math.log10((0.5 + 2.5 * 0.01) / 3), abs=0.6)


def test_silence_has_no_loudness_and_no_range() -> None:
    meter = measured(np.zeros((48_000 * 4, 2), np.float32), 48_000)
    assert meter.integrated == meter.momentary_max == meter.short_term_max == -math.inf
    assert meter.range == 0.0


def test_what_is_below_the_absolute_gate_is_silence() -> None:
    assert signals.integrated_loudness(signals.sine(48_000, 5, 1000, -75.0), 48_000) == -math.inf


def test_nothing_at_all_is_silence() -> None:
    assert loudness.LoudnessMeter(48_000, 2).integrated == -math.inf


def test_a_sound_shorter_than_a_gating_block_is_measured_over_its_length() -> None:
    tone = signals.sine(48_000, 5, 1000, -20.0)[48_000:]
    assert signals.integrated_loudness(tone[: 48_000 // 5], 48_000) == pytest.approx(-20.0, abs=0.3)


def test_flat_samples_are_one_channel() -> None:
    tone = signals.sine(48_000, 2, 1000, -20.0, channels=1)
    assert signals.integrated_loudness(tone[:, 0], 48_000) == signals.integrated_loudness(tone, 48_000)


def test_rates_for_which_the_weighting_is_undefined_are_refused() -> None:
    with pytest.raises(ValueError, match="4000"):
        loudness.LoudnessMeter(3_000, 1)
