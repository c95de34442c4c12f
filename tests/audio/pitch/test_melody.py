"""A hummed melody is written down as it was sung."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dawg_server import errors
from dawg_server.audio.pitch import melody, tracker
from tests.audio import voices
from tests.sampling import sample

RATE = 44_100
MINOR = (0, 2, 3, 5, 7, 8, 10, 12)
Note = tuple[float, float, float]


def tune(seed: int, base: int, count: int = 24, gap: float = 0.06) -> list[Note]:
    """Notes of A minor or its like; neighbours differ unless they are apart."""
    random = np.random.default_rng(seed)
    found: list[Note] = []
    start, last = 0.3, -1
    for _ in range(count):
        pitch = base + int(random.choice([step for step in MINOR if base + step != last]))
        length = float(random.choice([0.2, 0.3, 0.45, 0.7]))
        found.append((start, length, pitch))
        start += length + gap
        last = pitch
    return found


def written(path: Path, sound: np.ndarray, rate: int = RATE) -> str:
    soundfile.write(path, sound, rate, subtype="FLOAT")
    return str(path)


def right(truth: list[Note], found: list[dict[str, float]], shift: int = 0) -> float:
    """The share of notes with the right pitch, their beginning within 80 ms and at least half of their length; notes
    that nobody sang count as wrong ones."""
    left = list(found)
    good = 0
    for start, duration, pitch in truth:
        for note in left:
            if (
                note["pitch"] + shift == round(pitch)
                and abs(note["start"] - start) < 0.08
                and note["duration"] > duration / 2
            ):
                good += 1
                left.remove(note)
                break
    return good / max(len(truth), len(found))


MANNERS: dict[str, dict[str, float]] = {
    "plain": {},
    "vibrato": {"vibrato_cents": 60},
    "glides": {"glide_ms": 35},
    "noise": {"noise": 0.01},
    "breath": {"breath": 0.02},
    "everything": {"vibrato_cents": 45, "glide_ms": 25, "noise": 0.004, "breath": 0.01},
}


@pytest.mark.parametrize("manner", sample(MANNERS, "everything"))
def test_nearly_all_notes_are_right_however_they_are_sung(manner: str, tmp_path: Path) -> None:
    shares = []
    for seed, base in enumerate((45, 55, 64)):
        truth = tune(seed, base)
        path = written(tmp_path / "hum.wav", voices.sing(RATE, truth, seed=seed, **MANNERS[manner]))
        shares.append(right(truth, melody.transcribe(path)["notes"]))
    assert np.mean(shares) >= 0.95, shares


def test_legato_and_repeated_notes_stay_apart(tmp_path: Path) -> None:
    legato = tune(4, 57, gap=0.0)
    path = written(tmp_path / "legato.wav", voices.sing(RATE, legato, glide_ms=15))
    assert right(legato, melody.transcribe(path)["notes"]) >= 0.95
    repeated = [(0.2 + 0.4 * n, 0.35, 60.0 + 2 * (n // 4)) for n in range(12)]
    path = written(tmp_path / "repeated.wav", voices.sing(RATE, repeated))
    assert right(repeated, melody.transcribe(path)["notes"]) >= 0.95


@pytest.mark.parametrize("cents", [-40, 35])
def test_a_singer_who_is_out_of_tune_throughout_is_understood(cents: int, tmp_path: Path) -> None:
    truth = tune(1, 60)
    sung = [(start, duration, pitch + cents / 100) for start, duration, pitch in truth]
    found = melody.transcribe(written(tmp_path / "hum.wav", voices.sing(RATE, sung, vibrato_cents=30)))
    assert found["tuningCents"] == pytest.approx(cents, abs=6)
    assert right(truth, found["notes"]) >= 0.95


@pytest.mark.parametrize(("tonic", "name"), [(57, "Am"), (60, "Cm"), (54, "F#m")])
def test_the_key_of_a_melody_is_found(tonic: int, name: str, tmp_path: Path) -> None:
    line = [0, 2, 3, 2, 0, 7, 5, 3, 2, 0, -2, 0, 3, 7, 8, 7, 5, 3, 2, -1, 0]
    truth = [(0.35 * n, 0.33, float(tonic + step)) for n, step in enumerate(line)]
    found = melody.transcribe(written(tmp_path / "hum.wav", voices.sing(RATE, truth)))
    assert found["key"] == name
    assert found["numNotes"] == len(line)
    assert found["range"] == {"lowest": tonic - 2, "highest": tonic + 8}


def test_major_is_told_from_minor(tmp_path: Path) -> None:
    line = [0, 4, 7, 4, 5, 9, 7, 5, 4, 2, 0, 2, 4, 5, 4, 2, -1, 0]
    truth = [(0.35 * n, 0.33, 62.0 + step) for n, step in enumerate(line)]
    assert melody.transcribe(written(tmp_path / "hum.wav", voices.sing(RATE, truth)))["key"] == "D"


def test_less_than_three_notes_is_no_melody(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    for sound in (
        np.zeros(2 * RATE),
        random.standard_normal(2 * RATE) * 0.1,
        voices.sing(RATE, [(0.2, 0.5, 60.0), (0.8, 0.5, 64.0)]),
    ):
        with pytest.raises(errors.MelodyTooShort) as caught:
            melody.transcribe(written(tmp_path / "short.wav", sound))
        assert caught.value.code == "melody_too_short"


def test_the_track_is_exact_to_a_few_cents_over_the_whole_range(tmp_path: Path) -> None:
    for pitch in (38.3, 50.0, 62.71, 76.0, 84.9):
        sound = voices.sing(RATE, [(0.1, 1.0, pitch)])
        found = tracker.of_file(written(tmp_path / "tone.wav", sound))
        middle = found.pitch[30:100]
        assert np.nanmax(np.abs(middle - pitch)) < 0.06
        assert not found.voiced[:5].any()
