"""The composition root: builds every part in the order in which it comes alive, and takes it down in reverse.

The only module of this package that knows `handlers`.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from dawg_server import assistants, documents, jobs, platform
from dawg_server.database import server_secrets
from dawg_server.services import Services
from dawg_server.settings import Settings
from handlers import relay
from handlers.addresses import Addresses
from handlers.rest import application
from handlers.sockets import authentication, document, drain, events, rooms, tables
from handlers.sockets.transport import ClusterManager, Forwarder, Server

REPLICA_KEY = "replica_key"


@contextlib.asynccontextmanager
async def services(settings: Settings, dsn: str) -> AsyncIterator[Services]:
    """Everything below the API layer, alive while the context is open. `dsn` is that of a database that runs."""
    async with (
        platform.opened(settings, dsn) as base,
        documents.opened(base) as projects,
        jobs.opened(base, projects) as work,
        assistants.opened(base, projects, work) as helpers,
    ):
        yield Services(base, projects, work, helpers)


@contextlib.asynccontextmanager
async def api(parts: Services) -> AsyncIterator[tuple[web.Application, Server]]:
    """REST and sockets over the services, not listening yet."""
    metrics, presence, changes = parts.platform.metrics, parts.documents.presence, parts.documents.changes
    addresses = Addresses(parts.platform.settings)
    server = Server(
        addresses=addresses,
        on_slow_client=lambda namespace, sid: metrics.dropped_events.labels("slow_client").inc(),
        **await _among_replicas(parts),
    )
    authentication.mount(server, parts, on_leave=lambda sid: rooms.disconnected(parts, server, sid))
    drain.mount(server, parts)
    events.mount(server, parts, *tables.every())
    document.mount(server, changes)
    relay.mount(parts.platform.bus, server, parts.platform.links)
    rooms.mount(server, parts)
    forwarder = server.eio.forwarder
    metrics.count_sockets(server.sockets_by_namespace)
    metrics.count_cluster(
        listener_age=lambda: parts.platform.bus.listener_age,
        other_replicas=lambda: len(parts.platform.replicas.others),
        project_sessions=lambda: presence.sessions,
        dropped=lambda: parts.platform.bus.dropped,
        recovered=lambda: changes.recovered,
        forwarded=lambda: forwarder.forwarded if forwarder else 0,
    )
    app = application.build(parts, addresses)
    server.attach(app)
    async with contextlib.AsyncExitStack() as stack:
        if forwarder is not None:
            stack.push_async_callback(forwarder.close)
        await presence.start(alone=parts.platform.settings.database_url is None)
        stack.push_async_callback(presence.close)
        await changes.start()
        stack.push_async_callback(changes.close)
        await parts.platform.replicas.start()
        stack.push_async_callback(parts.platform.replicas.close)
        parts.platform.recovery.start()
        stack.push_async_callback(server.close)
        yield app, server


async def _among_replicas(parts: Services) -> dict[str, Any]:
    """What a socket server needs to be one of several."""
    base = parts.platform
    if not base.settings.redis_adapter:
        return {}
    key = await server_secrets.get_or_create(base.database, REPLICA_KEY)
    return {
        "manager": ClusterManager(base.bus, base.replicas.own),
        "forwarder": Forwarder(base.replicas.address, base.replicas.own, key),
    }


def start_jobs(parts: Services, *, alone: bool) -> None:
    """Takes up what a crash left behind, then takes new work. `alone`: nobody else can be at work on the database."""
    work, projects = parts.jobs, parts.documents

    def begin() -> None:
        if concurrency := parts.platform.settings.job_concurrency:
            work.queue.start(work.runner.run, concurrency)

    work.reaper.start(alone=alone, ready=begin)
    work.reconciler.start()
    projects.measuring.start(alone=alone)
    projects.cleaner.start()
    parts.platform.retention.start()
