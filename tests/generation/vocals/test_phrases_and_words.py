"""Phrases end where a singer breathes, and words are only taken when they can be sung to them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dawg_server.generation.vocals import phrases, words
from dawg_server.generation.vocals.lyricist import REQUEST
from dawg_server.schema import FieldError

Notes = list[dict[str, float]]
GOOD = {"lines": ["The road is long", "and I am gone tonight"], "theme": "leaving", "mood": "wistful"}


def notes(*durations: float, rest: float = 0.05, start: float = 0.0) -> Notes:
    found = []
    for duration in durations:
        found.append({"start": start, "duration": duration})
        start += duration + rest
    return found


def after(first: Notes, second: Notes, rest: float) -> Notes:
    shift = first[-1]["start"] + first[-1]["duration"] + rest
    return first + [{**note, "start": note["start"] + shift} for note in second]


def test_a_breath_parts_phrases() -> None:
    line = notes(*[0.3] * 6)
    assert phrases.syllables(after(after(line, line, 0.6), notes(*[0.3] * 8), 1.0)) == [6, 6, 8]


def test_a_stray_note_joins_the_nearer_phrase() -> None:
    line = notes(*[0.3] * 5)
    assert phrases.syllables(after(after(line, notes(0.4), 1.0), line, 0.4)) == [5, 6]
    assert phrases.syllables(after(line, notes(0.4, 0.4), 2.0)) == [7]
    assert phrases.syllables(notes(0.4, 0.4, 0.4)) == [3]
    assert phrases.syllables([]) == []


def test_a_melody_without_breaths_is_parted_after_held_notes() -> None:
    verse = [0.25] * 7 + [1.0] + [0.25] * 7 + [1.2] + [0.25] * 7 + [1.5]
    assert phrases.syllables(notes(*verse, rest=0.0)) == [8, 8, 8]
    even = phrases.syllables(notes(*[0.3] * 40, rest=0.0))
    assert sum(even) == 40
    assert all(phrases.SHORTEST <= count <= phrases.LONGEST for count in even)


def test_lines_are_read_and_made_into_stanzas() -> None:
    made = words.read({**GOOD, "lines": ["  The   road is long "] * 5}, 5)
    line = "The road is long"
    assert made.text == "[Verse]\n" + "\n".join([line] * 4) + "\n\n" + line
    assert words.sung(made.text) == [line] * 5
    assert words.describe("[Chorus]\nAnd I am gone\n\nla la") == {"numLines": 2, "syllables": 6}
    assert words.describe(None) == {"numLines": None, "syllables": None}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "lines",
        {},
        {"lines": "a"},
        {**GOOD, "lines": ["one line"]},
        {**GOOD, "lines": ["one", 2]},
        {**GOOD, "lines": ["one", "  "]},
        {**GOOD, "lines": ["one", "[Chorus]"]},
        {**GOOD, "lines": ["one", "…!"]},
        {**GOOD, "lines": ["one", "la " * 100]},
        {**GOOD, "mood": None},
        {"lines": GOOD["lines"], "mood": "x"},
    ],
)
def test_what_cannot_be_sung_is_refused(answer: Any) -> None:
    with pytest.raises(FieldError):
        REQUEST.read(json.dumps(answer), lambda values: words.read(values, 2))


def test_lines_have_to_fit_their_phrases() -> None:
    made = words.read(GOOD, 2)
    assert made.misfits([4, 6]) == []
    assert made.misfits([5, 7]) == []
    assert len(made.misfits([4, 12])) == 1
    assert "Line 1 has 4 syllables" in made.misfits([9, 6])[0]
