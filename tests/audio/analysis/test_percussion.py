"""Beats played by the embedded engine, whose notes are known, written down again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dawg_server import errors
from dawg_server.audio.analysis import percussion
from dawg_server.audio.mixing import render
from dawg_server.audio.mixing.arrangement import Arrangement, Clip, Track
from dawg_server.music.score import Note
from tests.sampling import sample

KICK, SNARE, HAT, OPEN = 36, 38, 42, 46
BAR = ((0.0, KICK), (0.5, HAT), (1.0, SNARE), (1.5, HAT), (2.0, KICK), (2.5, KICK), (3.0, SNARE), (3.5, OPEN))


@pytest.mark.parametrize(
    ("kit", "bpm"),
    sample(
        [("kit", 100.0), ("kit 808", 90.0), ("kit trap", 140.0), ("kit jazz", 120.0)],
        ("kit", 100.0),
        ("kit trap", 140.0),
    ),
)
def test_what_a_kit_plays_is_written_down(tmp_path: Path, kit: str, bpm: float) -> None:
    notes = tuple(Note(4 * bar + start, 0.25, pitch, 100) for bar in range(8) for start, pitch in BAR)
    clip = Clip(0, 8 * 4 * 60 / bpm, notes=notes, instrument=kit)
    path = tmp_path / "beat.wav"
    render.render(Arrangement(44_100, bpm, (Track("drums", clips=(clip,)),)), str(path), "wav", tail=1, bit_depth=24)
    found = percussion.transcribe(str(path))
    assert found["tempo"] == pytest.approx(bpm, abs=1)
    wrong = {(note.start, note.pitch) for note in notes} ^ {(note["start"], note["pitch"]) for note in found["notes"]}
    assert len(wrong) <= 0.1 * len(notes), sorted(wrong)
    for hit, note in zip(found["hits"], found["notes"], strict=True):
        assert note["pitch"] == percussion.PITCHES[hit["type"]]
        assert 0 < hit["velocity"] <= 1
        assert 0.5 <= hit["confidence"] <= 1
    played = percussion.transcribe(str(path), quantize=False)
    off = [abs(note["start"] - round(note["start"] * 4) / 4) * 60 / bpm for note in played["notes"]]
    assert float(np.mean(off)) < 0.01


def test_where_nothing_is_hit_there_are_no_drums(tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(44_100), 44_100)
    with pytest.raises(errors.NoAudio):
        percussion.transcribe(str(path))


def test_a_recording_of_more_than_two_minutes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(121 * 8_000), 8_000)
    with pytest.raises(errors.ValidationError):
        percussion.transcribe(str(path))
