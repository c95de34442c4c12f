"""Payloads that cannot be right: junk, and what the documents ask for with one thing in it that they do not allow."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.tenants import samples

NAN, INFINITY = float("nan"), float("inf")
MISSING: Any = object()


@dataclass(frozen=True)
class Raw:
    """Text that goes out in the place of JSON."""

    text: str


DEEP = Raw('{"a":' * 150 + "1" + "}" * 150)
BOTTOMLESS = Raw("[" * 100_000)
HUGE = "x" * 300_000
JUNK: list[Any] = [
    None,
    0,
    -1,
    1.5,
    2**60,
    -1e308,
    NAN,
    INFINITY,
    True,
    False,
    "",
    "text",
    "constructor",
    "'; DROP TABLE tracks; --",
    "\x00",
    "\x1b[2J\x07",
    "💥" * 50,
    [],
    [[]],
    [None],
    {},
    {"": {}},
    {"a": {"b": {"c": [1]}}},
    {"__proto__": 1},
    "x" * 20_000,
    ["x"] * 3000,
    Raw('"\\ud800"'),
    Raw("1e999"),
    Raw("01"),
    Raw("{'a': 1}"),
    Raw('{"a": 1'),
    Raw(""),
    DEEP,
    BOTTOMLESS,
    HUGE,
]
# What is wrong wherever a value of that JSON type is asked for.
WRONG: dict[str, list[Any]] = {
    "string": [0, 1.5, NAN, True, [], {}, ["text"], {"id": "text"}, DEEP],
    "number": ["", "12", "NaN", NAN, -INFINITY, True, [1], {}, Raw("1e999"), DEEP],
    "integer": ["", "12", 1.5, NAN, INFINITY, True, [1], {}, Raw("1e999"), DEEP],
    "boolean": [0, 1, "true", "", NAN, [], {}, DEEP],
    "array": [0, "text", True, {}, {"0": "text"}, NAN, DEEP],
    "object": [0, "text", True, [], [["a", 1]], NAN, DEEP],
}
CONTROL = ("\x00", "\x07", "\x1b[2J", "\x7f")


def breaks(schema: Any, schemas: Mapping[str, Any], value: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """(path, replacement) of everything that can be done to `value`, which fits the schema, so that it does not."""
    return list(_breaks(schema, schemas, value, ()))


def _breaks(
    schema: Any, schemas: Mapping[str, Any], value: Any, path: tuple[Any, ...]
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    schema = samples.resolved(schema, schemas)
    types = schema.get("type", [])
    types = types if isinstance(types, list) else [types]
    kind = next((each for each in types if each != "null"), None)
    if kind is None or "oneOf" in schema or "anyOf" in schema:
        return
    yield from ((path, wrong) for wrong in WRONG[kind])
    yield from ((path, wrong) for wrong in _out_of_bounds(schema, kind))
    if kind == "object":
        for name, inner in schema.get("properties", {}).items():
            below = (*path, name)
            if name in schema.get("required", ()):
                yield below, MISSING
                yield below, None
            yield from _breaks(inner, schemas, value.get(name) if isinstance(value, dict) else None, below)
    elif kind == "array" and value:
        yield from _breaks(schema.get("items", {}), schemas, value[0], (*path, 0))


def _out_of_bounds(schema: Mapping[str, Any], kind: str) -> Iterator[Any]:
    if (low := schema.get("minimum", schema.get("exclusiveMinimum"))) is not None:
        yield low - 1
    if (high := schema.get("maximum")) is not None:
        yield high + 1
        yield 10**30
    if (longest := schema.get("maxLength")) is not None:
        yield "x" * (longest + 1)
    if (most := schema.get("maxItems")) is not None:
        yield ["x"] * (most + 1)
    if schema.get("enum"):
        yield "constructor"
    if kind == "string":
        yield from (f"a{each}b" for each in CONTROL)
        if schema.get("format") == "uuid":
            yield from ("nonsense", "00000000-0000-0000-0000-00000000000g", "", "../../etc/passwd")


def broken(value: Any, path: tuple[Any, ...], replacement: Any) -> Any:
    """A copy of the value with that done to it."""
    if not path:
        return replacement
    value = copy.deepcopy(value)
    place = value
    for step in path[:-1]:
        if isinstance(place, dict) and place.get(step) is None:
            place[step] = {}
        place = place[step]
    if replacement is MISSING:
        place.pop(path[-1], None)
    else:
        place[path[-1]] = replacement
    return value


def dumps(value: Any) -> str:
    """JSON, besides what is none."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{dumps(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dumps, value)) + "]"
    return json.dumps(value)


def junk(dice: random.Random) -> Any:
    return dice.choice(JUNK)
