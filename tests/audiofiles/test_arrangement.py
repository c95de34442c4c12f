"""Whatever a model says, only the clips that were given to it appear, one section after the other."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dawg_server.audiofiles import arrangement
from dawg_server.schema import FieldError

IDS = ["first", "second", "third"]


@st.composite
def suggestions(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly what would do, now and then with a clip too many, too few or unknown, or with times that overlap."""
    careless = draw(st.booleans())
    names = draw(
        st.lists(st.sampled_from(["c1", "c2", "c3", *(["c4", "first"] if careless else [])]), min_size=1, unique=True)
    )
    sections, at = [], 0.0
    for _ in range(draw(st.integers(1, 4))):
        seconds = draw(st.floats(0.2, 60))
        clips = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=not careless))
        sections.append({"name": "Part", "clips": clips, "startTime": at, "duration": seconds})
        at += seconds - (draw(st.floats(0, 1)) if careless else 0)
    used = list(dict.fromkeys(name for each in sections for name in each["clips"]))
    return {"order": draw(st.permutations(used)) if not careless else names, "reasoning": "So.", "sections": sections}


@given(st.lists(suggestions(), min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_only_given_clips_appear_and_sections_follow_each_other(said: list[dict[str, Any]]) -> None:
    values = {"suggestions": said, "recommendations": ["Play it."]}
    try:
        checked = arrangement.request(len(IDS)).fields.values(values, closed=True)
        found = arrangement.understood(checked, IDS)["arrangementSuggestions"]
    except FieldError:
        return
    for suggestion in found:
        used = {clip for section in suggestion["sections"] for clip in section["clipIds"]}
        assert used == set(suggestion["order"]) <= set(IDS)
        assert len(set(suggestion["order"])) == len(suggestion["order"])
        for one, following in itertools.pairwise(suggestion["sections"]):
            assert following["startTime"] >= one["startTime"] + one["duration"] - arrangement.TOUCHING
