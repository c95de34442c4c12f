"""AsyncAPI 3.0 of every socket event, from the declarations of both directions."""

from __future__ import annotations

import inspect
from typing import Any

from apispec import APISpec

from dawg_server import __version__
from dawg_server.schema import Body
from handlers import relay
from handlers.schemas.spec import SECURITY_SCHEMES, add_own_fields, marshmallow_plugin
from handlers.sockets import tables
from handlers.sockets.transport.manager import ALIASES


def document() -> dict[str, Any]:
    plugin = marshmallow_plugin()
    spec = APISpec("DAWG sockets", __version__, "3.1.0", plugins=[plugin])
    add_own_fields(plugin)
    channels: dict[str, Any] = {}
    every = tables.every()
    operations: dict[str, Any] = {}
    for table in every:
        messages: dict[str, Any] = {}
        for event in table.all:
            messages[event.name] = {
                "name": event.name,
                "summary": event.summary,
                "description": inspect.getdoc(event.handler) or "",
                "payload": _payload(spec, event.payload),
                "x-ack": _schema(spec, event.ack),
            }
            operations[_id(table.namespace, event.name, "receive")] = _operation("receive", table.namespace, event.name)
        channels[table.namespace] = {"address": table.namespace, "messages": messages}
    sent = [("/", name, meaning) for name, meaning in relay.documented()]
    sent += [(table.namespace, name, meaning) for table in every for name, meaning in table.sent.items()]
    for namespace, name, meaning in sent:
        channels[namespace]["messages"][name] = {"name": name, "description": meaning, "payload": {"type": "object"}}
        operations[_id(namespace, name, "send")] = _operation("send", namespace, name)
    for alias, namespace in ALIASES.items():
        channel = _channel(namespace)
        messages = {name: {"$ref": f"{channel}/messages/{name}"} for name in channels[namespace]["messages"]}
        about = f"Another name of `{namespace}`: the same events, rooms and acks."
        channels[alias] = {"address": alias, "description": about, "messages": messages}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "DAWG sockets",
            "version": __version__,
            "description": "Socket.IO at /socket.io. Every event takes an ack callback; one whose payload "
            "may be null may be sent without any. A connection is known by "
            "`auth: {token}`, an Authorization header or the session cookie. Of a change that a user makes over REST "
            "with `X-Socket-Id`, that socket is not told; without, all the user's sockets are, with `own: true`.",
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "schemas": spec.to_dict().get("components", {}).get("schemas", {}),
            "securitySchemes": {name: _scheme(each) for name, each in SECURITY_SCHEMES.items()},
        },
    }


def _scheme(scheme: dict[str, str]) -> dict[str, str]:
    """AsyncAPI's word for a key in a cookie is another one than OpenAPI's."""
    return scheme | {"type": "httpApiKey"} if scheme["type"] == "apiKey" else scheme


def _schema(spec: APISpec, schema: Body | None) -> dict[str, Any]:
    if schema is None:
        return {"type": "object"}
    name = type(schema).__name__
    if name not in spec.components.schemas:
        spec.components.schema(name, schema=schema)
    return {"$ref": f"#/components/schemas/{name}"}


def _payload(spec: APISpec, schema: Body | None) -> dict[str, Any]:
    """What requires nothing may be left out, which a schema can only say as null."""
    described = _schema(spec, schema)
    if schema is not None and any(field.required for field in schema.fields.values()):
        return described
    return {"anyOf": [described, {"type": "null"}]}


def _operation(action: str, namespace: str, name: str) -> dict[str, Any]:
    channel = _channel(namespace)
    operation: dict[str, Any] = {
        "action": action,
        "summary": name,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{name}"}],
    }
    if action == "receive":
        operation["security"] = [{"$ref": f"#/components/securitySchemes/{each}"} for each in SECURITY_SCHEMES]
    return operation


def _channel(namespace: str) -> str:
    return "#/channels/" + namespace.replace("/", "~1")


def _id(namespace: str, name: str, action: str) -> str:
    return f"{action} {namespace} {name}"
