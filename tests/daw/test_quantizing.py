"""The grid: triplets, swing, bars of any length, and which line is the nearest."""

from __future__ import annotations

import pytest

from dawg_server.daw.quantizing import DIVISIONS, Grid
from dawg_server.daw.tempo_map import MetreChange, TempoMap

FOUR = TempoMap(120)
NOTE = {"pitch": 60, "start": 0.0, "duration": 1.0, "velocity": 90}


@pytest.mark.parametrize(
    ("division", "beat", "line"),
    [
        ("quarter", 0.5, 1),
        ("quarter", 1.5, 2),
        ("quarter", 2.4999999999, 3),
        ("quarter", -0.3, 0),
        ("32nd", 0.19, 0.25),
        ("32nd", 0.0625, 0.125),
        ("8thTriplet", 0.4, 1 / 3),
        ("8thTriplet", 7.6, 7 + 2 / 3),
        ("quarterTriplet", 1.2, 4 / 3),
        ("halfTriplet", 3.9, 4),
    ],
)
def test_the_nearest_line(division: str, beat: float, line: float) -> None:
    assert Grid(FOUR, DIVISIONS[division]).line(beat) == pytest.approx(line)


def test_every_second_line_swings() -> None:
    grid = Grid(FOUR, DIVISIONS["8th"], swing=2 / 3)
    assert [grid.line(beat) for beat in (0.1, 0.5, 0.8, 0.9, 1.6)] == pytest.approx([0, 2 / 3, 2 / 3, 1, 5 / 3])
    assert Grid(FOUR, DIVISIONS["8th"], swing=0.5).line(0.6) == 0.5


def test_the_grid_begins_anew_at_each_bar_line() -> None:
    grid = Grid(TempoMap(120, (), "7/8", [MetreChange(2, "4/4")]), DIVISIONS["quarter"])
    assert [grid.line(beat) for beat in (3.2, 3.3, 4.4, 7.1, 8.1)] == [3, 3.5, 4.5, 7, 8]


def test_strength_goes_a_part_of_the_way() -> None:
    assert Grid(FOUR, 1.0, strength=0.5).moved(0.8) == pytest.approx(0.9)
    assert Grid(FOUR, 1.0, strength=0.0).moved(0.8) == 0.8


def test_ends_are_moved_on_request_and_something_is_left_of_each_note() -> None:
    grid = Grid(FOUR, 1.0)
    notes = [{**NOTE, "start": 0.9, "duration": 1.3}, {**NOTE, "start": 1.9, "duration": 0.2}]
    assert [(each["start"], each["duration"]) for each in grid.notes(notes, 0, ends=False)] == [(1, 1.3), (2, 0.2)]
    assert [(each["start"], each["duration"]) for each in grid.notes(notes, 0, ends=True)] == [(1, 1), (2, 1 / 32)]


def test_no_note_leaves_its_material() -> None:
    assert Grid(FOUR, 1.0).notes([{**NOTE, "start": 0.1}], 0.3, ends=False)[0]["start"] == 0
