"""What people open in a browser: `/`, `/docs` and the descriptions of the API, made from the declarations."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

from aiohttp import web

from handlers.rest import endpoint
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routing import ROUTES, Route, Routes

STATIC = Path(__file__).with_name("static")
_POLICY = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; script-src 'self'; "
HOME_POLICY = _POLICY + "style-src 'self'; connect-src 'self'; img-src data:; media-src *"  # a bucket may hold files
DOCS_POLICY = _POLICY + "style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:"

routes = Routes("documents")


@routes.get("//", "What this is, and a beat to hear", public=True, content_type="text/html")
async def home(call: RestCall) -> Answer:
    return _html("home.html", HOME_POLICY)


@routes.get("//docs", "This API, for people", public=True, content_type="text/html")
async def docs(call: RestCall) -> Answer:
    return _html("docs.html", DOCS_POLICY)


@routes.get("//openapi.json", "The REST API as OpenAPI 3.1", public=True)
async def openapi_document(call: RestCall) -> Answer:
    return endpoint.raw_response(_openapi(call.request.app[ROUTES]))


@routes.get("//asyncapi.json", "The Socket.IO API as AsyncAPI 3.0", public=True)
async def asyncapi_document(call: RestCall) -> Answer:
    return endpoint.raw_response(_asyncapi())


def mount_files(app: web.Application) -> None:
    """The pages' own files, and those of the viewer of the API from the package that carries it."""
    app.router.add_static("/static", STATIC)
    found = importlib.util.find_spec("flask_swagger_ui")  # for its files alone: it is never imported
    if found is not None and found.origin is not None:
        app.router.add_static("/docs/files", Path(found.origin).with_name("dist"))


def _html(name: str, policy: str) -> web.Response:
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
    return web.Response(text=_read(name), content_type="text/html", headers=headers)


@functools.cache
def _read(name: str) -> str:
    return (STATIC / name).read_text()


@functools.cache
def _openapi(table: tuple[Route, ...]) -> bytes:
    from handlers.rest import endpoint, openapi

    return endpoint.dumps(openapi.document(table))


@functools.cache
def _asyncapi() -> bytes:
    from handlers import asyncapi

    return endpoint.dumps(asyncapi.document())
