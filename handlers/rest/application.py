"""All routes, mounted: the aiohttp application."""

from __future__ import annotations

import functools

from aiohttp import web

from dawg_server.services import Services
from handlers.addresses import ADDRESSES, Addresses
from handlers.rest import (
    analysis,
    archives,
    audio,
    auth,
    billing,
    brain,
    changes,
    collaborators,
    conversations,
    costs,
    devices,
    endpoint,
    finishing,
    generate,
    health,
    lyrics,
    memory,
    projects,
    retouching,
    share_links,
    site,
    songwriting,
    storage,
    versions,
    vocals,
    voice,
    webhooks,
)
from handlers.rest.endpoint import MAX_JSON, SERVICES
from handlers.rest.routes import ROUTES, Route
from handlers.rest.server import CONTEXT, RequestContext


def routes() -> tuple[Route, ...]:
    """Every route of the server, in the order of the documents."""
    return (
        *health.routes,
        *auth.routes,
        *generate.routes,
        *songwriting.routes,
        *finishing.routes,
        *vocals.routes,
        *retouching.routes,
        *audio.routes,
        *storage.routes,
        *projects.routes,
        *devices.routes,
        *changes.routes(),
        *analysis.routes,
        *collaborators.routes,
        *share_links.routes,
        *versions.routes,
        *archives.routes,
        *lyrics.routes,
        *brain.routes,
        *conversations.routes,
        *memory.routes,
        *voice.routes,
        *costs.routes,
        *billing.routes,
        *webhooks.routes,
        *site.routes,
    )


def build(services: Services, addresses: Addresses) -> web.Application:
    app = web.Application(client_max_size=MAX_JSON)
    app[ADDRESSES], app[SERVICES] = addresses, services
    table = app[ROUTES] = routes()
    spoken = {path for route in table if route.spoken_errors for path in route.paths}
    around = app[CONTEXT] = RequestContext(services.platform, addresses, spoken)
    app.on_response_prepare.append(around.before_headers)
    for resource in _mounted(table):
        app.router.register_resource(resource)
    site.mount_files(app, table, services.platform.settings.web_dir)
    return app


@functools.lru_cache(maxsize=1)
def _mounted(table: tuple[Route, ...]) -> tuple[web.AbstractResource, ...]:
    """The routes where aiohttp finds them. They belong to no application: servers of one process share them."""
    router = web.UrlDispatcher()
    for route in table:
        handler = endpoint.handler(route)
        for path in route.paths:
            resource = router.add_resource(route.pattern(path))
            resource.add_route(route.method, handler)
            if route.method == "GET":
                resource.add_route("HEAD", handler)
    return tuple(router.resources())
