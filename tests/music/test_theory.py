from __future__ import annotations

import pytest

from dawg_server.music import theory

LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SPELLINGS = [
    (f"{letter}{accidental}{blank}{word}", f"{letter}{plain}{suffix}", (pitch + shift) % 12)
    for letter, pitch in LETTERS.items()
    for accidental, plain, shift in (("", "", 0), ("#", "#", 1), ("♯", "#", 1), ("b", "b", -1), ("♭", "b", -1))
    for word, suffix in (
        ("", ""),
        ("m", "m"),
        ("M", ""),
        ("min", "m"),
        ("Minor", "m"),
        ("MAJ", ""),
        ("major", ""),
    )
    for blank in ("", " ")
]


def test_every_spelling_of_every_key_is_read_and_stored_in_one_form() -> None:
    assert len({stored for _, stored, _ in SPELLINGS}) == 42
    for text, stored, tonic in SPELLINGS:
        for spelled in (text, text[0].lower() + text[1:]):
            key = theory.parse_key(spelled)
            assert (key.name, key.tonic, key.minor) == (stored, tonic, stored.endswith("m"))
            assert theory.parse_key(key.name) == key


@pytest.mark.parametrize(
    ("text", "stored"), [("Cm", "Cm"), ("C minor", "Cm"), ("F#maj", "F#"), ("bb", "Bb"), ("E♭ Major", "Eb"), ("b", "B")]
)
def test_the_contracts_examples_pass(text: str, stored: str) -> None:
    assert theory.parse_key(text).name == stored


@pytest.mark.parametrize("text", ["", "H", "C dorian", "C##", "Cmm", "m", "C minor 7", "c#M7", "constructor", "Cbb"])
def test_other_modes_and_nonsense_are_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="letter A to G"):
        theory.parse_key(text)


@pytest.mark.parametrize(
    ("numeral", "key", "size", "names"),
    [
        ("i", "Cm", 3, "C D# G"),
        ("VI", "Cm", 4, "G# C D# G"),
        ("V", "Cm", 4, "G B D F"),
        ("v", "Cm", 3, "G A# D"),
        ("bII", "Cm", 3, "C# F G#"),
        ("ii", "Cm", 4, "D F G# C"),
        ("ii", "C", 5, "D F A C E"),
        ("V", "C", 4, "G B D F"),
        ("vii", "C", 3, "B D F"),
        ("iii", "C", 5, "E G B D"),
        ("bVII", "C", 3, "A# D F"),
        ("VI", "C", 4, "A C# E G"),
        ("IV", "A", 3, "D F# A"),
        ("Vsus4", "C", 3, "G C D"),
    ],
)
def test_numerals_name_the_chords_that_a_musician_would_play(numeral: str, key: str, size: int, names: str) -> None:
    pitches = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
    built = theory.chord(numeral, theory.parse_key(key), size)
    assert [pitches[tone] for tone in built.tones] == names.split()


def test_nearest_prefers_the_lower_of_two_equally_close_pitches() -> None:
    assert theory.nearest(61, [60, 62]) == 60
    assert theory.nearest(61.4, [60, 62]) == 62
