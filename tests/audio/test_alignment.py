"""What was played beside the grid lies on it afterwards; pitch, length and what is feel stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dawg_server import errors
from dawg_server.audio import alignment
from dawg_server.audio.pitch import tracker
from tests.sampling import sample

RATE = 44_100
BPM = 120.0
EIGHTH = 30.0 / BPM  # seconds


def played(folder: Path, offsets: np.ndarray, kind: str = "pluck", channels: int = 1) -> str:
    """One sound each eighth, each off by seconds of its own."""
    random = np.random.default_rng(5)
    t = np.arange(round(0.15 * RATE)) / RATE
    fade = 1 - t / t[-1]
    sounds = {
        "pluck": sum(np.sin(2 * np.pi * 220 * k * t) / k for k in range(1, 8)) * np.exp(-t * 20),
        "click": random.normal(size=len(t)) * np.exp(-t * 60),
        "kick": np.sin(2 * np.pi * (60 + 80 * np.exp(-t * 40)) * t) * np.exp(-t * 20),
    }
    samples = np.zeros((round((len(offsets) + 2) * EIGHTH * RATE), channels))
    for number, off in enumerate(offsets):
        first = round(((number + 1) * EIGHTH + off) * RATE)
        samples[first : first + len(t)] += (0.3 * sounds[kind] * fade)[:, None]
    path = folder / "played.wav"
    soundfile.write(path, samples, RATE, subtype="PCM_24")
    return str(path)


def aligned(folder: Path, source: str, **options: Any) -> dict[str, Any]:
    return alignment.align(source, str(folder / "aligned.wav"), **{"bpm": BPM, "division": 8, **options})


@pytest.mark.parametrize("kind", sample(["pluck", "click", "kick"], "kick"))
def test_onsets_come_to_the_grid(tmp_path: Path, kind: str) -> None:
    offsets = np.random.default_rng(2).uniform(-0.045, 0.045, 40)
    source = played(tmp_path, offsets, kind, channels=2)
    found = aligned(tmp_path, source, strength=100, keep_feel=False)
    told = found["aligned"]
    assert told["onsets"] == 40
    assert told["before"] == pytest.approx(1000 * np.abs(offsets).mean(), abs=2)
    assert told["after"] < 3
    before, after = (soundfile.read(path)[0] for path in (source, tmp_path / "aligned.wav"))
    assert before.shape == after.shape
    assert np.abs(after).max() == pytest.approx(np.abs(before).max(), rel=0.25)


def test_pitch_stays(tmp_path: Path) -> None:
    source = played(tmp_path, np.random.default_rng(4).uniform(-0.04, 0.04, 20))
    aligned(tmp_path, source, strength=100, keep_feel=False)
    pitches = [float(np.nanmedian(tracker.of_file(path).pitch)) for path in (source, str(tmp_path / "aligned.wav"))]
    assert pitches == pytest.approx([57, 57], abs=0.1)


def test_half_the_strength_moves_half_the_way_and_feel_stays(tmp_path: Path) -> None:
    source = played(tmp_path, np.tile([0.04, -0.03], 12))
    assert aligned(tmp_path, source, strength=50, keep_feel=False)["aligned"]["after"] == pytest.approx(17.5, abs=3)
    felt = played(tmp_path, np.tile([0.01, -0.01], 12))
    told = aligned(tmp_path, felt, strength=100)["aligned"]
    assert told["moved"] == 0
    assert told["after"] == pytest.approx(told["before"], abs=1)


def test_without_a_tempo_it_is_measured(tmp_path: Path) -> None:
    source = played(tmp_path, np.random.default_rng(6).uniform(-0.01, 0.01, 60), "click")
    assert aligned(tmp_path, source, bpm=None)["aligned"]["bpm"] == pytest.approx(BPM, abs=1)


def test_where_nothing_begins_nothing_is_moved(tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(RATE), RATE)
    with pytest.raises(errors.NoAudio):
        aligned(tmp_path, str(path))
