"""How apispec reads our schemas, for OpenAPI and AsyncAPI alike."""

from __future__ import annotations

from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.field_converter import FieldConverterMixin
from marshmallow import Schema

from dawg_server.schema import Items, Record
from dawg_server.schema.base import Described

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
    plugin.converter.add_attribute_function(_own_fields)  # type: ignore[no-untyped-call]


def _own_fields(self: FieldConverterMixin, field: Any, **_: Any) -> dict[str, Any]:
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
