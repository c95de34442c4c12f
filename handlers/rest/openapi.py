"""OpenAPI 3.1 of every route, from the routes themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from dawg_server import __version__
from dawg_server.schema import Body
from handlers.rest import multipart
from handlers.rest.routes import Route
from handlers.schemas import stored
from handlers.schemas.connection_events import ErrorReply, SpokenErrorReply
from handlers.schemas.spec import SECURITY_SCHEMES, add_own_fields, marshmallow_plugin, tidy

DESCRIPTION = """The REST API of DAWG's server. Every path under `/api` is also served under `/api/v1`.
Send `Authorization: Bearer <token>`, or the cookie that signing in has set; in development mode `X-User-Id` says who
you are. With `X-Socket-Id` a change is not told to that socket of yours, whose page learns of it from the reply."""
COMMON = {
    400: "Something in the request is wrong",
    401: "Nobody is signed in",
    429: "Too many requests",
    500: "A bug",
    503: "Something that this server needs is down or not configured",
}
OTHERS = {
    403: "The role is too low",
    404: "There is no such thing here",
    409: "The present state does not allow that",
    413: "Too large",
    414: "The address is too long",
    415: "A wrong content type",
    416: "A bad byte range",
    501: "This server does not do that",
    502: "An outside service failed",
    504: "An outside service took too long",
}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    plugin = marshmallow_plugin()
    spec = APISpec("DAWG", __version__, "3.1.0", plugins=[plugin], info={"description": DESCRIPTION})
    add_own_fields(plugin)
    spec.components.schema("Error", schema=ErrorReply)
    spec.components.schema("SpokenError", schema=SpokenErrorReply)
    for name, scheme in SECURITY_SCHEMES.items():
        spec.components.security_scheme(name, scheme)
    for route in routes:
        spec.path(path=route.paths[0], operations={route.method.lower(): _operation(route, plugin)})
    return tidy(spec.to_dict())


def _operation(route: Route, plugin: MarshmallowPlugin) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "description": inspect.getdoc(route.handler) or "",
        "operationId": route.operation_id,
        "tags": [route.tag],
        "parameters": _parameters(route, plugin),
        "responses": _responses(route),
        "security": [] if route.public else [{name: []} for name in SECURITY_SCHEMES],
    }
    contents: dict[str, Any] = {}
    if route.body:
        contents["application/json"] = {"schema": route.body}
    if route.multipart:
        contents[multipart.TYPE] = {"schema": _form(route.multipart)}
    if contents:
        # An absent body is an empty one, which is enough where nothing is required.
        needed = route.body is None or any(field.required for field in route.body.fields.values())
        operation["requestBody"] = {"required": needed, "content": contents}
    return operation


def _form(kind: multipart.Multipart) -> dict[str, Any]:
    name, *aliases = kind.names
    file: dict[str, Any] = {"type": "string", "contentMediaType": "application/octet-stream"}
    if kind.most > 1:
        file = {"type": "array", "items": file, "minItems": 1, "maxItems": kind.most}
    if aliases:
        file["description"] = f"May also be called {' or '.join(aliases)}."
    return {"allOf": [kind.form, {"type": "object", "required": [name], "properties": {name: file}}]}


def _parameters(route: Route, plugin: MarshmallowPlugin) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    if route.query and plugin.converter:
        found += plugin.converter.schema2parameters(route.query, location="query")
    if route.idempotent:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "minLength": 1, "maxLength": 128},
                "description": "The same key and body within 24 hours are answered with the first reply.",
            }
        )
    return found


def _responses(route: Route) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done", "content": {}}
    if route.reply is not None:
        # One that has not looked yet what is in a project.
        reply = type(route.reply) if isinstance(route.reply, Body) else route.reply()
        good["content"]["application/json"] = {"schema": reply()}
    if route.content_type != "application/json":
        good["content"] |= {each: {} for each in (route.content_type, *route.other_types)}
    replies = {str(route.status): good}
    meanings: Mapping[int, str] = COMMON | OTHERS
    expected = {500, 503, *route.errors, *(() if route.public else (401, 429))}
    if route.query or route.body or route.multipart:
        expected.add(400)
    if route.body or route.multipart:
        expected |= {413, 415}
    if route.idempotent or any(map(stored.has_ids, _bodies(route))):
        expected.add(409)
    name = "SpokenError" if route.spoken_errors else "Error"
    schema = {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}
    for status in sorted(expected):
        replies[str(status)] = {"description": meanings[status], **schema}
    for other, told in route.also:
        about = {"description": meanings.get(other, "Done at once")}
        replies[str(other)] = {**about, "content": {"application/json": {"schema": told()}}}
    return replies


def _bodies(route: Route) -> Iterable[Body]:
    return [*([route.body] if route.body else ()), *([route.multipart.form] if route.multipart else ())]
