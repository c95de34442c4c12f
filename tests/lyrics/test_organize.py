from __future__ import annotations

from dawg_server.lyrics import organize
from tests.lyrics import songs


def test_a_song_sheet_has_each_verse_and_the_chorus_once() -> None:
    sheet = organize.organize(songs.OH_SUSANNA)
    assert len(sheet["verses"]) == 3 and sheet["verses"][1].startswith("I had a dream")
    assert sheet["chorus"].count("\n") == 1 and sheet["bridge"] is None
    assert sheet["structure"] == "Verse-Chorus-Verse-Chorus-Verse-Chorus"
    assert any("3 times" in one for one in sheet["suggestions"])


def test_parts_without_a_place_of_their_own_stand_among_the_verses_and_are_named() -> None:
    sheet = organize.organize(songs.MIDNIGHT_RAIN)
    assert sheet["verses"][0] == "Oh oh oh" and sheet["verses"][-1] == "Midnight rain"
    assert sheet["bridge"].startswith("Maybe the dark")
    assert any("Entry 1" in one and "Intro" in one for one in sheet["suggestions"])


def test_a_line_that_only_a_later_chorus_has_is_quoted_as_removed() -> None:
    sheet = organize.organize(songs.MIDNIGHT_RAIN)
    removed = [one for one in sheet["suggestions"] if one.startswith("Removed")]
    assert len(removed) == 1 and "“Hold me forever and call my name”" in removed[0]


def test_a_hook_takes_the_place_of_a_missing_chorus() -> None:
    sheet = organize.organize("[Hook]\nround we go\n[Verse]\nsome words\n[Hook]\nround we go")
    assert sheet["chorus"] == "round we go" and sheet["verses"] == ["some words"]


def test_labels_are_left_out_of_the_texts() -> None:
    sheet = organize.organize(songs.LABELLED)
    assert sheet == {
        "verses": ["A b c", "D e f", "bye"],
        "chorus": "La la",
        "bridge": "G h i",
        "suggestions": sheet["suggestions"],
        "structure": "Verse-Chorus-Verse-Chorus-Bridge-Chorus-Outro",
    }


def test_nothing_sung_is_said_plainly() -> None:
    sheet = organize.organize("\n\n")
    assert sheet["verses"] == [] and sheet["chorus"] is None
    assert sheet["suggestions"] == ["There are no sung lines yet."]
