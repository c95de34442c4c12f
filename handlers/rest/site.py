"""What people open in a browser: the studio or the front end in `WEB_DIR`, `/docs`, and the descriptions of the API.

The studio and the documentation pages are built from `studio/` into `static/studio`. Where that is not done, a small
page says what this is and how to get them.
"""

from __future__ import annotations

import fcntl
import functools
import html
import string
from collections.abc import Iterable
from pathlib import Path

from aiohttp import web

from handlers.rest import endpoint
from handlers.rest.built_files import BuiltFiles
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import ROUTES, Route, Routes

STATIC = Path(__file__).with_name("static")
BUILD_NOTE = STATIC / "studio.txt"  # what became of the build of the studio; locked as long as it goes on
BUILDING = "The studio is being built, which takes about half a minute. It comes up here by itself."
NOT_BUILT = (
    "The studio and the pages of the API were not built. Run python3 studio/build.py; they come up here by themselves."
)
_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; "
# Previews of songs play from where they are made, which may be anywhere.
STUDIO_POLICY = _POLICY + "connect-src 'self'{bucket}; img-src 'self' data:{bucket}; media-src 'self' blob: *"
STATUS_POLICY = _POLICY + "img-src 'self' data:"
DOCS_POLICY = _POLICY + "style-src 'self' 'unsafe-inline'; img-src 'self' data:"
FRONT_END_POLICY = "frame-ancestors 'none'"

routes = Routes("documents")
_studio = BuiltFiles(STATIC / "studio")
_FRONT_END = web.AppKey("front_end", BuiltFiles)


@routes.get("//", "The studio, or the front end that is served here", public=True, content_type="text/html")
async def home(call: RestCall) -> Answer:
    if (files := call.request.app.get(_FRONT_END)) is not None:
        return await _front_end(files, "")
    origin = call.services.platform.storage.origin
    return await _page("index.html", STUDIO_POLICY.format(bucket=f" {origin}" if origin else ""))


@routes.get("//studio/status", "How this server is, for whoever runs it", public=True, content_type="text/html")
async def status_page(call: RestCall) -> Answer:
    return await _page("status/index.html", STATUS_POLICY)


@routes.get("//docs", "This API, for people", public=True, content_type="text/html")
async def docs(call: RestCall) -> Answer:
    return await _page("docs/index.html", DOCS_POLICY)


@routes.get("//docs/sockets", "The socket events, for people", public=True, content_type="text/html")
async def socket_docs(call: RestCall) -> Answer:
    return await _page("docs/sockets/index.html", DOCS_POLICY)


@routes.get("//openapi.json", "The REST API as OpenAPI 3.1", public=True)
async def openapi_document(call: RestCall) -> Answer:
    return endpoint.raw_response(described_api(call.request.app[ROUTES]))


@routes.get("//asyncapi.json", "The Socket.IO API as AsyncAPI 3.0", public=True)
async def asyncapi_document(call: RestCall) -> Answer:
    return endpoint.raw_response(asyncapi())


@functools.cache
def described_api(table: tuple[Route, ...]) -> bytes:
    from handlers.rest import openapi

    return endpoint.dumps(openapi.document(table))


@functools.cache
def asyncapi() -> bytes:
    from handlers import asyncapi

    return endpoint.dumps(asyncapi.document())


def mount_files(app: web.Application, table: Iterable[Route], web_dir: Path | None) -> None:
    """The pages' own files, and below everything else those of the front end in `web_dir`."""
    app.router.add_static("/docs/files", STATIC / "start")
    for path in ("/docs/", "/docs/sockets/"):
        app.router.add_get(path, _without_slash)
    app.router.add_get("/studio/assets/{path:.+}", _asset)
    if web_dir is not None:
        app[_FRONT_END] = BuiltFiles(web_dir)
        app.router.register_resource(_FrontEnd(app[_FRONT_END], table))


async def _without_slash(request: web.Request) -> web.StreamResponse:
    raise web.HTTPPermanentRedirect(request.path.removesuffix("/"))


async def _asset(request: web.Request) -> web.StreamResponse:
    found = await _studio.answer(f"assets/{request.match_info['path']}", {})
    if found is None:
        raise web.HTTPNotFound
    return found


async def _page(name: str, policy: str) -> web.StreamResponse:
    headers = {"Content-Security-Policy": policy}
    if found := await _studio.answer(name, headers):
        return found
    said = html.escape(_build_state())
    text = string.Template((STATIC / "start" / "start.html").read_text()).substitute(studio=said)
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-cache", **headers})


def _build_state() -> str:
    try:
        with BUILD_NOTE.open() as note:
            try:
                fcntl.flock(note, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return BUILDING
            return note.read()
    except FileNotFoundError:
        return NOT_BUILT


class _FrontEnd(web.DynamicResource):
    """Every address that is none of the server's own: a file, or else a page of the front end, which has its routes."""

    def __init__(self, files: BuiltFiles, table: Iterable[Route]) -> None:
        super().__init__("/{path:.*}")
        # Below /studio the server has some pages of its own, which come first; the rest may be the front end's.
        self._own = {path.split("/")[1] for route in table for path in route.paths} - {"", "studio"} | {"socket.io"}
        self._files = files
        for method in ("GET", "HEAD"):
            self.add_route(method, self._handle)

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        if request.method not in ("GET", "HEAD") or request.path.split("/")[1] in self._own:
            return None, set()
        return await super().resolve(request)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        return await _front_end(self._files, request.match_info["path"])


async def _front_end(files: BuiltFiles, path: str) -> web.StreamResponse:
    headers = {"Content-Security-Policy": FRONT_END_POLICY}
    found = await files.answer(path, headers)
    if found is None and "." not in path.rpartition("/")[2]:
        found = await files.answer("index.html", headers)
    if found is None:
        raise web.HTTPNotFound
    return found
