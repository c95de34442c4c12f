from __future__ import annotations

import numpy as np
import pytest

from dawg_server.music import instruments as named
from dawg_server.music import sound
from dawg_server.music.score import Note
from dawg_server.music.sound import instruments
from tests.music.sound import pieces

PITCHED = [name for name in named.PROGRAMS if name not in named.UNPITCHED]
BASSES = [name for name in PITCHED if "bass" in name or name in ("808", "log drum")]


def play(name: str, pitch: int, seconds: float = 1.2, velocity: int = 100) -> np.ndarray:
    return sound.synthesize([Note(0, seconds, pitch, velocity)], name, 44_100)


def test_every_instrument_that_a_score_can_name_exists() -> None:
    assert set(named.PROGRAMS) <= set(instruments.INSTRUMENTS)


@pytest.mark.parametrize("name", PITCHED)
def test_every_instrument_sounds_at_the_right_pitch(name: str) -> None:
    for pitch in (31, 38, 45) if name in BASSES else (55, 64, 76):
        samples = play(name, pitch)
        steady = samples[round(0.12 * 44_100) : round(1.15 * 44_100)].sum(axis=1)
        assert abs(pieces.cents_off(steady, 440 * 2 ** ((pitch - 69) / 12))) < 15


@pytest.mark.parametrize("name", named.PROGRAMS)
def test_every_instrument_is_clean_and_dies_away(name: str) -> None:
    samples = play(name, 40 if name in BASSES else 62)
    assert samples.dtype == np.float32
    assert samples.shape[1] == 2
    assert np.isfinite(samples).all()
    peak = np.abs(samples).max()
    assert 0.01 < peak < 1.5
    assert np.abs(samples.mean(axis=0)).max() < 0.01 * peak
    assert np.abs(samples[0]).max() < 0.1 * peak
    assert np.abs(samples[-5:]).max() < 0.002 * peak
    assert len(samples) < 44_100 * 4


@pytest.mark.parametrize("name", PITCHED)
def test_a_harder_stroke_is_louder_and_brighter_or_as_bright(name: str) -> None:
    pitch = 40 if name in BASSES else 62
    soft, hard = play(name, pitch, 0.5, 40), play(name, pitch, 0.5, 120)
    assert np.sqrt((hard**2).mean()) > 1.8 * np.sqrt((soft**2).mean())
    centroids = []
    for samples in (soft, hard):
        spectrum = np.abs(np.fft.rfft(samples.sum(axis=1), 1 << 16)) ** 2
        centroids.append((spectrum * np.arange(spectrum.size)).sum() / spectrum.sum())
    assert centroids[1] > 0.97 * centroids[0]


def test_nothing_above_the_highest_partial_folds_back() -> None:
    samples = play("supersaw", 100)
    spectrum = np.abs(np.fft.rfft(samples.sum(axis=1) * np.hanning(len(samples)))) ** 2
    freqs = np.fft.rfftfreq(len(samples), 1 / 44_100)
    f0 = 440 * 2 ** ((100 - 69) / 12)
    below = spectrum[freqs < 0.8 * f0].sum()
    assert 10 * np.log10(below / spectrum.sum()) < -45


def test_sustaining_instruments_last_as_long_as_the_key_is_held() -> None:
    for name in ("pad", "organ", "supersaw", "flute", "strings"):
        samples = play(name, 60, 2.0)
        middle, after = samples[round(1.7 * 44_100) : round(1.9 * 44_100)], samples[round(3.2 * 44_100) :]
        assert np.abs(middle).max() > 0.02
        assert not len(after) or np.abs(after).max() < 0.1 * np.abs(middle).max()


def test_a_riser_swells_until_its_end() -> None:
    samples = play("riser", 60, 2.0)
    quarters = np.sqrt((samples[: 4 * 22_050].reshape(4, -1) ** 2).mean(axis=1))
    assert (np.diff(quarters) > 0).all()
