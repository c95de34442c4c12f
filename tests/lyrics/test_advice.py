from __future__ import annotations

from typing import Any

import pytest

from dawg_server import errors
from dawg_server.lyrics import advice, analysis, genres
from tests.lyrics import songs

GENERATION_GENRES = [
    "trap",
    "lo-fi",
    "boom bap",
    "house",
    "drill",
    "drum and bass",
    "techno",
    "hip hop",
    "r&b",
    "pop",
    "edm",
    "dubstep",
    "jazz",
    "rock",
    "country",
    "indie",
    "folk",
    "lofi",
    "dnb",
    "d&b",
    "drum n bass",
    "hip-hop",
    "hiphop",
    "rap",
    "rnb",
    "r and b",
    "electronic",
]


def messages(lyrics: str, genre: str = "pop", kind: str | None = None) -> str:
    found = analysis.analyze(lyrics, genre)["recommendations"]
    return "\n".join(f"{one['message']} {one['reasoning']}" for one in found if kind in (None, one["type"]))


@pytest.mark.parametrize("name", [*GENERATION_GENRES, "other", "Hip_Hop", " POP "])
def test_every_genre_of_generation_maps_to_one_of_the_eight(name: str) -> None:
    assert genres.resolve(name).name in ("pop", "country", "hip-hop", "rock", "rnb", "indie", "folk", "other")


@pytest.mark.parametrize("name", ["constructor", "", "polka", "__proto__"])
def test_an_unknown_genre_is_refused_with_the_names_that_exist(name: str) -> None:
    with pytest.raises(errors.ValidationError, match="hip-hop"):
        analysis.analyze("la", name)


def test_a_missing_bridge_is_noticed_where_the_genre_wants_one() -> None:
    assert "bridge" in messages(songs.OH_SUSANNA, "pop", "suggestion")
    assert "bridge" not in messages(songs.OH_SUSANNA, "folk", "suggestion")
    assert "Try a bridge" not in messages(songs.MIDNIGHT_RAIN, "pop")


def test_a_song_without_anything_that_returns_is_warned_in_pop_and_not_in_folk() -> None:
    text = "one line is here\nand another is there\n\nthis is new today\nand so is that way"
    assert "Add a chorus" in messages(text, "pop", "warning")
    assert "Add a hook" in messages(text, "trap", "warning")
    assert messages(text, "folk", "warning") == ""


def test_a_chorus_that_comes_once_should_return() -> None:
    text = "[Verse]\nsome words here\n[Chorus]\nla la la\n[Verse]\nother words there"
    assert "come again" in messages(text, "pop", "suggestion")


def test_uneven_verses_are_named_with_their_numbers() -> None:
    text = "[Verse 1]\na a a a\nb b b b\nc c c c\nd d d d\n[Verse 2]\ne e e e\nf f f f\n[Chorus]\nla la"
    assert "4, 2 lines" in messages(text)


def test_wordy_verses_and_ragged_lines_are_measured_in_syllables() -> None:
    text = (
        "[Verse 1]\nshort and sweet\nlight on feet\n[Verse 2]\nthis one is considerably longer than the other is\n"
        "and it continues to be longer than anybody needs\n[Bridge]\nno\nthis line has very many syllables\noh"
    )
    assert "Even out Verse 1 and Verse 2" in messages(text)
    assert "Bring the lines of Bridge 1 closer" in messages(text)


def test_a_chorus_wordier_than_the_verse_is_noticed() -> None:
    text = "[Verse]\nshort line here\nshort line there\n[Chorus]\nthis chorus has a great many more syllables\n"
    assert "Shorten the lines of the chorus" in messages(text)


def test_unrhymed_verses_are_a_topic_in_country_but_not_in_indie() -> None:
    text = "[Verse]\nthe moon is up\nthe road is long\nmy truck is old\nI miss the sea\nred is your hair"
    assert "rhyme" in messages(text, "country", "suggestion")
    rhymed = "[Verse]\nthe moon is bright\nI drive all night\nmy truck is old\nthe beer is cold"
    assert "Let more lines" not in messages(rhymed, "country")


def test_a_changed_chorus_is_pointed_out_with_its_new_line() -> None:
    assert "Hold me forever and call my name" in messages(songs.MIDNIGHT_RAIN, "pop", "info")


def test_unsure_sections_bring_the_advice_to_label_them() -> None:
    text = "one line is here\nand another is there\n\nthis is new today\nand so is that way"
    assert "Label the sections" in messages(text)
    assert "Label the sections" not in messages(songs.LABELLED)


def test_genre_advice_comes_only_with_a_genre_and_compares_this_song() -> None:
    assert "genreAdvice" not in analysis.analyze(songs.OH_SUSANNA)
    given = analysis.analyze(songs.OH_SUSANNA, "edm")["genreAdvice"]
    assert given["genre"] == "pop"
    assert any("about 14" in one for one in given["suggestions"])
    assert any("no bridge" in one for one in given["suggestions"])


@pytest.mark.parametrize(
    "structure",
    [
        "Verse-Chorus-Verse-Chorus",
        "",
        "nonsense",
        None,
        [],
        7,
        {"sections": None},
        ["verse", "chorus"],
        [{"sectionType": "verse", "lineStart": 0, "lineEnd": 10**30}],
        [{"sectionType": 5, "lineStart": -7, "lineEnd": True}],
        [{}],
        [{"sectionType": ["verse"]}],
        [{"lineStart": 5, "lineEnd": 1}] * 3000,
        {"structure": "Verse"},
    ],
)
def test_any_structure_at_all_gets_at_least_one_piece_of_advice(structure: Any) -> None:
    for lyrics in (None, "", songs.OH_SUSANNA):
        for one in advice.recommendations(structure, "country", lyrics):
            assert one["type"] in ("suggestion", "warning", "info")
            assert one["message"] and one["reasoning"] and 0 <= one["confidence"] <= 1
            assert set(one) == {"type", "message", "section", "reasoning", "confidence"}
        assert advice.recommendations(structure, "country", lyrics)


def test_advice_on_given_sections_judges_the_words_inside_their_ranges() -> None:
    lyrics = "short and sweet\nlight on feet\nthis line is considerably longer than others\nand so is this one too"
    sections = [
        {"sectionType": "verse", "lineStart": 0, "lineEnd": 1, "sectionNumber": 1},
        {"sectionType": "verse", "lineStart": 2, "lineEnd": 3, "sectionNumber": 2},
    ]
    found = advice.recommendations(sections, "pop", lyrics)
    assert any("Even out Verse 1 and Verse 2" in one["message"] for one in found)
    assert not any("Even out" in one["message"] for one in advice.recommendations(sections, "pop"))


def test_warnings_come_first() -> None:
    order = [one["type"] for one in analysis.analyze("a line\nb line\n\nc line\nd line", "pop")["recommendations"]]
    assert order == sorted(order, key=["warning", "suggestion", "info"].index)
    assert order[0] == "warning"
