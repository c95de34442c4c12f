"""Chords by their symbols: read in every usual spelling, written in one."""

from __future__ import annotations

import pytest

from dawg_server.music import clip, compose, theory
from dawg_server.music.score import ScoreChord

MIDDLE_C = 60


@pytest.mark.parametrize(
    ("text", "symbol", "tones"),
    [
        ("C", "C", (0, 4, 7)),
        ("C#m", "C#m", (1, 4, 8)),
        ("Bbmaj9/D", "Bbmaj9/D", (10, 2, 5, 9, 0)),
        ("F#ø", "F#m7b5", (6, 9, 0, 4)),
        ("G♯-7", "G#m7", (8, 11, 3, 6)),
        ("A6/9", "A6/9", (9, 1, 4, 6, 11)),
        ("A6/9/E", "A6/9/E", (9, 1, 4, 6, 11)),
        ("EM7", "Emaj7", (4, 8, 11, 3)),
        ("Dsus", "Dsus4", (2, 7, 9)),
        ("E7#9", "E7#9", (4, 8, 11, 2, 7)),
        ("B°7", "Bdim7", (11, 2, 5, 8)),
    ],
)
def test_a_symbol_is_read_in_its_spellings(text: str, symbol: str, tones: tuple[int, ...]) -> None:
    stored, chord = theory.parse_chord(text)
    assert (stored, chord.tones) == (symbol, tones)
    assert theory.parse_chord(stored) == (stored, chord)


@pytest.mark.parametrize("text", ["", "H", "c", "Cx", "C/", "C/X", "Cm7/9", "C" * 100])
def test_what_is_no_chord_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="A chord is"):
        theory.parse_chord(text)


def test_every_chord_of_the_engine_has_a_symbol_that_is_read_as_the_same() -> None:
    for name in ("C", "Am", "Eb", "F#m", "Bb", "Dm", "B"):
        key = theory.parse_key(name)
        for numeral in (
            "I",
            "ii",
            "iii",
            "IV",
            "V",
            "vi",
            "viio",
            "i",
            "iio",
            "III",
            "iv",
            "VI",
            "VII",
            "bII",
            "Isus4",
        ):
            for size in (3, 4, 5):
                chord = theory.chord(numeral, key, size)
                read = theory.parse_chord(chord.symbol(key))[1]
                assert (read.root, read.intervals) == (chord.root, chord.intervals), (name, numeral, size)


def test_a_piece_tells_its_chords_from_its_first_beat_to_its_last() -> None:
    score = compose.compose(genre="r&b", bpm=120, key="Eb", mood="warm", duration=30, seed=3)
    assert score.chords[0].start_beat == 0
    for earlier, later in zip(score.chords, score.chords[1:], strict=False):
        assert later.start_beat == pytest.approx(earlier.start_beat + earlier.beats)
    assert all(theory.parse_chord(each.symbol)[0] == each.symbol for each in score.chords)


@pytest.mark.parametrize("part", ["chords", "bass", "melody"])
def test_parts_fit_to_the_chords_that_are_there(part: str) -> None:
    given = [ScoreChord("Ab", 0, 4), ScoreChord("Dbmaj7/F", 4, 2), ScoreChord("E7", 6, 2)]
    notes = clip.part_notes(part, "C", "pop", 2, "simple", seed=7, chords=given)
    own = clip.part_notes(part, "C", "pop", 2, "simple", seed=7)
    assert notes
    assert notes != own
    for each in given:
        tones = theory.parse_chord(each.symbol)[1].tones
        sounding = [n for n in notes if each.start_beat - 0.01 <= n.start < each.start_beat + each.beats - 0.01]
        fitting = [n for n in sounding if n.pitch % 12 in tones]
        assert len(fitting) >= len(sounding) * (0.5 if part == "melody" else 0.99)
    if part == "bass":
        assert {n.pitch % 12 for n in notes if 4 <= n.start < 5} == {5}  # the F under the chord


def test_where_no_chord_is_given_a_part_keeps_its_own() -> None:
    own = clip.part_notes("chords", "C", "pop", 4, "simple", seed=7)
    partly = clip.part_notes("chords", "C", "pop", 4, "simple", seed=7, chords=[ScoreChord("Ab", 0, 4)])
    later = [{(n.start, n.pitch % 12) for n in notes if n.start >= 4} for notes in (own, partly)]
    assert later[0] == later[1] != set()
