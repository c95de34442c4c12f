"""Whether what servers say is what their descriptions promise: nothing is missing, and nothing is there that is not told.

Every event and ack that a client of the tests gets is held against `/asyncapi.json`; what differs fails the test during
which it was said. `Replies` does the same for `/openapi.json`.
"""

from __future__ import annotations

import functools
import re
from typing import Any

import jsonschema_rs

from dawg_server.daw import entity as registry
from handlers import asyncapi
from handlers.rest import openapi
from handlers.rest.routes import Route


class Descriptions:
    """What was said of each thing, compiled when it is first needed."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._components = {"components": _closed(document["components"])}
        self._validators: dict[int, jsonschema_rs.Validator] = {}

    def differences(self, schema: dict[str, Any], value: Any) -> list[str]:
        validator = self._validators.get(id(schema))
        if validator is None:
            whole = {**self._components, **_closed(schema)}
            validator = self._validators[id(schema)] = jsonschema_rs.validator_for(whole)
        return [_said(each) for each in validator.iter_errors(value)]


def event_differences(namespace: str, name: str, payload: Any) -> list[str]:
    """Of a payload from what is published; none for events that are not this server's."""
    document, descriptions = _sockets(registry.contents())
    operation = document["operations"].get(f"send {namespace} {name}")
    if operation is None:
        return []
    message = document["channels"][namespace]["messages"][name]
    return [f"{namespace} {name} {each}" for each in descriptions.differences(message["payload"], payload)]


def ack_differences(namespace: str, name: str, ack: Any) -> list[str]:
    document, descriptions = _sockets(registry.contents())
    message = document["channels"].get(namespace, {"messages": {}})["messages"].get(name)
    if message is None or "x-ack" not in message or ack is None:
        return []
    wanted = message["x-ack"]["anyOf"][0 if ack.get("success") else 1]
    return [f"ack of {namespace} {name} {each}" for each in descriptions.differences(wanted, ack)]


class Replies:
    """Of a server with these routes."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        document = openapi.document(routes)
        self._descriptions = Descriptions(document)
        self._operations = [
            (re.compile(re.sub(r"{\w+}", "[^/]+", path)), operation)
            for path, operation in sorted(document["paths"].items(), key=lambda each: "{" in each[0])
        ]

    def differences(self, method: str, path: str, status: int, body: Any) -> list[str]:
        for pattern, operation in self._operations:
            if pattern.fullmatch(path) and method.lower() in operation:
                content = operation[method.lower()]["responses"].get(str(status), {}).get("content", {})
                schema = content.get("application/json", {}).get("schema")
                found = self._descriptions.differences(schema, body) if schema else []
                return [f"{method} {path} -> {status} {each}" for each in found]
        return []


def reply_differences(routes: tuple[Route, ...], method: str, path: str, status: int, body: Any) -> list[str]:
    return _replies(routes, registry.contents()).differences(method, path, status, body)


@functools.lru_cache(maxsize=2)
def _replies(routes: tuple[Route, ...], _: Any) -> Replies:
    """Servers with the same routes and entities share what is compiled."""
    return Replies(routes)


@functools.cache
def _sockets(_: Any) -> tuple[dict[str, Any], Descriptions]:
    document = asyncapi.document()
    return document, Descriptions(document)


def _said(error: jsonschema_rs.ValidationError) -> str:
    """Of what is none of several things: how it differs from the nearest."""
    others = getattr(error.kind, "context", None)
    said = error.message[:300]
    if others:
        said = "; ".join(map(_said, min(others, key=lambda each: (_is_of_another_type(each), len(each)))))
    return f"{'/'.join(map(str, error.instance_path))}: {said}"


def _is_of_another_type(found: list[jsonschema_rs.ValidationError]) -> bool:
    return any(error.instance_path[-1:] == ["type"] or error.kind.name == "type" for error in found)


def _closed(node: Any) -> Any:
    """The same schema, for objects that have no more than what it names; what requires nothing stays open."""
    if isinstance(node, list):
        return [_closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    closed = {name: _closed(value) for name, value in node.items()}
    if node.get("type") == "object" and node.get("required") and node.get("properties"):
        closed.setdefault("additionalProperties", False)
    return closed
