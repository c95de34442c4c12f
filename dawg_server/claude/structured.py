"""Requests whose answer is JSON: the provider holds it to a schema, and everything beyond that is checked here.

The fields are those of `dawg_server.schema`, all of them `required`. Of JSON Schema the provider knows types, enums,
lists and closed objects; limits are told to the model in words, and checked here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from dawg_server.schema import FieldError, Parameters

MAX_NAMED = 8  # problems that the model is told at once
MAX_CORRECTION = 2000  # bytes, about, that it is told then
_KNOWN = ("type", "enum", "required", "additionalProperties")
_BUILT = ("properties", "items", "description", "default", "examples")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TextRequest:
    """A request to the small model whose answer is text.

    `operation`: its name in the ledger. `feature`: its name in refusals (`Lyrics advice`). `rules`: the system prompt.
    `max_tokens` and `seconds` bound the answer together with its correction.
    """

    operation: str
    feature: str
    rules: str
    max_tokens: int
    seconds: float = 30.0

    def request(self) -> dict[str, Any]:
        """The parameters that are the same whatever the data are."""
        return {"max_tokens": self.max_tokens, "system": self.rules}


@dataclass(frozen=True, slots=True, kw_only=True)
class StructuredRequest(TextRequest):
    """A request whose answer is an object with these fields."""

    fields: Parameters

    def request(self) -> dict[str, Any]:
        schema = wire_schema(self.fields.json_schema())
        return {
            "max_tokens": self.max_tokens,
            "system": self.rules,
            "output_config": {"format": {"type": "json_schema", "schema": schema}},
        }

    def read(self, text: str, understand: Callable[[dict[str, Any]], T]) -> T:
        """What `understand` makes of the checked fields. Raises `FieldError`, as `understand` may too."""
        try:
            given = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise FieldError("is not complete JSON") from None
        return understand(self.fields.values(given, closed=True))


def wire_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """JSON Schema in the provider's dialect: what it does not know becomes part of the description."""
    if isinstance(schema.get("type"), list):
        kinds = [wire_schema({**schema, "type": kind} if kind != "null" else {"type": kind}) for kind in schema["type"]]
        return {"anyOf": kinds}
    told = {name: schema[name] for name in _KNOWN if name in schema}
    if "enum" in told:
        del told["type"]
    if "properties" in schema:
        told["properties"] = {name: wire_schema(each) for name, each in schema["properties"].items()}
    if "items" in schema:
        told["items"] = wire_schema(schema["items"])
    limits = ", ".join(f"{name} {value:g}" for name, value in schema.items() if name not in (*_KNOWN, *_BUILT))
    if described := " ".join(filter(None, (schema.get("description"), f"({limits})" if limits else ""))):
        told["description"] = described
    return told


def correction(wrong: FieldError) -> str:
    """What the model is told about an answer that cannot be used."""
    named = [f"- {path or 'The answer'}: {sentence}" for path, sentence in wrong.problems.items()][:MAX_NAMED]
    return "That answer cannot be used:\n" + "\n".join(named) + "\nAnswer once more, completely, with this put right."
