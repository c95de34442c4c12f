"""AsyncAPI 3.0 of every socket event, from the declarations of both directions."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from apispec import APISpec

from bus.events import RoomEvent
from dawg_server import __version__
from dawg_server.schema import Body
from handlers import relay
from handlers.schemas.connection_events import ErrorReply
from handlers.schemas.relayed_events import of_member
from handlers.schemas.replies import Success
from handlers.schemas.shown import Shown
from handlers.schemas.spec import SECURITY_SCHEMES, add_own_fields, marshmallow_plugin, tidy
from handlers.sockets import relays, tables
from handlers.sockets.events import Events
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
                "x-ack": _any_of(_schema(spec, event.ack or Success()), _schema(spec, ErrorReply())),
            }
            operations[_id(table.namespace, event.name, "receive")] = _operation("receive", table.namespace, event.name)
        channels[table.namespace] = {"address": table.namespace, "messages": messages}
    for namespace, name, schemas in _sent(every):
        channels[namespace]["messages"][name] = {
            "name": name,
            "description": " ".join(dict.fromkeys(inspect.getdoc(each) or "" for each in schemas)),
            "payload": _any_of(*(_schema(spec, each()) for each in schemas)),
        }
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
            "schemas": tidy(spec.to_dict())["components"]["schemas"],
            "securitySchemes": {name: _scheme(each) for name, each in SECURITY_SCHEMES.items()},
        },
    }


def _scheme(scheme: dict[str, str]) -> dict[str, str]:
    """AsyncAPI's word for a key in a cookie is another one than OpenAPI's."""
    return scheme | {"type": "httpApiKey"} if scheme["type"] == "apiKey" else scheme


def _sent(every: Iterable[Events]) -> Iterator[tuple[str, str, list[type[Shown]]]]:
    """(namespace, name, schemas) of what clients hear; several where one name has several sources."""
    found: dict[tuple[str, str], list[type[Shown]]] = defaultdict(list)
    of_members = ((kind.name, of_member(kind, relays.SAID.get(kind))) for kind in RoomEvent.__subclasses__())
    for name, schema in (*relay.documented(), *of_members):
        found["/", name].append(schema)
    for table in every:
        for name, schema in table.sent.items():
            found[table.namespace, name].append(schema)
    for (namespace, name), schemas in found.items():
        yield namespace, name, list(dict.fromkeys(schemas))


def _any_of(*described: dict[str, Any]) -> dict[str, Any]:
    return described[0] if len(described) == 1 else {"anyOf": [*described]}


def _schema(spec: APISpec, schema: Body) -> dict[str, Any]:
    name = type(schema).__name__
    if name not in spec.components.schemas:
        spec.components.schema(name, schema=type(schema)())  # one that has not looked yet what is in a project
    return {"$ref": f"#/components/schemas/{name}"}


def _payload(spec: APISpec, schema: Body | None) -> dict[str, Any]:
    """What requires nothing may be left out, which a schema can only say as null."""
    if schema is None:
        return {"anyOf": [{"type": "object"}, {"type": "null"}]}
    described = _schema(spec, schema)
    if any(field.required for field in schema.fields.values()):
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
