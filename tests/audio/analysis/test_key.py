import numpy as np
import pytest

from dawg_server.audio.analysis import chroma, key
from tests.audio.analysis import listening, material

CADENCES = [(tonic, scale) for scale in ("major", "minor") for tonic in range(12)]


@pytest.mark.parametrize(("tonic", "scale"), CADENCES, ids=[f"{material.SHARPS[t]} {s}" for t, s in CADENCES])
def test_a_cadence_names_its_key(tonic: int, scale: str) -> None:
    timbre = ("piano", "organ", "saw")[tonic % 3]
    piece = material.cadence(tonic, scale, timbre, rate=22_050)
    found = key.estimate(listening.chroma_of(piece))
    assert found is not None
    assert listening.same_key(piece, found.name, found.scale), found
    assert found.confidence > 0.7


def test_keys_are_spelled_as_musicians_write_them() -> None:
    assert key.NAMES["major"][10] == "Bb"
    assert key.NAMES["major"][6] == "F#"
    assert key.NAMES["minor"][1] == "C#"


@pytest.mark.parametrize("cents", [-40, -15, 20, 40])
def test_tuning_is_measured_and_does_not_shift_the_key(cents: float) -> None:
    piece = material.play(material.Band(tonic=4, scale="minor", chords="piano", bass=True, cents=cents, seconds=10), 2)
    measured = listening.chroma_of(piece)
    assert measured.cents == pytest.approx(cents, abs=5)
    found = key.estimate(measured)
    assert found is not None
    assert (found.name, found.scale) == ("E", "minor")


@pytest.mark.parametrize(
    "piece",
    [
        listening.noise(8),
        listening.tones(440),
        listening.tones(220, 330),
        listening.piece(np.zeros(44_100)),
        material.clicks(100, 8),
        listening.tones(*(440 * 2 ** (i / 12) for i in range(12))),
    ],
    ids=["noise", "one note", "bare fifth", "silence", "clicks", "all twelve notes"],
)
def test_no_key_without_enough_notes(piece: material.Piece) -> None:
    assert key.estimate(listening.chroma_of(piece)) is None


def test_a_rustle_under_the_music_hides_no_key_and_makes_none() -> None:
    rustle = np.random.default_rng(0).uniform(0.95, 1.05, (100, 12))
    scale = np.array([2, 0, 1, 0, 1.5, 1, 0, 1.8, 0, 1, 0, 1])
    heard = key.estimate(chroma.Chroma(rustle + scale * 0.5, 0.0, 0.6, 0.19))
    assert heard is not None
    assert (heard.name, heard.scale) == ("C", "major")
    assert key.estimate(chroma.Chroma(rustle, 0.0, 0.6, 0.19)) is None


def test_tonality_tells_notes_from_noise() -> None:
    assert listening.chroma_of(listening.noise(4)).tonality < 0.1
    assert listening.chroma_of(listening.tones(220, 277, 330)).tonality > 0.8


def test_chroma_puts_a_note_into_its_class() -> None:
    measured: chroma.Chroma = listening.chroma_of(listening.tones(466.16))
    assert int(measured.frames.sum(axis=0).argmax()) == 10
