"""Bodies and payloads whose fields are declared where the document is.

Their values keep the names of the wire (camelCase), because that is how commands and the log know them.
"""

from __future__ import annotations

from collections.abc import Mapping

from dawg_server.schema import AnyField, Parameters, parameters


def body(name: str, about: str, declared: Parameters | Mapping[str, AnyField]) -> type[Parameters]:
    """The schema of a request; `about` is a sentence for the documents."""
    schema = declared if isinstance(declared, Parameters) else parameters(declared)
    return type(name, (type(schema),), {"__doc__": about})
