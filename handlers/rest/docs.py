"""`/docs`, `/openapi.json` and `/asyncapi.json`: made from the declarations, so they cannot drift from the code."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

from aiohttp import web

from handlers.rest import json
from handlers.rest.routing import ROUTES, Answer, Call, Route, Routes

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>DAWG API</title>
<link rel="stylesheet" href="/docs/files/swagger-ui.css"></head><body><div id="page"></div>
<script src="/docs/files/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script></body></html>"""
START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#page", deepLinking: true});'

routes = Routes("documents")


@routes.get("//docs", "This API, for people", public=True, content_type="text/html")
async def page(call: Call) -> Answer:
    return web.Response(text=PAGE, content_type="text/html")


@routes.get("//docs/start.js", "Starts the page", public=True, content_type="text/javascript")
async def start(call: Call) -> Answer:
    return web.Response(text=START, content_type="text/javascript")


@routes.get("//openapi.json", "The REST API as OpenAPI 3.1", public=True)
async def openapi_document(call: Call) -> Answer:
    return json.raw_response(_openapi(call.request.app[ROUTES]))


@routes.get("//asyncapi.json", "The Socket.IO API as AsyncAPI 3.0", public=True)
async def asyncapi_document(call: Call) -> Answer:
    return json.raw_response(_asyncapi())


def mount_files(app: web.Application) -> None:
    """The page's own files, from the package that carries them."""
    found = importlib.util.find_spec("swagger_ui_bundle")
    if found is not None and found.origin is not None:
        vendor = next((Path(found.origin).parent / "vendor").glob("swagger-ui-*"))
        app.router.add_static("/docs/files", vendor)


@functools.cache
def _openapi(table: tuple[Route, ...]) -> bytes:
    from handlers.rest import openapi

    return json.dumps(openapi.document(table))


@functools.cache
def _asyncapi() -> bytes:
    from handlers import asyncapi

    return json.dumps(asyncapi.document())
