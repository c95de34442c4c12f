"""Pitch that moves by as much as asked, and length that does not move at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dawg_server.audio.pitch import autotune, shift, tracker
from tests.audio import signals, voices
from tests.sampling import sample

RATE = 44_100
SUNG = [(60, 35), (62, -40), (63, 25), (65, 45), (67, -30), (68, 20), (67, -45), (63, 38), (62, -20), (60, 30)]


def written(path: Path, samples: np.ndarray, rate: int = RATE) -> str:
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return str(path)


def loudest(samples: np.ndarray, rate: int = RATE) -> float:
    """Hz of the strongest partial, by a long spectrum with its peak interpolated."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 4 * len(samples)))
    peak = int(spectrum.argmax())
    a, b, c = np.log(spectrum[peak - 1 : peak + 2])
    return (peak + 0.5 * (a - c) / (a - 2 * b + c)) * rate / (4 * len(samples))


@pytest.mark.parametrize("semitones", sample([-12, -7, -1, 0.5, 3, 12], -7, 0.5))
@pytest.mark.parametrize("frequency", [110.0, 440.0, 1500.0])
def test_tones_move_exactly_and_stay_pure(frequency: float, semitones: float, tmp_path: Path) -> None:
    axis = np.arange(2 * RATE) / RATE
    wave = 2 * np.pi * frequency * axis
    source = written(tmp_path / "in.wav", np.stack((0.4 * np.sin(wave), 0.2 * np.sin(wave + 0.7)), axis=1))
    shift.shift(source, str(tmp_path / "out.wav"), semitones)
    out = soundfile.read(tmp_path / "out.wav")[0]
    assert len(out) == len(axis)
    middle = out[RATE // 2 : 3 * RATE // 2]
    wanted = frequency * 2 ** (semitones / 12)
    assert abs(1200 * np.log2(loudest(middle[:, 0]) / wanted)) < 1
    angle = 2 * np.pi * wanted * axis[: len(middle)]
    basis = np.stack((np.sin(angle), np.cos(angle)), axis=1)
    fit = np.linalg.lstsq(basis, middle, rcond=None)[0]
    assert 10 * np.log10(np.square(middle).sum() / np.square(middle - basis @ fit).sum()) > 50
    left, right = np.arctan2(fit[1], fit[0])
    assert np.hypot(*fit) == pytest.approx([0.4, 0.2], rel=0.02)
    assert (right - left) % (2 * np.pi) == pytest.approx(0.7, abs=0.05)


def test_chords_keep_their_intervals(tmp_path: Path) -> None:
    axis = np.arange(2 * RATE) / RATE
    chord = sum(0.2 * np.sin(2 * np.pi * hertz * axis) for hertz in (220.0, 277.18, 329.63))
    shift.shift(written(tmp_path / "in.wav", chord), str(tmp_path / "out.wav"), 4)
    out = soundfile.read(tmp_path / "out.wav")[0][RATE // 2 : 3 * RATE // 2]
    for hertz in (220.0, 277.18, 329.63):
        wanted = hertz * 2 ** (4 / 12)
        angle = 2 * np.pi * wanted * np.arange(len(out)) / RATE
        assert abs(2 * np.mean(out * np.exp(-1j * angle))) == pytest.approx(0.2, rel=0.05)


def test_attacks_stay_in_their_place(tmp_path: Path) -> None:
    clicks = np.zeros(2 * RATE)
    places = (np.arange(4) * 0.45 * RATE + 0.2 * RATE).astype(int)
    ringing = np.exp(-np.arange(4000) / 700) * np.sin(2 * np.pi * 300 * np.arange(4000) / RATE)
    for place in places:
        clicks[place : place + 4000] += 0.5 * ringing
    shift.shift(written(tmp_path / "in.wav", clicks), str(tmp_path / "out.wav"), -5)
    out = np.abs(soundfile.read(tmp_path / "out.wav")[0])
    for place in places:
        onset = np.flatnonzero(out[place - 3000 : place + 3000] > 0.15)[0] - 3000
        assert abs(onset) < 0.015 * RATE
    assert out.max() == pytest.approx(0.5, rel=0.35)


@pytest.mark.parametrize(("rate", "channels", "frames"), [(48_000, 1, 50_001), (44_100, 2, 333), (96_000, 2, 70_000)])
def test_the_length_is_that_of_the_source(rate: int, channels: int, frames: int, tmp_path: Path) -> None:
    samples = signals.music(rate, frames / rate, channels=channels)[:frames] * np.float32(0.2)
    made = shift.shift(written(tmp_path / "in.wav", samples, rate), str(tmp_path / "out.wav"), 2.5)
    info = soundfile.info(tmp_path / "out.wav")
    assert (info.frames, info.samplerate, info.channels) == (frames, rate, channels)
    assert made["facts"]["duration"] == pytest.approx(frames / rate)


def sung(**manner: float) -> np.ndarray:
    notes = [(0.2 + 0.5 * n, 0.45, pitch + cents / 100) for n, (pitch, cents) in enumerate(SUNG)]
    return voices.sing(RATE, notes, glide_ms=20, breath=0.003, **manner)


def cents_off(path: Path) -> np.ndarray:
    found = tracker.of_file(str(path))
    parts = [found.pitch[int(35 + 50 * n) : int(60 + 50 * n)] for n in range(len(SUNG))]
    return np.array([100 * (np.nanmedian(part) - pitch) for part, (pitch, _) in zip(parts, SUNG, strict=True)])


@pytest.mark.parametrize("vibrato", sample([0, 30], 30))
@pytest.mark.parametrize("strength", [0, 50, 100])
def test_a_voice_is_pulled_to_the_key_by_as_much_as_asked(strength: int, vibrato: int, tmp_path: Path) -> None:
    voice = sung(vibrato_cents=vibrato)
    source = written(tmp_path / "in.wav", voice)
    made = autotune.autotune(source, str(tmp_path / "out.wav"), "Cm", strength)
    out = soundfile.read(tmp_path / "out.wav")[0]
    wanted = np.array([cents for _, cents in SUNG]) * (1 - strength / 100)
    assert np.abs(cents_off(tmp_path / "out.wav") - wanted).max() < 6
    assert len(out) == len(voice)
    assert np.std(out) == pytest.approx(np.std(voice), rel=0.03)
    assert made["corrected"]["notes"] == len(SUNG)
    if strength == 0:
        assert np.abs(out - voice).max() < 1e-4


def test_tuned_notes_sound_at_their_frequency_by_an_independent_count(tmp_path: Path) -> None:
    autotune.autotune(written(tmp_path / "in.wav", sung()), str(tmp_path / "out.wav"), "Cm", 100)
    out = soundfile.read(tmp_path / "out.wav")[0]
    for number, (pitch, _) in enumerate(SUNG):
        part = out[round((0.35 + 0.5 * number) * RATE) : round((0.6 + 0.5 * number) * RATE)]
        harmonic = loudest(part) / (440 * 2 ** ((pitch - 69) / 12))
        assert abs(1200 * np.log2(harmonic / round(harmonic))) < 12


def test_what_is_not_a_voice_passes_unharmed(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).standard_normal((RATE, 2)) * 0.1
    made = autotune.autotune(written(tmp_path / "in.wav", noise), str(tmp_path / "out.wav"), "C", 100)
    assert np.abs(soundfile.read(tmp_path / "out.wav")[0] - noise).max() < 1e-4
    assert made["corrected"]["notes"] == 0
