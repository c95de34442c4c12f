from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from dawg_server.audio import filters
from tests.audio import signals

RATE = 48_000
CHAIN = (
    filters.high_pass(RATE, 25.0),
    filters.low_shelf(RATE, 120.0, 4.0),
    filters.peaking(RATE, 1000.0, -6.0, 1.4),
    filters.high_shelf(RATE, 9000.0, 3.0),
    filters.low_pass(RATE, 18_000.0),
)


def gain_at(section: filters.Biquad, frequency: float, rate: int) -> float:
    """The linear gain for a tone of `frequency` Hz."""
    z = np.exp(-2j * np.pi * frequency / rate)
    b0, b1, b2, a1, a2 = section
    return float(abs((b0 + b1 * z + b2 * z * z) / (1 + a1 * z + a2 * z * z)))


def judged(sections: tuple[filters.Biquad, ...], samples: np.ndarray) -> np.ndarray:
    sos = [(s.b0, s.b1, s.b2, 1.0, s.a1, s.a2) for s in sections]
    return scipy.signal.sosfilt(sos, samples, axis=0)


def test_a_cascade_equals_the_recursion_sample_by_sample() -> None:
    samples = np.random.default_rng(1).standard_normal((70_001, 2))
    filtered = filters.Cascade(CHAIN, 2).process(samples)
    assert np.abs(filtered - judged(CHAIN, samples)).max() < 1e-9


@given(st.lists(st.integers(1, 700), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_the_blocks_in_which_a_sound_arrives_do_not_matter(sizes: list[int]) -> None:
    samples = np.random.default_rng(2).standard_normal((3000, 2))
    whole = filters.Cascade(CHAIN, 2).process(samples)
    pieces = signals.through(filters.Cascade(CHAIN, 2).process, signals.split(samples, sizes))
    assert np.abs(pieces - whole).max() < 1e-9


def test_the_type_of_the_samples_is_kept() -> None:
    cascade = filters.Cascade(CHAIN, 1)
    assert cascade.process(np.zeros((10, 1), np.float32)).dtype == np.float32
    assert cascade.process(np.zeros((10, 1), np.float64)).dtype == np.float64


def test_an_empty_block_gives_an_empty_block() -> None:
    assert filters.Cascade(CHAIN, 2).process(np.zeros((0, 2), np.float32)).shape == (0, 2)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (filters.peaking(RATE, 1000, 6.0, 1.0), {1000: 6.0, 20: 0.0, 20_000: 0.0}),
        (filters.low_shelf(RATE, 200, -8.0), {10: -8.0, 200: -4.0, 20_000: 0.0}),
        (filters.high_shelf(RATE, 4000, 5.0), {20: 0.0, 4000: 2.5, 23_000: 5.0}),
        (filters.low_pass(RATE, 1000), {20: 0.0, 1000: -3.01, 10_000: -42.7}),
        (filters.high_pass(RATE, 1000), {20_000: 0.0, 1000: -3.01, 100: -40.0}),
        (filters.band_pass(RATE, 1000, 1.0), {1000: 0.0, 10: -40.0}),
    ],
)
def test_a_design_has_the_gains_that_its_name_promises(section: filters.Biquad, expected: dict[int, float]) -> None:
    for frequency, gain_db in expected.items():
        assert 20 * np.log10(gain_at(section, frequency, RATE)) == pytest.approx(
            gain_db, abs=1.0 if gain_db < -30 else 0.1
        )


def test_the_gain_told_is_the_gain_heard() -> None:
    section = filters.peaking(RATE, 3000, 7.0, 2.0)
    tone = signals.sine(RATE, 1.0, 2500, -20.0, channels=1)
    heard = filters.Cascade([section], 1).process(tone)[10_000:-10_000]
    gain = np.sqrt(np.square(heard.astype(float)).mean() / np.square(tone[10_000:-10_000].astype(float)).mean())
    assert gain == pytest.approx(gain_at(section, 2500, RATE), rel=1e-3)


def test_unstable_sections_and_frequencies_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="unstable"):
        filters.Cascade([filters.Biquad(1, 0, 0, 0, 1.2)], 1)
    for frequency in (0, RATE / 2, RATE):
        with pytest.raises(ValueError, match="frequency"):
            filters.peaking(RATE, frequency, 3.0, 1.0)


def test_a_block_with_the_wrong_number_of_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        filters.Cascade(CHAIN, 2).process(np.zeros((10, 3), np.float32))


def test_the_silence_after_a_sound_is_as_quick_as_the_sound() -> None:
    def seconds(samples: np.ndarray) -> float:
        begin = time.process_time()
        cascade.process(samples)
        return time.process_time() - begin

    cascade = filters.Cascade(CHAIN, 2)
    loud = seconds(np.random.default_rng(3).standard_normal((RATE * 20, 2)))
    seconds(np.zeros((RATE * 20, 2)))
    assert seconds(np.zeros((RATE * 20, 2))) < 2 * loud
