from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dawg_server.audio import truepeak
from tests.audio import signals


@pytest.mark.parametrize(
    ("division", "phase", "level", "expected"),
    [  # EBU Tech 3341, table 1, cases 15 to 19: tolerance +0.2 and -0.4 dB
        (4, 0.0, -6.0, -6.0),
        (4, 45.0, -6.0, -6.0),
        (6, 60.0, -6.0, -6.0),
        (8, 67.5, -6.0, -6.0),
        (4, 45.0, 3.0, 3.0),
    ],
)
@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_the_ebu_tones_peak_where_the_ebu_says(
    rate: int, division: int, phase: float, level: float, expected: float
) -> None:
    tone = signals.sine(rate, 1.0, rate / division, level, math.radians(phase))
    assert expected - 0.4 < truepeak.true_peak(tone, rate) < expected + 0.2


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.21, 0.3, 0.37, 0.4])
def test_a_tone_of_any_frequency_is_found_between_the_samples(fraction: float) -> None:
    tone = signals.sine(48_000, 1.0, 48_000 * fraction, -3.0, 0.7)
    grid = 20 * math.log10(math.cos(math.pi * fraction / truepeak.FACTOR))  # what four points per sample can miss
    assert -3.0 + grid - 0.05 < truepeak.true_peak(tone, 48_000) < -3.0 + 0.05


@pytest.mark.parametrize("rate", [22_050, 48_000])
def test_it_agrees_with_ffmpeg_and_with_exact_interpolation(rate: int) -> None:
    samples = signals.music(rate, 5.0) * 0.2
    peak = truepeak.true_peak(samples, rate)
    assert peak == pytest.approx(signals.ffmpeg_loudness(samples, rate)["peak"], abs=0.3)
    assert peak == pytest.approx(signals.oversampled_peak(samples, 4), abs=0.05)


@given(st.lists(st.integers(1, 900), min_size=1, max_size=6))
@settings(max_examples=20, deadline=None)
def test_the_blocks_in_which_a_sound_arrives_do_not_matter(sizes: list[int]) -> None:
    samples = np.random.default_rng(4).standard_normal((4000, 2)).astype(np.float32)
    meter = truepeak.TruePeakMeter(8_000, 2)
    for block in signals.split(samples, sizes):
        meter.add(block)
    assert meter.peak == pytest.approx(truepeak.true_peak(samples, 8_000), abs=1e-5)


def test_it_is_never_below_the_highest_sample() -> None:
    samples = np.zeros((1000, 2), np.float32)
    samples[999, 1] = -0.8
    assert truepeak.true_peak(samples, 48_000) == pytest.approx(20 * math.log10(0.8), abs=1e-6)


def test_silence_and_nothing_have_no_peak() -> None:
    assert truepeak.true_peak(np.zeros((1000, 2), np.float32), 48_000) == -math.inf
    assert truepeak.TruePeakMeter(48_000, 1).peak == -math.inf
