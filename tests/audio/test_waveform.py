from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dawg_server import errors
from dawg_server.audio import waveform
from tests.audio import signals

STEP = 4e-5  # 16 bits, and five digits


def built(samples: np.ndarray, sizes: tuple[int, ...] = (65_536,)) -> bytes:
    builder = waveform.WaveformBuilder()
    for block in signals.split(samples, sizes):
        builder.add(block)
    return builder.to_bytes()


def peaks(pyramid: bytes, points: int) -> list[list[float]]:
    return waveform.part(pyramid, points).peaks


@pytest.mark.parametrize("start", [0, 1, 700_001, 1_900_000])
@pytest.mark.parametrize("length", [100, 48_000, 5_000_000])
def test_a_part_has_its_own_extremes_and_says_where_it_lies(start: int, length: int) -> None:
    samples = signals.noise(48_000, 41.7)
    drawn = waveform.part(built(samples), 8000, start, start + length)
    bucket = 64  # frames, of this length
    assert start - bucket < drawn.start <= start
    assert min(start + length, len(samples)) <= drawn.end < start + length + bucket
    assert len(drawn.peaks) == min(8000, -(-(drawn.end - drawn.start) // bucket))
    inside = samples[drawn.start : drawn.end]
    assert min(low for low, _ in drawn.peaks) == pytest.approx(max(inside.min(), -1), abs=STEP)
    assert max(high for _, high in drawn.peaks) == pytest.approx(min(inside.max(), 1), abs=STEP)


@pytest.mark.parametrize("frames", [50, 51, 1000, 7999, 8000, 32_767])
@pytest.mark.parametrize("points", [50, 333, 1000, 8000])
def test_a_short_file_is_drawn_to_the_sample(frames: int, points: int) -> None:
    samples = signals.noise(48_000, frames / 48_000)
    drawn = peaks(built(samples), points)
    borders = [round(index * frames / len(drawn)) for index in range(len(drawn) + 1)]
    assert len(drawn) == min(points, frames)
    for (low, high), start, end in zip(drawn, borders, borders[1:], strict=False):
        assert low == pytest.approx(np.clip(samples[start:end].min(), -1, 1), abs=STEP)
        assert high == pytest.approx(np.clip(samples[start:end].max(), -1, 1), abs=STEP)


@pytest.mark.parametrize("points", [50, 1000, 8000])
def test_in_a_long_file_every_sample_is_counted_once_near_its_place(points: int) -> None:
    samples = signals.noise(48_000, 21.7)
    pyramid = built(samples)
    drawn = np.array(peaks(pyramid, points))
    slack = 32  # frames; half a bucket for this length
    assert len(drawn) == points
    for index in range(points):
        start, end = (round(border * len(samples) / points) for border in (index, index + 1))
        surely, possibly = samples[start + slack : end - slack], samples[max(0, start - slack) : end + slack]
        if len(surely):
            assert drawn[index, 0] <= max(surely.min(), -1) + STEP
            assert drawn[index, 1] >= min(surely.max(), 1) - STEP
        assert drawn[index, 0] >= possibly.min() - STEP
        assert drawn[index, 1] <= possibly.max() + STEP


def test_a_single_sample_is_never_lost() -> None:
    samples = np.zeros((48_000 * 30, 2), np.float32)
    samples[1_234_567, 1] = -0.75
    samples[-1, 0] = 0.5
    drawn = peaks(built(samples), 100)
    assert [index for index, (low, _) in enumerate(drawn) if low < 0] == [1_234_567 * 100 // len(samples)]
    assert drawn[1_234_567 * 100 // len(samples)][0] == pytest.approx(-0.75, abs=STEP)
    assert drawn[-1][1] == pytest.approx(0.5, abs=STEP)


@given(st.lists(st.integers(1, 50_000), min_size=1, max_size=5))
@settings(max_examples=15, deadline=None)
def test_the_blocks_in_which_a_sound_arrives_change_not_one_byte(sizes: list[int]) -> None:
    samples = signals.noise(48_000, 3.3)
    assert built(samples, tuple(max(size, 100) for size in sizes)) == built(samples)


@pytest.mark.parametrize("seconds", [0.5, 5.0, 60.0])
def test_it_is_small_and_knows_the_length(seconds: float) -> None:
    pyramid = built(signals.noise(48_000, seconds))
    assert len(pyramid) < 132_000  # bytes
    assert waveform.frames(pyramid) == 48_000 * seconds


def test_what_exceeds_full_scale_is_drawn_at_full_scale() -> None:
    drawn = peaks(built(signals.sine(48_000, 1.0, 100, 12.0)), 50)
    assert drawn[25] == [-1.0, 0.99997]


def test_there_are_as_many_points_as_frames_at_most() -> None:
    assert peaks(built(np.full((3, 1), 0.5, np.float32)), 1000) == [[0.5, 0.5]] * 3


@pytest.mark.parametrize("points", [0, 49, 8001, -1])
def test_other_numbers_of_points_are_refused(points: int) -> None:
    with pytest.raises(errors.ValidationError) as caught:
        peaks(built(signals.noise(8_000, 1.0)), points)
    assert "points" in (caught.value.details or {})


def test_drawing_needs_no_numpy() -> None:
    script = "import sys; from dawg_server.audio import waveform; assert 'numpy' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", script], timeout=30, check=False).returncode == 0
