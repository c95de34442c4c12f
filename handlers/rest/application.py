"""All routes, mounted: the aiohttp application."""

from __future__ import annotations

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
from handlers.rest.endpoint import MAX_JSON
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
    app[ADDRESSES] = addresses
    table = app[ROUTES] = routes()
    spoken = {path for route in table if route.spoken_errors for path in route.paths}
    around = app[CONTEXT] = RequestContext(services.platform, addresses, spoken)
    app.on_response_prepare.append(around.before_headers)
    for route in table:
        handler = endpoint.handler(route, services)
        for path in route.paths:
            resource = app.router.add_resource(route.pattern(path))
            resource.add_route(route.method, handler)
            if route.method == "GET":
                resource.add_route("HEAD", handler)
    site.mount_files(app, table, services.platform.settings.web_dir)
    return app
