"""What must hold for any text at all."""

from __future__ import annotations

import json
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dawg_server.lyrics import analysis, labels, organize, structure
from tests.lyrics import songs
from tests.sampling import sample

lines = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "",
            "",
            "",
            "[Chorus]",
            "Verse 2:",
            "(Bridge)",
            "hook x2",
            "[Ana]",
            "(x2)",
            "---",
            "la la la",
            "oh Susanna",
            "the night",
            "the light",
            "Chorus: sing along",
            "שלום עולם",
            "さくら",
            "🎵",
            "\r",
            "[Chorus",
            "I walk the line",
            "Intro",
        ]
    ),
)
texts = st.one_of(st.text(max_size=300), st.lists(lines, max_size=40).map("\n".join))


def sung_lines(text: str) -> list[tuple[int, str]]:
    found = []
    for number, line in enumerate(text.split("\n")):
        if line.strip() and not labels.is_separator(line):
            found.append((number, labels.read(line)[1]))
    return found


@given(texts)
@settings(max_examples=200, deadline=None)
def test_ranges_are_ordered_inside_the_text_and_hold_every_line_once(text: str) -> None:
    described = analysis.analyze(text, "pop", "Verse-Chorus")["structure"]
    last, times = -1, Counter[int]()
    for section in described["sections"]:
        assert last < section["lineStart"] <= section["lineEnd"] < len(text.split("\n"))
        assert section["sectionType"] in labels.SECTION_TYPES
        assert 0 <= section["confidence"] <= 1 and section["sectionNumber"] >= 0 and section["reasoning"]
        last = section["lineEnd"]
        times.update(range(section["lineStart"], section["lineEnd"] + 1))
    assert all(times[number] == 1 for number, _ in sung_lines(text))
    ranges = {(section["lineStart"], section["lineEnd"]) for section in described["sections"]}
    for repeated in described["repeatedSections"]:
        assert repeated["occurrences"] == len(repeated["lineRanges"]) >= 2
        assert {(one["start"], one["end"]) for one in repeated["lineRanges"]} <= ranges


@given(texts)
@settings(max_examples=200, deadline=None)
def test_sections_hold_the_sung_words_in_order(text: str) -> None:
    held = [line for section in structure.read(text) for line in section.lines]
    assert held == [words for _, words in sung_lines(text) if words]


@given(texts)
@settings(max_examples=200, deadline=None)
def test_no_sung_line_gets_lost_when_lyrics_are_organized(text: str) -> None:
    sheet = organize.organize(text)
    written = "\n".join([*sheet["verses"], sheet["chorus"] or "", sheet["bridge"] or ""]).split("\n")
    removed = [one for one in sheet["suggestions"] if one.startswith("Removed")]
    for _, words in sung_lines(text):
        assert not words or words in written or any(f"“{words}”" in one for one in removed)


@given(texts)
@settings(max_examples=100, deadline=None)
def test_an_analysis_is_json_with_advice_and_the_same_every_time(text: str) -> None:
    found = analysis.analyze(text, "folk")
    assert found["recommendations"] and found["genreAdvice"]["suggestions"]
    assert json.loads(json.dumps(found)) == found == analysis.analyze(text, "folk")
    assert analysis.validate(text)["lineCount"] == sum(1 for line in text.split("\n") if line.strip())


ADVERSARIAL = {
    "newlines": "\n" * 20_000,
    "one endless word": "a" * 20_000,
    "one endless line": "la " * 6_600,
    "the same line": "a\n" * 10_000,
    "the same block": "a\n\n" * 6_600,
    "different lines": "\n".join(chr(0x4E00 + n) for n in range(10_000)),
    "different blocks": "\n\n".join(chr(0x4E00 + n) for n in range(6_600)),
    "labels": "[Chorus]\n" * 2_200,
    "labelled lines": "Hook\na\n" * 2_857,
    "labels with blank lines": "Hook\n\n" * 3_300,
    "right to left": "שלום עולם\nمرحبا بالعالم\n\n" * 800,
    "emoji": "❤️😀\n" * 5_000,
    "combining marks": "a" + "\u0316\u0301" * 9_999,
    "windows line ends": "abc def\r\n\r\n" * 1_800,
    "brackets": "[" * 10_000 + "]" * 10_000,
    "drawn line": "-" * 19_999 + "x",
    "colons": "verse:" * 3_300,
    "vowels": "aeiouy" * 3_333,
    "two lines in turn": "a\nb\n" * 5_000,
    "a song many times": (songs.MIDNIGHT_RAIN + "\n\n") * 18,
}


@pytest.mark.parametrize("name", sample(ADVERSARIAL, "different blocks", "emoji", "colons", "a song many times"))
def test_twenty_thousand_characters_of_anything_are_read_quickly(name: str) -> None:
    text = ADVERSARIAL[name][:20_000]
    quarter, whole = (min(_seconds(part) for _ in range(3)) for part in (text[:5_000], text))  # the least disturbed
    assert whole < 10 * quarter + 0.05  # sixteen times would be its square


def _seconds(text: str) -> float:
    began = time.thread_time()
    analysis.analyze(text, "pop", "Verse-Chorus")
    return time.thread_time() - began


def test_twice_the_text_takes_about_twice_the_time() -> None:
    def cpu_seconds(times: int) -> float:
        text = "\n\n".join(f"{verse} {verse}\nand verse {verse} goes on" for verse in range(times))
        took = []
        for _ in range(3):
            began = time.process_time()
            analysis.analyze(text)
            took.append(time.process_time() - began)
        return min(took)

    assert cpu_seconds(800) < 6 * cpu_seconds(200) + 0.05
