"""How apispec reads our schemas, for OpenAPI and AsyncAPI alike."""

from __future__ import annotations

from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.field_converter import FieldConverterMixin
from marshmallow import Schema

from dawg_server.schema.fields import Described, Items, Record


def marshmallow_plugin() -> MarshmallowPlugin:
    return MarshmallowPlugin(schema_name_resolver=_name)  # type: ignore[arg-type]


def add_own_fields(plugin: MarshmallowPlugin) -> None:
    """To be called once the plugin belongs to a specification."""
    assert plugin.converter is not None
    plugin.converter.add_attribute_function(_own_fields)  # type: ignore[no-untyped-call]


def _own_fields(self: FieldConverterMixin, field: Any, **_: Any) -> dict[str, Any]:
    if not isinstance(field, Described) or isinstance(field, Record):
        return {}
    if isinstance(field, Items):
        return {"minItems": field.low, "maxItems": field.high}
    described = field.json_schema()
    return {name: value for name, value in described.items() if name not in ("description", "default")}


def _name(schema: Any) -> str | None:
    """Schemas without a name of their own are described where they are used."""
    kind = schema if isinstance(schema, type) else type(schema)
    assert issubclass(kind, Schema)
    return None if kind.__name__ == "Parameters" else kind.__name__
