"""All routes, mounted: the aiohttp application."""

from __future__ import annotations

from collections.abc import Iterable

import aiohttp_cors
from aiohttp import web

from dawg_server.services import Services
from handlers.rest import (
    analysis,
    archives,
    audio,
    auth,
    billing,
    brain,
    clips,
    collaborators,
    context,
    costs,
    docs,
    finishing,
    generate,
    health,
    lyrics,
    memory,
    music,
    projects,
    tracks,
    versions,
    vocals,
    voice,
    webhooks,
)
from handlers.rest.endpoint import endpoint
from handlers.rest.routing import MAX_JSON, ROUTES, SERVICES, Route

CORS_MAX_AGE = 3600  # seconds
ALLOWED_HEADERS = (
    "Content-Type",
    "Authorization",
    "X-User-Id",
    "X-CSRF-Token",
    "X-Request-Id",
    "Idempotency-Key",
    "Range",
    "Accept",
    "Last-Event-ID",
)
EXPOSED_HEADERS = (
    "X-Request-Id",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "Idempotency-Replayed",
    "Content-Range",
    "Accept-Ranges",
    "Content-Disposition",
)


def routes() -> tuple[Route, ...]:
    """Every route of the server, in the order of the documents."""
    return (
        *health.routes,
        *auth.routes,
        *generate.routes,
        *music.routes,
        *finishing.routes,
        *vocals.routes,
        *audio.routes,
        *projects.routes,
        *tracks.routes,
        *clips.routes,
        *analysis.routes,
        *collaborators.routes,
        *versions.routes,
        *archives.routes,
        *lyrics.routes,
        *brain.routes,
        *memory.routes,
        *voice.routes,
        *costs.routes,
        *billing.routes,
        *webhooks.routes,
        *docs.routes,
    )


def build(services: Services) -> web.Application:
    app = web.Application(client_max_size=MAX_JSON, middlewares=[context.request_context])
    app[SERVICES] = services
    table = app[ROUTES] = routes()
    app.on_response_prepare.append(context.add_headers)
    _mount(app, table, services.platform.settings.cors_origins)
    docs.mount_files(app)
    return app


def _mount(app: web.Application, table: Iterable[Route], origins: Iterable[str]) -> None:
    options = aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call]
        allow_credentials=True,
        allow_headers=ALLOWED_HEADERS,
        expose_headers=EXPOSED_HEADERS,
        allow_methods="*",
        max_age=CORS_MAX_AGE,
    )
    cors = aiohttp_cors.setup(app, defaults=dict.fromkeys(origins, options))
    for route in table:
        handler = endpoint(route)
        for path in route.paths:
            resource = app.router.add_resource(path)
            resource.add_route(route.method, handler)
            if route.method == "GET":
                resource.add_route("HEAD", handler)
    for mounted in app.router.resources():
        cors.add(mounted)
