"""How apispec reads our schemas, for OpenAPI and AsyncAPI alike."""

from __future__ import annotations

from typing import Any, cast

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.field_converter import FieldConverterMixin
from marshmallow import Schema

from dawg_server.schema import Items, Record
from dawg_server.schema.base import Described
from handlers.schemas.shown import Either

# How callers say who they are; read beside `handlers.rest.session_cookie`.
SECURITY_SCHEMES: dict[str, dict[str, str]] = {
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "dawg_session",
        "description": "Set by signing in; behind HTTPS it is called __Host-dawg_session. It counts where there is no "
        "token. Methods that change something need an accepted Origin, and a JSON body or X-CSRF-Token from "
        "/api/csrf-token.",
    },
}


def marshmallow_plugin() -> MarshmallowPlugin:
    return MarshmallowPlugin(schema_name_resolver=_name)  # type: ignore[arg-type]


def add_own_fields(plugin: MarshmallowPlugin) -> None:
    """To be called once the plugin belongs to a specification."""
    assert plugin.converter is not None
    plugin.converter.attribute_functions.remove(plugin.converter.field2read_only)  # replies have schemas of their own
    plugin.converter.add_attribute_function(_own_fields)  # type: ignore[no-untyped-call]


def _own_fields(self: FieldConverterMixin, field: Any, **_: Any) -> dict[str, Any]:
    if isinstance(field, Either):
        inner = [self.resolve_nested_schema(each) for each in field.schemas()]  # type: ignore[attr-defined]
        words = [{"type": "string", "enum": list(field.words)}] if field.words else []
        null = [{"type": "null"}] if field.allow_none else []
        one, *others = described = [*inner, *words, *null]
        return {"anyOf": described} if others else dict(one)
    if not isinstance(field, Described) or isinstance(field, Record):
        return {}
    if isinstance(field, Items):
        return {"minItems": field.low, "maxItems": field.high}
    return field.described()


def _name(schema: Any) -> str | None:
    """Schemas without a name of their own are described where they are used."""
    kind = schema if isinstance(schema, type) else type(schema)
    assert issubclass(kind, Schema)
    return None if kind.__name__ == "Parameters" else kind.__name__


def tidy(document: dict[str, Any]) -> dict[str, Any]:
    """Names each type of a nullable field once: the library adds `null` again for every use of a schema."""
    return cast("dict[str, Any]", _tidy(document))


def _tidy(node: Any) -> Any:
    if isinstance(node, dict):
        types = node.get("type")
        once = {"type": list(dict.fromkeys(types))} if isinstance(types, list) else {}
        return {key: _tidy(value) for key, value in node.items()} | once
    return [_tidy(each) for each in node] if isinstance(node, list) else node
