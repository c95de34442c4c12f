"""Structured requests: in the provider's dialect of JSON Schema, and checked by us in all that it does not know."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest

from dawg_server.audiofiles import arrangement
from dawg_server.claude.structured import StructuredRequest, correction, wire_schema
from dawg_server.lyrics import reading, sheet
from dawg_server.schema import Choice, FieldError, Items, Number, Record, Text, parameters

FIELDS = parameters(
    {
        "mood": Choice(("bright", "dark"), "how it feels", required=True),
        "bars": Items(
            Record(parameters({"at": Number(0, 99, whole=True, required=True, allow_none=True)})), 1, 3, required=True
        ),
        "why": Text(1, 10, required=True),
    }
)
REQUEST = StructuredRequest("test", "A test", "Fill it in.", 100, fields=FIELDS)
GOOD = {"mood": "dark", "bars": [{"at": 3}, {"at": None}], "why": "so"}
REQUESTS = [
    REQUEST,
    reading.ANALYSIS,
    reading.ANALYSIS_WITH_GENRE,
    reading.ADVICE,
    sheet.REQUEST,
    arrangement.request(2),
    arrangement.request(10),
]


def test_limits_that_the_provider_does_not_know_are_told_in_words() -> None:
    assert wire_schema(FIELDS.json_schema()) == {
        "type": "object",
        "properties": {
            "mood": {"enum": ["bright", "dark"], "description": "how it feels"},
            "bars": {
                "type": "array",
                "description": "(minItems 1, maxItems 3)",
                "items": {
                    "type": "object",
                    "required": ["at"],
                    "additionalProperties": False,
                    "properties": {
                        "at": {
                            "anyOf": [{"type": "integer", "description": "(minimum 0, maximum 99)"}, {"type": "null"}]
                        },
                    },
                },
            },
            "why": {"type": "string", "description": "(minLength 1, maxLength 10)"},
        },
        "required": ["mood", "bars", "why"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize("form", REQUESTS, ids=lambda form: form.operation)
def test_every_form_is_as_the_sdk_would_make_it_and_leaves_nothing_open(form: StructuredRequest) -> None:
    schema = form.request()["output_config"]["format"]["schema"]
    assert anthropic.transform_schema(schema) == schema
    for each in objects(schema):
        assert list(each["properties"]) == each["required"]


def objects(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for each in schema for found in objects(each)]
    if not isinstance(schema, dict):
        return []
    inner = [found for each in schema.values() for found in objects(each)]
    return [schema, *inner] if schema.get("type") == "object" and "properties" in schema else inner


def test_a_good_answer_is_understood() -> None:
    text = '{"mood": "dark", "bars": [{"at": 3}, {"at": null}], "why": "so"}'
    assert REQUEST.read(text, lambda values: values) == GOOD


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ""),
        ("Sure! Here it is: {}", ""),
        ('{"mood": "dark", "ba', ""),
        ("[]", ""),
        ("null", ""),
        ('{"mood": "odd", "bars": [{"at": 1}], "why": "so"}', "mood"),
        ('{"mood": "dark", "bars": [], "why": "so"}', "bars"),
        ('{"mood": "dark", "bars": [{"at": 100}], "why": "so"}', "bars.0.at"),
        ('{"mood": "dark", "bars": [{"at": 1}], "why": " "}', "why"),
        ('{"mood": "dark", "bars": [{"at": 1}]}', "why"),
        ('{"mood": "dark", "bars": [{"at": 1}], "why": "so", "more": 1}', "more"),
        ("[" * 100_000, ""),
    ],
)
def test_what_is_wrong_is_named_for_the_model(text: str, path: str) -> None:
    with pytest.raises(FieldError) as caught:
        REQUEST.read(text, lambda values: values)
    assert list(caught.value.problems) == [path]
    assert (f"- {path}: " if path else "- The answer: ") in correction(caught.value)
