"""Stems that add up to the mix, and drums, bass and voice that are much purer than in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dawg_server.audio import codecs
from dawg_server.audio.separation import separate, spectra
from tests.audio import signals, voices
from tests.music.songs import Songs
from tests.sampling import sample

RATE = 44_100
GENRES = {"trap": 150, "house": 125, "rock": 120, "lo-fi": 85}


def sdr(truth: np.ndarray, heard: np.ndarray) -> float:
    """Signal to distortion ratio in dB (Vincent, Gribonval, Févotte 2006, with no distortion allowed)."""
    return float(10 * np.log10(np.square(truth).sum() / np.square(truth - heard).sum()))


def parts_of(genre: str, songs: Songs) -> dict[str, np.ndarray]:
    return {name: soundfile.read(path)[0] for name, path in songs.composed(genre, GENRES[genre], 9).stems.items()}


def separated(mix: np.ndarray, folder: Path, rate: int = RATE, **options: object) -> dict[str, np.ndarray]:
    soundfile.write(folder / "mix.wav", mix, rate, subtype="FLOAT")
    made = separate.separate(str(folder / "mix.wav"), str(folder), **options)
    return {name: soundfile.read(stem["path"], always_2d=True)[0] for name, stem in made["stems"].items()}


@pytest.mark.parametrize("genre", sample(GENRES, "trap"))
def test_drums_and_bass_are_at_least_three_decibels_purer_than_in_the_mix(
    genre: str, songs: Songs, tmp_path: Path
) -> None:
    parts = parts_of(genre, songs)
    mix = sum(parts.values())
    found = separated(mix, tmp_path)
    for name in ("drums", "bass"):
        assert sdr(parts[name], found[name]) - sdr(parts[name], mix) >= 3.0
    rest = parts["chords"] + parts["melody"]
    assert sdr(rest, found["vocals"] + found["other"]) - sdr(rest, mix) >= 3.0


def test_a_voice_in_the_middle_comes_out_of_the_music(songs: Songs, tmp_path: Path) -> None:
    parts = parts_of("lo-fi", songs)
    backing = sum(parts.values())
    random = np.random.default_rng(1)
    notes = [(0.6 * n, 0.5, float(57 + random.choice([0, 2, 3, 5, 7, 8, 10]))) for n in range(14)]
    voice = voices.sing(RATE, notes, vibrato_cents=40, glide_ms=30, breath=0.005)[: len(backing)]
    voice = np.pad(voice, (0, len(backing) - len(voice)))
    voice *= np.sqrt(np.square(backing).mean() / np.square(voice).mean())
    mix = backing + voice[:, None]
    found = separated(mix, tmp_path)
    truth = np.repeat(voice[:, None], 2, axis=1)
    assert sdr(truth, found["vocals"]) - sdr(truth, mix) >= 5.0
    for name in ("drums", "bass"):
        assert sdr(parts[name], found[name]) - sdr(parts[name], mix) >= 3.0


def test_clicks_over_steady_tones_part_almost_wholly(tmp_path: Path) -> None:
    count = 6 * RATE
    axis = np.arange(count) / RATE
    low, high = 0.2 * np.sin(2 * np.pi * 70 * axis), 0.1 * np.sin(2 * np.pi * 1000 * axis)
    hits = np.zeros(count)
    burst = np.random.default_rng(2).standard_normal(2000) * np.exp(-np.arange(2000) / 300) * 0.4
    for start in range(RATE // 2, count - 2000, RATE // 2):
        hits[start : start + 2000] += burst
    stereo = np.stack((low + hits + high, low + hits - high), axis=1)  # the tone is anything but in the middle
    found = separated(stereo, tmp_path)
    assert sdr(np.repeat(hits[:, None], 2, axis=1), found["drums"]) > 8
    assert sdr(np.repeat(low[:, None], 2, axis=1), found["bass"]) > 12
    assert sdr(np.stack((high, -high), axis=1), found["other"]) > 12
    assert np.sqrt(np.square(found["vocals"]).mean()) < 0.01


@pytest.mark.parametrize("quality", separate.OVERLAPS)
@pytest.mark.parametrize(
    ("rate", "channels", "frames"),
    sample([(44_100, 2, 100_001), (48_000, 1, 70_000), (22_050, 2, 500)], (48_000, 1, 70_000)),
)
def test_the_stems_add_up_to_the_source_exactly(
    rate: int, channels: int, frames: int, quality: str, tmp_path: Path
) -> None:
    mix = signals.music(rate, frames / rate, channels=channels)[:frames] * np.float32(0.2)
    found = separated(mix, tmp_path, rate, quality=quality)
    assert all(part.shape == mix.shape for part in found.values())
    assert np.abs(sum(found.values()) - mix).max() < 4 / 2**23


def test_one_channel_is_enough(songs: Songs, tmp_path: Path) -> None:
    parts = {name: stem.mean(axis=1, keepdims=True) for name, stem in parts_of("house", songs).items()}
    mix = sum(parts.values())
    found = separated(mix, tmp_path)
    for name in ("drums", "bass"):
        assert sdr(parts[name], found[name]) - sdr(parts[name], mix) >= 3.0


def test_asked_formats_and_stems_are_what_is_written(tmp_path: Path) -> None:
    mix = signals.music(96_000, 2.0) * np.float32(0.2)
    soundfile.write(tmp_path / "mix.wav", mix, 96_000)
    made = separate.separate(str(tmp_path / "mix.wav"), str(tmp_path), ("drums", "other"), format="mp3")
    assert list(made["stems"]) == ["drums", "other"]
    for stem in made["stems"].values():
        assert abs(codecs.probe(stem["path"]).duration - 2.0) < 0.05
        assert stem["facts"]["sample_rate"] == 48_000


def test_what_is_not_altered_comes_back_as_it_was() -> None:
    samples = signals.music(RATE, 1.0)
    for overlap in (2, 4, 8):
        transform = spectra.Transform(2048, 2048 // overlap, 2)
        back = transform.backward()
        out = np.concatenate([back.add(part) for part in transform.forward(signals.split(samples, (100, 5000)))])
        assert np.abs(out[: len(samples)] - samples).max() < 1e-5
