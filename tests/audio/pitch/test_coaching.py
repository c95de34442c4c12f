"""What a singer is told follows from how they sang."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dawg_server.audio.pitch import coaching
from tests.audio import voices

RATE = 44_100
STEPS = (0, 2, 4, 5, 7, 5, 4, 2)


def coached(folder: Path, off: Any, gain: float = 0.5) -> dict[str, Any]:
    """A scale, each note off by semitones of its own."""
    notes = [(0.2 + 0.6 * n, 0.5, 60.0 + step + off(n)) for n, step in enumerate(STEPS)]
    sound = np.clip(voices.sing(RATE, notes, seed=1) * gain, -1, 1)
    path = folder / "voice.wav"
    soundfile.write(path, sound, RATE, subtype="PCM_24")
    return coaching.coach(str(path))


def categories(found: dict[str, Any]) -> set[str]:
    return {said["category"] for said in found["feedback"]}


def test_who_sings_in_tune_is_not_corrected(tmp_path: Path) -> None:
    found = coached(tmp_path, lambda n: 0.0)
    assert found["pitch"]["numNotes"] == len(STEPS)
    assert found["pitch"]["range"] == {"lowest": 60, "highest": 67}
    assert found["pitch"]["inTuneShare"] > 0.9
    assert not categories(found) & {"intonation", "tuning", "level"}


def test_single_notes_and_a_whole_performance_are_told_apart(tmp_path: Path) -> None:
    some = coached(tmp_path, lambda n: (0.0, 0.0, 0.0, 0.42, 0.0, -0.4, 0.0, 0.0)[n])
    (said,) = [said for said in some["feedback"] if said["category"] == "intonation"]
    assert said["timestamp"] == pytest.approx(0.2 + 0.6 * 3, abs=0.1)
    flat = coached(tmp_path, lambda n: -0.35)
    assert flat["pitch"]["tuningCents"] == pytest.approx(-35, abs=8)
    assert "too low" in next(said["description"] for said in flat["feedback"] if said["category"] == "tuning")


def test_a_clipped_recording_is_said_to_be(tmp_path: Path) -> None:
    assert "level" in categories(coached(tmp_path, lambda n: 0.0, gain=8.0))


def test_where_nobody_sings_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(2 * RATE), RATE)
    found = coaching.coach(str(path))
    assert found["pitch"] is None
    assert [said["category"] for said in found["feedback"]][:1] == ["pitch"]
