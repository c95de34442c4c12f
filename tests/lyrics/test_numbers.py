"""Validation, cost estimates and lengths: what is counted."""

from __future__ import annotations

import pytest

from dawg_server.lyrics import analysis, estimate, genres, structure
from tests.lyrics import songs


def test_a_normal_song_is_valid_and_counted_without_blank_lines() -> None:
    assert analysis.validate(songs.MIDNIGHT_RAIN) == {
        "valid": True,
        "warnings": [],
        "lyricsLength": len(songs.MIDNIGHT_RAIN),
        "lineCount": 29,
    }


@pytest.mark.parametrize(
    ("lyrics", "warnings", "lines"),
    [
        ("a\nb\n\nc", 1, 3),
        ("a\nb\nc\nd", 0, 4),
        ("\n".join(map(str, range(100))), 0, 100),
        ("\n".join(map(str, range(101))), 1, 101),
        ("la\n" * 10, 1, 10),
        ("la\nLA \n la\n" * 100, 2, 300),
        ("a\nb\nc\n" + "c\n" * 7, 0, 10),
        ("", 1, 0),
    ],
)
def test_each_odd_shape_adds_one_warning(lyrics: str, warnings: int, lines: int) -> None:
    found = analysis.validate(lyrics)
    assert (len(found["warnings"]), found["lineCount"], found["valid"]) == (warnings, lines, warnings == 0)


def test_an_estimate_is_the_arithmetic_of_the_price_list() -> None:
    assert estimate.estimate_cost(1001, False, estimate.TokenPrices(input=3, output=15)) == {
        "estimatedCost": 0.014253,
        "inputTokens": 751,
        "outputTokens": 800,
        "breakdown": "Input: 751 tokens ($0.002253), output: 800 tokens ($0.012000), total: $0.014253",
    }
    with_advice = estimate.estimate_cost(1001, True, estimate.TokenPrices(input=3, output=15))
    assert (with_advice["inputTokens"], with_advice["outputTokens"]) == (1351, 1100)


def test_a_computed_analysis_says_how_it_was_made() -> None:
    found = analysis.analyze("la")
    assert found["method"] == "computed"


def test_a_line_lasts_two_bars_at_the_usual_tempo_of_its_genre() -> None:
    eight_lines = structure.read("some words are here\n" * 8)
    assert structure.seconds(eight_lines, genres.resolve("pop")) == 8 * 4
    assert structure.seconds(eight_lines, genres.resolve("hip hop")) == pytest.approx(8 * 4 * 60 / 90, abs=0.5)


def test_a_chorus_named_again_counts_with_its_words_and_its_repeats() -> None:
    once = structure.read("[Chorus]\nla la la\nla la la la")
    again = structure.read("[Chorus]\nla la la\nla la la la\n\n[Chorus x2]")
    assert structure.seconds(again, genres.OTHER) == pytest.approx(3 * structure.seconds(once, genres.OTHER), abs=1)
