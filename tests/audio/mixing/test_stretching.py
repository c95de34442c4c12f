"""A recording that follows the tempo: pitch, level and onsets as measured, whatever the tempo map does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dawg_server.audio.mixing.arrangement import Arrangement, Clip, SampledSound, Track
from dawg_server.daw.tempo_map import TempoChange, TempoMap
from dawg_server.music.score import Note
from tests.audio.mixing.test_render import RATE, rendered, wav

CENTS = 3.0
DECIBELS = 0.5
ONSET = 0.010  # seconds
SECONDS = 4.0
ORIGINAL = 120.0
RATIOS = (0.5, 0.8, 0.97, 1.03, 1.25, 1.5, 2.0)  # of the length


def stretched(samples: np.ndarray, tempo: TempoMap, folder: Path, **fields: float) -> np.ndarray:
    path = wav(folder / "source.wav", samples.astype(np.float32))
    length = tempo.seconds(len(samples) / RATE * ORIGINAL / 60)
    clip = Clip(0.0, length, path=path, original_bpm=ORIGINAL, **fields)
    return rendered(Arrangement(RATE, tempo.bpm(0), (Track("a", clips=(clip,)),), tempo), folder)


def tone(frequency: float) -> np.ndarray:
    wave = 0.3 * np.sin(2 * np.pi * frequency * np.arange(int(SECONDS * RATE)) / RATE)
    return np.stack([wave, wave], 1)


def noise() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((int(SECONDS * RATE), 2)) * 0.1


HITS = (0.5, 1.0, 1.25, 1.5, 2.0, 2.75, 3.3)  # seconds


def drums() -> np.ndarray:
    found = np.zeros((int(SECONDS * RATE), 2))
    body = np.exp(-np.arange(8000) / 1500)[:, None] * np.random.default_rng(2).standard_normal((8000, 2)) * 0.2
    for hit in HITS:
        found[int(hit * RATE) : int(hit * RATE) + 8000] += body
    return found


def decibels(samples: np.ndarray) -> float:
    inner = samples[RATE // 4 : -RATE // 4]
    return float(10 * np.log10(np.mean(np.square(inner))))


def frequency(samples: np.ndarray) -> float:
    inner = samples[RATE // 4 : RATE // 4 + RATE, 0]
    spectrum = np.abs(np.fft.rfft(inner * np.hanning(len(inner)), 1 << 20))
    return float(spectrum.argmax() * RATE / (1 << 20))


def onset(samples: np.ndarray, near: float) -> float:
    """Seconds at which sound begins around that time."""
    first = int((near - 0.06) * RATE)
    loud = np.abs(samples[first : first + int(0.12 * RATE)]).max(axis=1)
    return (first + int(np.argmax(loud > 0.3 * loud.max()))) / RATE


@pytest.mark.parametrize("ratio", RATIOS)
def test_pitch_level_and_onsets_stay_within_their_bounds(ratio: float, tmp_path: Path) -> None:
    tempo = TempoMap(ORIGINAL / ratio)
    for pitch in (110.0, 440.0, 3000.0):
        found = stretched(tone(pitch), tempo, tmp_path)
        assert abs(1200 * np.log2(frequency(found) / pitch)) < CENTS
        assert abs(decibels(found) - decibels(tone(pitch))) < DECIBELS
    found = stretched(noise(), tempo, tmp_path)
    assert len(found) == round(SECONDS * ratio * RATE)
    assert abs(decibels(found) - decibels(noise())) < DECIBELS
    found = stretched(drums(), tempo, tmp_path)
    for hit in HITS:
        assert abs(onset(found, hit * ratio) - hit * ratio) < ONSET


def test_onsets_follow_jumps_and_ramps(tmp_path: Path) -> None:
    tempo = TempoMap(120, [TempoChange(1.5, 120, "linear"), TempoChange(4, 90), TempoChange(5, 140)])
    found = stretched(drums(), tempo, tmp_path)
    for hit in HITS:
        place = tempo.seconds(hit * ORIGINAL / 60)
        assert abs(onset(found, place) - place) < ONSET


def test_at_its_own_tempo_not_a_sample_is_touched(tmp_path: Path) -> None:
    samples = noise().astype(np.float32)
    assert np.array_equal(stretched(samples, TempoMap(ORIGINAL), tmp_path), samples)


def test_what_several_clips_stretch_alike_is_stretched_once_and_sounds_the_same(tmp_path: Path) -> None:
    path = wav(tmp_path / "source.wav", drums().astype(np.float32))
    tempo = TempoMap(100)
    clips = [Clip(start, 2.4, 1.0, 0.1, 0.2, -3.0, path, original_bpm=ORIGINAL) for start in (0.0, 2.4, 4.8)]
    single = rendered(Arrangement(RATE, 100, (Track("a", clips=(clips[0],)),), tempo), tmp_path)
    assert not list(tmp_path.glob("stretched-*"))
    sampled = Clip(0.0, 1.0, notes=(Note(0, 1, 60, 1),), sampler=SampledSound(path, {}), gain_db=-200.0)
    silent = Track("b", kind="MIDI", clips=(sampled,), muted=True)
    found = rendered(Arrangement(RATE, 100, (Track("a", clips=tuple(clips)), silent), tempo), tmp_path)
    assert len(list(tmp_path.glob("stretched-*"))) == 1
    for place in range(3):
        part = found[round(place * 2.4 * RATE) :][: len(single)]
        assert np.abs(part - single[: len(part)]).max() < 1e-6
