from __future__ import annotations

import random

import pytest

from dawg_server.music import patterns


def test_symbols_divide_the_bar_and_holds_lengthen() -> None:
    assert patterns.read("x--- ..o. .... ...g", 0) == (
        patterns.Stroke(0.0, 1.0, 0.25, "x"),
        patterns.Stroke(1.5, 0.25, 0.25, "o"),
        patterns.Stroke(3.75, 0.25, 0.25, "g"),
    )
    assert [event.offset for event in patterns.read("x.. .x. ..x ...", 0)] == pytest.approx([0, 4 / 3, 8 / 3])


def test_bars_take_turns() -> None:
    assert [patterns.read("x... | .x..", number)[0].offset for number in range(4)] == [0, 1, 0, 1]
    assert patterns.bars_in("x... | .x..") == 2


def test_a_waltz_borrows_the_first_second_and_fourth_beat() -> None:
    assert [event.symbol for event in patterns.read("abcd", 0, patterns.Metre((0, 1, 3)))] == ["a", "b", "d"]


def test_compound_beats_have_three_eighths() -> None:
    six_eight = patterns.Metre((0, 1), compound=True)
    assert [event.offset for event in patterns.read("x.x. X.xx .... ....", 0, six_eight)] == [0, 1, 1.5, 2.5]
    assert patterns.read("x--- ---- .... ....", 0, six_eight) == (patterns.Stroke(0, 3, 0.5, "x"),)


def test_a_bar_that_does_not_divide_into_beats_is_refused() -> None:
    with pytest.raises(ValueError, match="four beats"):
        patterns.read("x..x.", 0)


def test_density_picks_sparse_or_busy_and_loud_sections_are_never_sparser() -> None:
    options = ["sparse", "middle", "busy"]
    for seed in range(20):
        calm, loud = patterns.pick(options, random.Random(seed).uniform(-1, 1), random.Random(seed))
        assert options.index(calm) < options.index(loud)
    assert patterns.pick(options, -1, random.Random(1))[0] == "sparse"
    assert patterns.pick(options, 1, random.Random(1))[1] == "busy"
