from __future__ import annotations

import pytest

from dawg_server.lyrics import labels


@pytest.mark.parametrize(
    ("line", "kind", "number", "repeats"),
    [
        ("[Chorus]", "chorus", None, 1),
        ("CHORUS", "chorus", None, 1),
        ("chorus:", "chorus", None, 1),
        ("(Bridge)", "bridge", None, 1),
        ("Verse 2:", "verse", 2, 1),
        ("verse two", "verse", 2, 1),
        ("2nd Verse", "verse", 2, 1),
        ("[Verse II]", "verse", 2, 1),
        ("[Verse 1: Ana & Bo]", "verse", 1, 1),
        ("Pre-Chorus", "pre-chorus", None, 1),
        ("pre chorus 2", "pre-chorus", 2, 1),
        ("[PRECHORUS]", "pre-chorus", None, 1),
        ("Post-Chorus:", "hook", None, 1),
        ("Hook", "hook", None, 1),
        ("Refrain", "chorus", None, 1),
        ("{Intro}", "intro", None, 1),
        ("## Outro", "outro", None, 1),
        ("**Hook x2**", "hook", None, 2),
        ("Chorus (x3)", "chorus", None, 3),
        ("[Chorus] x2", "chorus", None, 2),
        ("Chorus 1 x2", "chorus", 1, 2),
        ("(Repeat chorus)", "chorus", None, 1),
        ("--- Final Chorus ---", "chorus", None, 1),
        ("[Middle 8]", "bridge", None, 1),
        ("[Guitar Solo]", "unknown", None, 1),
        ("[Estribillo]", "chorus", None, 1),
        ("【サビ】", "chorus", None, 1),
    ],
)
def test_a_label_is_read_in_every_usual_way_of_writing(line: str, kind: str, number: int | None, repeats: int) -> None:
    label, sung = labels.read(line)
    assert label is not None
    assert (label.section_type, label.number, label.repeats, sung) == (kind, number, repeats, "")


@pytest.mark.parametrize(
    "line",
    [
        "Bridge over the river",
        "The chorus of angels",
        "(yeah, yeah)",
        "(chorus of angels)",
        "Hook me up",
        "Verse by verse",
        "One",
        "First",
        "I",
        "1",
        "[unclosed",
        "()",
        "[]",
        "Sometimes: never",
        "She said: verse",
        "Drop",
        "Break",
    ],
)
def test_sung_lines_that_look_like_labels_stay_sung(line: str) -> None:
    assert labels.read(line) == (None, line)


def test_words_after_a_label_on_the_same_line_are_sung() -> None:
    label, sung = labels.read("Chorus: la la la")
    assert label is not None and label.section_type == "chorus" and sung == "la la la"
    label, sung = labels.read("[Verse 2] I walk the line")
    assert label is not None and label.number == 2 and sung == "I walk the line"


def test_a_note_in_square_brackets_is_neither_sung_nor_a_section() -> None:
    for note in ("[Ana]", "(x2)", "[2x]"):
        label, sung = labels.read(note)
        assert label is not None and label.section_type is None and sung == ""


def test_drawn_lines_part_sections_and_words_do_not() -> None:
    assert all(labels.is_separator(line) for line in ("---", "***", "- - -", "====="))
    assert not any(labels.is_separator(line) for line in ("...", "--", "", "a---", "-a-"))


def test_a_suggested_structure_is_read_in_words_and_initials() -> None:
    assert labels.parse_structure("Intro-Verse-Pre-Chorus-Chorus") == ["intro", "verse", "pre-chorus", "chorus"]
    assert labels.parse_structure("V, C > Verse 2 | middle 8") == ["verse", "chorus", "verse", "bridge"]
    assert labels.parse_structure("nothing of that kind") == []
