import numpy as np
import pytest

from dawg_server.audio.analysis import dynamics
from tests.audio.analysis import listening, material


def _meter(samples: np.ndarray, block: int = 4_096) -> dynamics.PeakMeter:
    meter = dynamics.PeakMeter()
    table = np.atleast_2d(samples.astype(np.float32).T).T
    for start in range(0, len(table), block):
        meter.add(table[start : start + block])
    return meter


def _music(level: float = 0.9) -> np.ndarray:
    samples = material.play(material.Band(bpm=110, drums="rock", chords="saw", bass=True, seconds=5), 1).samples
    return samples / np.abs(samples).max() * level


@pytest.mark.parametrize("drive", [2.0, 4.0])
def test_driven_music_is_clipped_and_the_same_music_below_the_limit_is_not(drive: float) -> None:
    music = _music()
    assert _meter(np.clip(music * drive, -0.9, 0.9)).clipping
    assert not _meter(music).clipping


def test_clipping_is_seen_after_turning_down_and_in_16_bit() -> None:
    clipped = np.clip(_music() * 2, -0.9, 0.9) * 0.3
    assert _meter(np.round(clipped * 32_767) / 32_767).clipping


def test_clipping_of_one_channel_is_enough() -> None:
    music = _music()
    assert _meter(np.concatenate((music, np.clip(music * 2, -0.9, 0.9)), axis=1)).clipping


@pytest.mark.parametrize("frequency", [30.0, 50.0, 440.0, 5_000.0])
def test_a_full_scale_sine_is_not_clipped(frequency: float) -> None:
    sine = np.sin(2 * np.pi * frequency * np.arange(44_100) / 44_100)
    assert not _meter(np.round(sine * 32_767) / 32_768).clipping


@pytest.mark.parametrize(
    "samples", [np.zeros(1_000), np.full(1_000, 0.7), np.ones(1)], ids=["silence", "offset", "one"]
)
def test_what_does_not_move_is_not_clipped(samples: np.ndarray) -> None:
    assert not _meter(samples).clipping


@pytest.mark.parametrize("block", [100, 4_096, 1_000_000])
def test_block_size_does_not_matter(block: int) -> None:
    clipped = np.clip(_music() * 2, -0.9, 0.9)
    meter = _meter(clipped, block)
    assert meter.clipping
    assert meter.peak == pytest.approx(0.9)


@pytest.mark.parametrize("decibels", [-90.0, -70.0, -50.0, -30.0])
def test_noise_floor_is_the_level_of_the_pauses(decibels: float) -> None:
    voice = material.singing(6, seed=2, noise=10 ** (decibels / 20), sibilance=0)
    assert dynamics.noise_floor(listening.spectra(voice)) == pytest.approx(decibels, abs=1.5)


def test_dynamic_range_is_the_difference_of_loud_and_soft() -> None:
    tone = listening.tones(300, 500, seconds=8).samples
    step = tone * np.where(np.arange(len(tone)) < len(tone) / 2, 1.0, 0.1)[:, None]
    wide = dynamics.dynamic_range(listening.spectra(listening.piece(step[:, 0])))
    even = dynamics.dynamic_range(listening.spectra(listening.piece(tone[:, 0])))
    assert wide == pytest.approx(20, abs=0.5)
    assert even == pytest.approx(0, abs=0.2)


def test_silence_has_neither_range_nor_floor() -> None:
    silent = listening.spectra(listening.piece(np.zeros(88_200)))
    assert dynamics.dynamic_range(silent) is None
    assert dynamics.noise_floor(silent) is None
