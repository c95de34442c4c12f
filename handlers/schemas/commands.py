"""Bodies whose fields are declared where the document is: `dawg_server.daw.schema` checks them, and quickly.

Their values keep the names of the wire (camelCase), because that is how commands and the log know them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import fields

from dawg_server.daw.schema import Field, Parameters
from handlers.schemas.base import Body


class Declared(fields.Field[Any]):
    """Documents one field; `ParametersBody` does the checking."""

    def __init__(self, schema: dict[str, Any], required: bool) -> None:
        super().__init__(required=required, allow_none="null" in schema.get("type", ()), metadata=schema)


class ParametersBody(Body):
    """A body that is `parameters`."""

    parameters: ClassVar[Parameters]

    def load(self, data: Any, **_: Any) -> Any:
        """Raises `errors.ValidationError`."""
        return self.parameters.check(data)


def body(name: str, about: str, parameters: Parameters | Mapping[str, Field]) -> type[Body]:
    """The schema of a request; `about` is a sentence for the documents."""
    checked = parameters if isinstance(parameters, Parameters) else Parameters(parameters)
    schema = checked.schema()
    required = schema.get("required", ())
    declared: dict[str, Any] = {
        field_name: Declared(field, field_name in required) for field_name, field in schema["properties"].items()
    }
    return type(name, (ParametersBody,), {"__doc__": about, "parameters": checked, **declared})
