from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from dawg_server.audio import limiter, truepeak
from tests.audio import signals


def limited(samples: np.ndarray, rate: int, sizes: tuple[int, ...] = (65_536,), **options: float) -> np.ndarray:
    subject = limiter.Limiter(rate, samples.shape[1], **options)
    return np.concatenate([*(subject.process(block) for block in signals.split(samples, sizes)), subject.flush()])


def judged(samples: np.ndarray, rate: int, factor: int) -> float:
    return float(20 * np.log10(np.abs(soxr.resample(samples, rate, rate * factor, "VHQ")).max()))


MATERIAL = {
    "music": signals.music(48_000, 4.0) * 1.5,
    "bass": signals.sine(48_000, 2.0, 48, 6.0),
    "tone between the samples": signals.sine(48_000, 2.0, 12_000, 9.0, 0.785),
    "high tone": signals.sine(48_000, 2.0, 19_500, 6.0, 0.3),
    "one channel": signals.music(48_000, 2.0, channels=1) * 2,
}


@pytest.mark.parametrize("name", MATERIAL)
@pytest.mark.parametrize("ceiling", [-1.0, -6.0])
def test_the_true_peak_stays_below_the_ceiling(name: str, ceiling: float) -> None:
    result = limited(MATERIAL[name], 48_000, ceiling_db=ceiling)
    assert truepeak.true_peak(result, 48_000) <= ceiling
    assert judged(result, 48_000, 4) <= ceiling
    assert judged(result, 48_000, 8) <= ceiling
    assert signals.oversampled_peak(result, 16) <= ceiling + 0.01


@pytest.mark.parametrize("rate", [22_050, 44_100, 96_000])
def test_the_ceiling_holds_at_any_rate(rate: int) -> None:
    result = limited(signals.music(rate, 2.0) * 2, rate)
    assert judged(result, rate, 8) <= -1.0


def test_ffmpeg_agrees_that_the_ceiling_holds() -> None:
    result = limited(MATERIAL["music"], 48_000)
    assert signals.ffmpeg_loudness(result, 48_000)["peak"] <= -0.95


def test_it_gives_away_no_more_level_than_it_has_to() -> None:
    for name in ("music", "bass", "tone between the samples"):
        assert judged(limited(MATERIAL[name], 48_000), 48_000, 8) > -1.15


@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=5))
@settings(max_examples=12, deadline=None)
def test_the_blocks_in_which_a_sound_arrives_change_not_one_bit(sizes: list[int]) -> None:
    samples = MATERIAL["music"][:40_000]
    assert np.array_equal(limited(samples, 48_000, tuple(sizes)), limited(samples, 48_000))


@pytest.mark.parametrize("frames", [0, 1, 7, 500, 16_384, 16_385, 40_000])
def test_as_many_frames_come_out_as_went_in(frames: int) -> None:
    samples = MATERIAL["music"][:frames]
    result = limited(samples, 48_000)
    assert result.shape == samples.shape
    assert result.dtype == np.float32


def test_what_stays_below_the_ceiling_is_left_alone_to_the_bit() -> None:
    samples = MATERIAL["music"] * np.float32(0.15)
    assert truepeak.true_peak(samples, 48_000) < -1.2
    assert np.array_equal(limited(samples, 48_000), samples)


def test_only_the_surroundings_of_a_peak_change_and_nothing_is_moved_in_time() -> None:
    samples = signals.music(48_000, 6.0) * np.float32(0.2)
    samples[100_000] = 1.5
    result = limited(samples, 48_000)
    changed = np.flatnonzero((result != samples).any(axis=1))
    assert 100_000 - 300 < changed[0] < 100_000 < changed[-1] < 100_000 + 3 * 48_000


def test_the_gain_moves_without_clicks() -> None:
    tone = signals.sine(48_000, 2.0, 100, -10.0)
    tone[48_000:60_000] *= 8
    result = limited(tone, 48_000)
    steady = np.abs(tone) > 0.05
    gain = np.where(steady, result / np.where(steady, tone, 1), np.nan)[:, 0]
    assert np.nanmax(np.abs(np.diff(gain))) < 0.02  # of one sample to the next


def test_both_channels_get_the_same_gain() -> None:
    samples = np.concatenate(
        [signals.sine(48_000, 1.0, 440, 6.0, channels=1), signals.sine(48_000, 1.0, 440, -30, channels=1)], 1
    )
    result = limited(samples, 48_000)
    loud, quiet = (result[20_000:30_000, channel] / samples[20_000:30_000, channel] for channel in (0, 1))
    audible = np.abs(samples[20_000:30_000, 1]) > 0.005
    assert np.allclose(loud[audible], quiet[audible], rtol=1e-3)


def test_a_limiter_can_be_used_again_after_its_end() -> None:
    subject = limiter.Limiter(48_000, 2)
    samples = MATERIAL["music"][:50_000]
    first = np.concatenate([subject.process(samples), subject.flush()])
    second = np.concatenate([subject.process(samples), subject.flush()])
    assert np.array_equal(first, second)
