"""Values that fit a JSON Schema, with the ids in them left open: what a stranger would send, made from the documents."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Schemas = Mapping[str, Any]

# Which kind of thing a name means: the word that ends last in it decides, and the longest of several.
KINDS = (
    ("project", "project"),
    ("user", "user"),
    ("conversation", "conversation"),
    ("message", "message"),
    ("memor", "memory"),
    ("job", "job"),
    ("generation", "job"),
    ("alert", "alert"),
    ("version", "version"),
    ("number", "version"),
    ("audio", "audio"),
    ("track", "track"),
    ("clip", "clip"),
    ("likeclip", "notes"),
    ("other.clipids", "otherClip"),
    ("send", "send"),
    ("destination", "bus"),
    ("destinationtrack", "bus"),
    ("collaborator", "collaborator"),
    ("group", "group"),
    ("sidechaintrack", "sidechain"),
    ("device", "device"),
    ("automation", "automation"),
    ("take", "take"),
    ("freeze", "freeze"),
    ("marker", "marker"),
    ("section", "section"),
    ("chord", "chord"),
    ("tempoevent", "tempoEvent"),
    ("timesignatureevent", "timeSignatureEvent"),
    ("link", "link"),
)
# What is meant where a word in the name of a route says more than the names of its ids.
NOTES = ("transpose", "humanize", "velocity-ramp", "legato", "notes")
ABOUT = {"ungroup": ("group",), **dict.fromkeys(NOTES, ("notes",))}
_ID = re.compile(
    r"(^|_)(ids?|number|job)$|(Ids?|Destination|selectedClips|selectedTracks)$|^(selectedClips|selectedTracks)$"
)
# Names that clients give to their own requests: no thing of the server has them.
OWN_NAMES = {"clientOperationId", "requestId", "taskId", "callId", "voiceId"}


@dataclass
class Slot:
    """A place for an id: where it stands and which kinds of things may be meant."""

    path: str
    kinds: tuple[str, ...]


@dataclass
class Sample:
    """A value with slots in it; `filled` puts ids into them, in the order of `slots`."""

    value: Any
    slots: list[Slot] = field(default_factory=list)

    def filled(self, ids: list[str]) -> Any:
        return _fill(copy.deepcopy(self.value), iter(ids))

    def with_example(self, example: dict[str, Any]) -> None:
        """Puts fields over those of the value, `...` for what is left out, and knows which slots are left."""
        self.value = over(self.value, example)
        self.slots = list(_slots(self.value))


def kinds_of(path: str) -> tuple[str, ...]:
    """What an id at `path` (names with dots between) may mean; nothing known means anything."""
    place = path.lower()
    found = [(place.rfind(word) + len(word), len(word), kind) for word, kind in KINDS if word in place]
    return (max(found)[2],) if found else ()


def is_id(name: str) -> bool:
    return name not in OWN_NAMES and bool(_ID.search(name))


def sample(schema: Any, schemas: Schemas, route: str = "") -> Sample:
    """The smallest value that fits, besides every id that it may hold. `route` tells which jobs are meant."""
    slots: list[Slot] = []
    value = _value(schema, schemas, "", slots)
    for slot in slots:
        if slot.kinds == ("job",):
            slot.kinds = tuple(kind for kind in ("render", "separation") if f"/{kind}/" in route) or ("job",)
        slot.kinds = next((kinds for word, kinds in ABOUT.items() if word in route), slot.kinds)
        if slot.path == "path.id":  # a bare id is of what the route is about; memories are read by their owner's
            slot.kinds = ("user",) if route.startswith("GET") and "/memory/" in route else kinds_of(route)
    return Sample(value, slots)


def resolved(schema: Any, schemas: Schemas) -> dict[str, Any]:
    """The schema without references; of several that may hold, the first."""
    if "$ref" in schema:
        return resolved(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "allOf" in schema:
        merged: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
        for part in schema["allOf"]:
            found = resolved(part, schemas)
            merged["properties"] |= found.get("properties", {})
            merged["required"] += found.get("required", [])
        return merged
    for several in ("oneOf", "anyOf"):
        if several in schema:
            return resolved(schema[several][0], schemas)
    return dict(schema)


def over(sample: Any, example: dict[str, Any]) -> Any:
    """The sample with the example's fields over it, and without those that are `...` there."""
    if not example:
        return sample
    found = {
        **sample,
        **{
            name: over(sample[name], value) if isinstance(value, dict) and name in sample else value
            for name, value in example.items()
        },
    }
    return {name: value for name, value in found.items() if value is not ...}


def _slots(value: Any) -> Iterator[Slot]:
    if isinstance(value, Slot):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _slots(inner)


def _value(schema: Any, schemas: Schemas, path: str, slots: list[Slot]) -> Any:
    schema = resolved(schema, schemas)
    kind = schema.get("type")
    kind = next((each for each in kind if each != "null"), "null") if isinstance(kind, list) else kind
    if kind == "array":
        items, count = schema.get("items", {}), max(1, schema.get("minItems", 0))
        return [_value(items, schemas, _numbered(path, number), slots) for number in range(count)]
    if kind == "object":
        return dict(_members(schema, schemas, path, slots))
    name = path.rpartition(".")[2]
    if is_id(name) and kind in ("string", None):
        slots.append(Slot(path, kinds_of(path)))
        return slots[-1]
    return _plain(schema, kind)


def _numbered(path: str, number: int) -> str:
    """The path of one of several, which are not the same one."""
    parent, _, name = path.rpartition(".")
    return f"{parent}.other.{name}" if number else path


def _members(schema: Any, schemas: Schemas, path: str, slots: list[Slot]) -> Iterator[tuple[str, Any]]:
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        inner = resolved(inner, schemas)
        below = f"{path}.{name}" if path else name
        if name in required or is_id(name) or (inner.get("type") == "object" and _holds_ids(inner, schemas)):
            yield name, _value(inner, schemas, below, slots)


def _holds_ids(schema: Any, schemas: Schemas) -> bool:
    return any(is_id(name) for name in resolved(schema, schemas).get("properties", {}))


def _plain(schema: Any, kind: str | None) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("examples"):
        return schema["examples"][0]
    if schema.get("default") is not None:
        return schema["default"]
    if schema.get("contentMediaType"):
        return b""
    if kind in ("number", "integer"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        return min(low, schema.get("maximum", low))
    if kind == "boolean":
        return False
    if schema.get("format") == "email":
        return "nobody@example.com"
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00.000Z"
    return "x" * max(1, schema.get("minLength", 1)) if kind == "string" else {}


def _fill(value: Any, ids: Iterator[str]) -> Any:
    if isinstance(value, Slot):
        return next(ids)
    if isinstance(value, dict):
        return {name: _fill(inner, ids) for name, inner in value.items()}
    return [_fill(inner, ids) for inner in value] if isinstance(value, list) else value
