"""Parameters: strict about types, lenient about spellings, and the same in words for people and for machines."""

from __future__ import annotations

from typing import Any

import pytest

from dawg_server import errors
from dawg_server.schema import (
    Choice,
    Colour,
    Flag,
    Id,
    Items,
    JsonValue,
    Key,
    Number,
    OneNumber,
    Record,
    Text,
    TimeSignature,
    parameters,
)

INNER = parameters({"pan": Number(-1, 1, required=True)})
EVERY = parameters(
    {
        "name": Text(1, 10, required=True),
        "count": Number(1, 4, whole=True, load_default=2),
        "rate": OneNumber((1, 2)),
        "on": Flag(load_default=False),
        "kind": Choice(("AUDIO", "MIDI")),
        "id": Id("track", words=("master",)),
        "key": Key(),
        "meter": TimeSignature(),
        "color": Colour(allow_none=True),
        "list": Items(Record(INNER), 1, 2),
        "more": JsonValue(20, objects=True),
        "bpm": Number(20, 300, decimals=2),
        "long": Number(0, None, over=True),
    },
    aliases={"tempo": "bpm"},
)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "   "),
        ("name", "x" * 11),
        ("name", 3),
        ("name", None),
        ("name", "a\x07b"),
        ("name", "\x00"),
        ("count", 0),
        ("count", 5),
        ("count", 1.5),
        ("count", True),
        ("count", "2"),
        ("count", float("nan")),
        ("rate", 3),
        ("rate", True),
        ("on", 1),
        ("on", "true"),
        ("kind", "AUX"),
        ("kind", ["AUDIO"]),
        ("id", "x"),
        ("id", 7),
        ("key", "H"),
        ("key", 5),
        ("meter", "33/4"),
        ("meter", "4/3"),
        ("meter", 4),
        ("color", "#12345"),
        ("color", 0),
        ("list", []),
        ("list", [{"pan": 0}] * 3),
        ("list", [{"pan": 2}]),
        ("list", {"pan": 0}),
        ("list", [None]),
        ("more", [1]),
        ("more", {"x": "x" * 20}),
        ("more", {1: object()}),
        ("bpm", 10**400),
        ("bpm", float("inf")),
        ("long", 0),
    ],
)
def test_a_wrong_value_is_refused_under_its_name(field: str, value: Any) -> None:
    with pytest.raises(errors.ValidationError) as caught:
        EVERY.check({"name": "x", field: value})
    assert [path.split(".")[0] for path in caught.value.details or ()] == [field]


def test_values_come_out_as_they_are_kept() -> None:
    id = "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"
    assert EVERY.check(
        {
            "name": " Kick\n",
            "count": 3.0,
            "rate": 2.0,
            "kind": "midi",
            "id": id,
            "key": "f♯ minor",
            "meter": "6 / 8",
            "color": "#AABBCC",
            "list": [{"pan": 1, "x": 0}],
            "tempo": 93.456,
            "unknown": 1,
        }
    ) == {
        "name": "Kick",
        "count": 3,
        "rate": 2,
        "kind": "MIDI",
        "id": id.lower(),
        "key": "F#m",
        "meter": "6/8",
        "color": "#aabbcc",
        "list": [{"pan": 1}],
        "bpm": 93.46,
        "on": False,
    }


def test_closed_parameters_refuse_what_they_do_not_know() -> None:
    with pytest.raises(errors.ValidationError) as caught:
        EVERY.check({"name": "x", "swing": 1}, closed=True)
    assert caught.value.details == {"swing": "is not known here"}


def test_changes_have_no_defaults_and_null_only_clears() -> None:
    changes = parameters(EVERY.declared, changes=True)
    assert changes.check({}) == {}
    assert changes.check({"color": None, "count": 1}) == {"color": None, "count": 1}
    with pytest.raises(errors.ValidationError):
        changes.check({"count": None})
    assert EVERY.check({"name": "x", "count": None})["count"] == 2
    assert "required" not in changes.json_schema()
    assert EVERY.json_schema()["required"] == ["name"]


@pytest.mark.parametrize("data", [None, [], "x", 3, True])
def test_anything_but_an_object_is_refused(data: Any) -> None:
    with pytest.raises(errors.ValidationError):
        EVERY.check(data)


def test_the_ids_that_values_name_are_found_wherever_they_are() -> None:
    one, two = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    deep = parameters(
        {
            "ids": Items(Id("clip"), 0, 9),
            "at": Record(parameters({"trackId": Id("track")})),
            "out": Id("track", words=("master",)),
        }
    )
    found = list(deep.ids(deep.check({"ids": [one, two], "at": {"trackId": one}, "out": "master"})))
    assert found == [("clip", one), ("clip", two), ("track", one)]
