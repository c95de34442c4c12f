"""A model sorts lines; it can neither invent one nor lose one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dawg_server.lyrics import sheet
from dawg_server.schema import FieldError
from tests.lyrics.test_any_text import sung_lines, texts

ROUGH = """the morning comes
Chorus: hold on
walking down the street

counting all my feet
hold on
shopping list: milk"""


def ranges(*lines: int) -> list[dict[str, int]]:
    return [{"lineStart": line, "lineEnd": line} for line in lines]


def part(kind: str, *lines: int) -> dict[str, Any]:
    return {"kind": kind, "ranges": ranges(*lines)}


def gone(line: int) -> dict[str, Any]:
    return {**ranges(line)[0], "reason": "It is no part of the song."}


def sort(parts: list[Any], removed: Any = (), form: Any = ("verse",), text: str = ROUGH) -> dict[str, Any]:
    given = {"parts": parts, "removed": list(removed), "structure": list(form), "suggestions": ["Sing it."]}
    return sheet.sorted_out(sheet.REQUEST.fields.values(given, closed=True), text)


def problem(*arguments: Any, **options: Any) -> dict[str, str]:
    with pytest.raises(FieldError) as caught:
        sort(*arguments, **options)
    return caught.value.problems


def test_lines_are_sorted_by_their_numbers_and_stay_as_they_were_written() -> None:
    sorted_out = sort([part("verse", 2, 4), part("chorus", 1, 0)], [gone(6)], ["verse", "chorus", "verse", "chorus"])
    assert sorted_out == {
        "verses": ["walking down the street\ncounting all my feet"],
        "chorus": "hold on\nthe morning comes",
        "bridge": None,
        "suggestions": ["Sing it.", "Removed: “shopping list: milk”. It is no part of the song."],
        "structure": "Verse-Chorus-Verse-Chorus",
    }


@pytest.mark.parametrize(
    ("parts", "removed", "form", "path", "words"),
    [
        ([part("verse", 2, 4)], [gone(6)], ["verse"], "parts", "sung lines 0, 1, 5"),
        ([part("verse", 0, 1, 2, 4, 6, 6)], [], ["verse"], "parts.0", "line 6 for the second time"),
        ([part("verse", 0, 1, 2, 4, 6)], [gone(6)], ["verse"], "removed.0", "line 6 for the second time"),
        ([part("verse", 0, 1, 2, 4), part("verse", 3)], [gone(6)], ["verse"], "parts.1", "no sung line"),
        ([part("verse", 7)], [], ["verse"], "parts.0", "0 and 6"),
        ([part("chorus", 0, 1), part("chorus", 2, 4)], [gone(6)], ["chorus"], "parts", "once"),
        ([part("chorus", 0, 1, 2, 4)], [gone(6)], ["verse"], "structure", "chorus"),
        ([part("verse", 0, 1, 2, 4)], [gone(6)], ["verse", "bridge"], "structure", "bridge"),
    ],
)
def test_what_does_not_add_up_is_refused(parts: Any, removed: Any, form: Any, path: str, words: str) -> None:
    found = problem(parts, removed, form)
    assert list(found) == [path]
    assert words in found[path]


@st.composite
def sortings(draw: st.DrawFn) -> tuple[str, list[Any], list[Any], list[str]]:
    """A text whose sung lines are dealt out to a few parts, to what is removed, or to nobody."""
    text = draw(texts)
    numbers = draw(st.permutations([number for number, words in sung_lines(text) if words]))
    heaps: dict[str, list[int]] = {name: [] for name in ("verse", "verse again", "chorus", "bridge", "removed", "lost")}
    careless = draw(st.booleans())
    for number in numbers:
        heaps[draw(st.sampled_from(list(heaps)[: None if careless else -1]))].append(number)
    kinds = {"verse": "verse", "verse again": "verse", "chorus": "chorus", "bridge": "bridge"}
    parts = [part(kind, *heaps[name]) for name, kind in kinds.items() if heaps[name]]
    form = list(dict.fromkeys(each["kind"] for each in parts)) or ["verse"]
    return text, parts, [gone(number) for number in heaps["removed"]], form


@given(sortings())
@settings(max_examples=300, deadline=None)
def test_every_sung_line_is_written_or_named_as_removed(sorting: tuple[str, list[Any], list[Any], list[str]]) -> None:
    text, parts, removed, form = sorting
    try:
        found = sort(parts, removed, form, text)
    except FieldError:
        return
    written = "\n".join([*found["verses"], found["chorus"] or "", found["bridge"] or ""]).split("\n")
    told = [one for one in found["suggestions"] if one.startswith("Removed")]
    words = [words for _, words in sung_lines(text)]
    for each in words:
        assert not each or each in written or any(f"“{each}”" in one for one in told)
    assert not set(written) - {*words, ""}
