"""A route is declared once, where its handler stands: the declaration checks the request, mounts it and documents it.

    @routes.post("/generate/beat", "Make a beat", body=BeatRequest, reply=JobAccepted, status=202)
    async def create_beat(call: RestCall) -> Answer: ...

`/generate/beat` is served at `/api/generate/beat` and `/api/v1/generate/beat`; paths that begin with `//` are mounted
as they are, with one slash.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from dawg_server.schema import Body, Query
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.multipart import Multipart

PREFIXES = ("/api", "/api/v1")
_ID = "[0-9A-Fa-f-]{32,36}"
Handler = Callable[[RestCall], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """`errors` are the statuses that this route can answer besides the common ones.

    With `multipart` the body has to be one of those; with `body` as well, either will do. With `content_type` that is
    what is answered, or one of `other_types`; with `reply` as well, it may be either. `spoken_errors`: errors are told
    in `response` too, where a page looks for an answer. `also`: replies with other statuses. A `reply` that depends on
    what there is in projects is told when the documents are made.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    tag: str
    body: Body | None = None
    multipart: Multipart | None = None
    query: Query | None = None
    reply: Body | Callable[[], type[Body]] | None = None
    also: tuple[tuple[int, type[Body]], ...] = ()
    status: int = 200
    public: bool = False
    idempotent: bool = False
    # The handler stores the reply in the transaction of what it does, to which it passes `call.key`; before that it has
    # changed nothing. Without it the key is taken before the handler runs, and the handler may still do so.
    commits_reply: bool = False
    errors: tuple[int, ...] = ()
    content_type: str = "application/json"
    other_types: tuple[str, ...] = ()
    spoken_errors: bool = False
    aliases: tuple[str, ...] = ()  # other paths, written like `path`
    # An id at the end of the path that is none is no such path, as beside it there are words: `/generate/beat`.
    beside_words: bool = False
    operation: str = ""  # its id in the API's documents, where that is not the handler's name

    @property
    def operation_id(self) -> str:
        return self.operation or self.handler.__name__

    @property
    def paths(self) -> tuple[str, ...]:
        """Where the route is mounted; the first is its home, the others are aliases."""
        if self.path.startswith("//"):
            return (self.path[1:],)
        return tuple(prefix + path for path in (self.path, *self.aliases) for prefix in PREFIXES)

    def pattern(self, path: str) -> str:
        """`path` as aiohttp mounts it."""
        return f"{path[:-1]}:{_ID}}}" if self.beside_words and path.endswith("}") else path


ROUTES = web.AppKey("routes", tuple[Route, ...])


@dataclass(slots=True)
class Routes:
    """The routes of one module. `tag` is their heading in the API's documents."""

    tag: str
    all: list[Route] = field(default_factory=list)

    def __iter__(self) -> Iterator[Route]:
        return iter(self.all)

    def get(self, path: str, summary: str, **options: Any) -> Callable[[Handler], Handler]:
        return self._add("GET", path, summary, options)

    def post(self, path: str, summary: str, **options: Any) -> Callable[[Handler], Handler]:
        return self._add("POST", path, summary, options)

    def put(self, path: str, summary: str, **options: Any) -> Callable[[Handler], Handler]:
        return self._add("PUT", path, summary, options)

    def patch(self, path: str, summary: str, **options: Any) -> Callable[[Handler], Handler]:
        return self._add("PATCH", path, summary, options)

    def change(self, path: str, summary: str, **options: Any) -> Callable[[Handler], Handler]:
        """PUT and PATCH alike: what is not given stays as it is."""

        def declare(handler: Handler) -> Handler:
            self.put(path, summary, **options)(handler)
            return self.patch(path, summary, **options, operation=f"{handler.__name__}_partly")(handler)

        return declare

    def delete(self, path: str, summary: str, **options: Any) -> Callable[[Handler], Handler]:
        return self._add("DELETE", path, summary, options)

    def _add(self, method: str, path: str, summary: str, options: dict[str, Any]) -> Callable[[Handler], Handler]:
        def declare(handler: Handler) -> Handler:
            given = {name: options.pop(name) for name in ("body", "query", "reply") if name in options}
            schemas = {name: each() if isinstance(each, type) else each for name, each in given.items()}
            tag = options.pop("tag", self.tag)
            self.all.append(Route(method, path, summary, handler, tag, **schemas, **options))
            return handler

        return declare
