from __future__ import annotations

import pytest

from dawg_server.lyrics import repetition, structure
from tests.lyrics import songs


def forms(lyrics: str, *suggested: str) -> str:
    return structure.form(structure.read(lyrics, suggested))


def test_verses_and_choruses_are_told_apart_without_labels() -> None:
    assert forms(songs.OH_SUSANNA) == "Verse-Chorus-Verse-Chorus-Verse-Chorus"


def test_the_same_song_without_blank_lines_has_the_same_form() -> None:
    assert forms(songs.OH_SUSANNA.replace("\n\n", "\n")) == forms(songs.OH_SUSANNA)


def test_every_part_of_a_pop_song_is_found_by_words_place_and_shape() -> None:
    assert forms(songs.MIDNIGHT_RAIN) == ("Intro-Verse-Pre-Chorus-Chorus-Verse-Pre-Chorus-Chorus-Bridge-Chorus-Outro")


def test_labels_in_mixed_styles_are_believed() -> None:
    sections = structure.read(songs.LABELLED)
    assert [(s.kind, s.number, s.start, s.end, s.repeats) for s in sections] == [
        ("verse", 1, 0, 1, 1),
        ("chorus", 1, 2, 3, 1),
        ("verse", 2, 5, 6, 1),
        ("chorus", 2, 8, 9, 1),
        ("bridge", 1, 10, 11, 1),
        ("chorus", 3, 13, 13, 2),
        ("outro", 1, 15, 15, 1),
    ]
    assert all(section.confidence >= 0.9 for section in sections)
    assert sections[5].lines == () and sections[6].lines == ("bye",)


def test_labels_make_surer_than_words_and_words_surer_than_place() -> None:
    labelled = structure.read("[Chorus]\na b c\nd e f")[0].confidence
    chorus, verse = (structure.read(songs.OH_SUSANNA)[at].confidence for at in (1, 0))
    nothing = structure.read("one line here\nanother line there\n\nthis is new\nand so is that")[0].confidence
    assert labelled > chorus > verse > nothing
    assert nothing < 0.5


def test_near_duplicates_count_as_the_same_section() -> None:
    sections = structure.read(songs.MIDNIGHT_RAIN)
    chorus = [section for section in sections if section.kind == "chorus"]
    assert len(chorus) == 3 and len({section.lines for section in chorus}) == 2
    assert [len(together) for together in structure.repeated(sections)] == [2, 3]


def test_a_repeat_without_label_takes_the_label_of_its_twin() -> None:
    hook = "round and round we go\nnever say no"
    text = f"[Hook]\n{hook}\n\nwords of a verse\nmore words\n\n{hook}"
    assert [section.kind for section in structure.read(text)] == ["hook", "verse", "hook"]


def test_stanzas_under_one_label_stay_one_section_in_a_labelled_song() -> None:
    text = "[Verse 1]\none of them\ntwo of them\n\nthree of these\nfour of these\n\n"
    text += "[Chorus]\nla la\n\n[Verse 2]\nfive\nsix"
    assert [(s.kind, s.start, s.end) for s in structure.read(text)] == [
        ("verse", 0, 5),
        ("chorus", 7, 8),
        ("verse", 10, 12),
    ]


def test_a_label_above_a_blank_line_belongs_to_the_words_below() -> None:
    sections = structure.read("Verse 1\n\nsome words\nand more\n\nChorus\n\nla la la")
    assert [(s.kind, s.start, s.end) for s in sections] == [("verse", 0, 3), ("chorus", 5, 7)]


def test_a_chorus_label_alone_stands_for_the_chorus_again() -> None:
    text = "[Chorus]\nla la la la\nsing it out\n\n[Verse]\nwords\n\n[Chorus]\n\nquite other words\nhere now"
    sections = structure.read(text)
    assert [(s.kind, s.lines) for s in sections][2] == ("chorus", ())


def test_stanzas_that_vary_the_same_words_are_verses_of_a_strophic_song() -> None:
    stanza = "Old MacDonald had a farm and on that farm he had a {0}\nwith a {1} here and a {1} there on the farm"
    text = "\n\n".join(stanza.format(*pair) for pair in (("cow", "moo"), ("pig", "oink"), ("duck", "quack")))
    assert len(structure.repeated(structure.read(text))) == 1
    assert [section.kind for section in structure.read(text)] == ["verse"] * 3


def test_a_suggested_structure_decides_where_the_text_says_nothing() -> None:
    text = "one line here\nanother line there\n\nthis is new\nand so is that"
    assert forms(text) == "Verse-Verse"
    assert forms(text, "verse", "bridge") == "Verse-Bridge"
    assert forms(text, "verse", "bridge", "outro") == "Verse-Verse"
    assert forms("[Chorus]\n" + text, "verse", "bridge") == "Chorus-Bridge"


def test_text_without_letters_is_unknown() -> None:
    sections = structure.read("🎵🎵\n\n123 456")
    assert [section.kind for section in sections] == ["unknown", "unknown"]
    assert all(section.confidence < 0.3 for section in sections)


@pytest.mark.parametrize("blank", ["", " \n \t\n", "---", "\r\n\r\n"])
def test_nothing_sung_means_no_sections(blank: str) -> None:
    assert structure.read(blank) == []


def test_windows_line_ends_change_nothing() -> None:
    unix, windows = structure.read(songs.MIDNIGHT_RAIN), structure.read(songs.MIDNIGHT_RAIN.replace("\n", "\r\n"))
    assert unix == windows


def test_reasons_name_the_evidence_the_lengths_and_the_rhymes() -> None:
    verse = structure.read(songs.OH_SUSANNA)[0]
    assert "comes again" in verse.reasoning and "4 lines" in verse.reasoning and "AABB (couplets)" in verse.reasoning


@pytest.mark.parametrize(
    ("suggested", "kinds"),
    [
        ("Verse-Chorus", ["verse", "chorus"]),
        (["Verse 1", "Chorus", 7, None], ["verse", "chorus"]),
        ([{"sectionType": "bridge"}, {"other": 1}], ["bridge"]),
        (None, []),
        (7, []),
        ({"a": 1}, []),
    ],
)
def test_a_suggestion_may_be_text_names_or_sections(suggested: object, kinds: list[str]) -> None:
    assert structure.parse_suggested(suggested) == kinds


def test_sections_without_words_belong_to_no_group() -> None:
    assert structure.read("[Guitar Solo]")[0].group == repetition.NO_GROUP
