"""`/health`, `/metrics` and the health of each service."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from bus import supervision
from dawg_server import __version__, errors, logs
from dawg_server.music.recorded import cut
from dawg_server.settings import is_loopback
from dawg_server.wire import now
from handlers.addresses import ADDRESSES, FORWARDED
from handlers.rest import endpoint
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Routes
from handlers.schemas import health as schemas

JOBS_PATIENCE = 2.0  # seconds; whoever asks for metrics asks again soon

routes = Routes("health")


@routes.get(
    "//health",
    "The state of the server and of what it stands on",
    reply=schemas.HealthReply,
    public=True,
    also=((503, schemas.HealthReply),),
)
async def health(call: RestCall) -> Answer:
    body = await _health(call)
    return endpoint.response(body, 503 if body["status"] == "unhealthy" else 200)


@routes.get(
    "/status",
    "The server as who runs it sees it",
    reply=schemas.OperatorStatus,
    public=True,
    errors=(403, 404),
)
async def operator_status(call: RestCall) -> Answer:
    """`Authorization: Bearer <OPERATOR_TOKEN>`; without that setting it answers in development mode alone, on a server
    that others cannot reach. `sockets` and `log` are of this replica."""
    platform = call.services.platform
    _authorize(call)
    (jobs, waits), costs, health = await asyncio.gather(
        call.services.jobs.generation.everybody(), platform.costs.reports.everybody(), _health(call)
    )
    return {
        "success": True,
        "health": health,
        "jobs": {"byState": jobs, "running": jobs["active"], "oldestWaitingSeconds": waits},
        "costs": costs,
        "sockets": platform.metrics.sockets_by_namespace(),
        "replicas": [platform.replicas.own, *sorted(platform.replicas.others)],
        "log": None if platform.settings.secured else logs.tail(),
    }


def _authorize(call: RestCall) -> None:
    settings = call.services.platform.settings
    if settings.operator_token is None:
        if settings.secured or settings.exposed:
            raise errors.NotFound("Set OPERATOR_TOKEN, and send it, to see the status of this server.")
        return
    if not _has_token(call, settings.operator_token):
        raise errors.Forbidden("Send OPERATOR_TOKEN as Authorization: Bearer … to see the status of this server.")


def _has_token(call: RestCall, wanted: str | None) -> bool:
    scheme, _, token = call.request.headers.get("Authorization", "").partition(" ")
    return (
        wanted is not None
        and scheme.lower() == "bearer"
        and hmac.compare_digest(token.strip().encode(), wanted.encode())
    )


def _is_near(call: RestCall) -> bool:
    """Whether the caller is a program of this machine. A proxy here, which nobody said is trusted, is known by what it
    adds."""
    request = call.request
    passed_on = any(name in request.headers for name in ("Forwarded", "Via", *FORWARDED))
    addresses = request.app[ADDRESSES]
    return is_loopback(addresses.client(request)) and (addresses.behind_proxy or not passed_on)


async def _health(call: RestCall) -> dict[str, Any]:
    dependencies = await call.services.platform.health.dependencies()
    database_works = dependencies["database"]["status"] == "ok"
    failing = any(each["status"] == "failing" for each in dependencies.values())
    return {
        "status": "unhealthy" if not database_works else "degraded" if failing else "healthy",
        "service": "unified-backend",
        "services": {
            "main": "healthy" if database_works else "degraded",
            "ai_brain": _service(call.services.platform.settings.anthropic_key, database_works),
            "realtime_voice": _service(call.services.platform.settings.openai_key, database_works),
        },
        "timestamp": now(),
        "version": __version__,
        "replica": call.services.platform.settings.replica,
        "sounds": cut.kind(),
        "dependencies": dependencies,
    }


@routes.get("//health/live", "The event loop turns", reply=schemas.Status, public=True)
async def live(call: RestCall) -> Answer:
    return {"status": "alive"}


@routes.get("//health/ready", "New work is welcome", reply=schemas.Status, public=True, also=((503, schemas.Status),))
async def ready(call: RestCall) -> Answer:
    if call.services.platform.lifecycle.leaving:
        return endpoint.response({"status": "draining"}, 503)
    if not await call.services.platform.health.database_works():
        return endpoint.response({"status": "database down"}, 503)
    if broken := supervision.broken():
        return endpoint.response({"status": f"not working: {', '.join(broken)}"}, 503)
    return {"status": "ready"}


@routes.get("/ai/status", "What works on this server", reply=schemas.AiStatus, public=True)
async def ai_status(call: RestCall) -> Answer:
    """`features` by what is configured; `services` are the outside ones that they need."""
    settings, providers = call.services.platform.settings, call.services.jobs.providers
    makes = {type: providers.able(type) for type in ("beat", "music", "melody", "stems", "vocals")}
    writes = bool(settings.anthropic_key)
    features = {
        **makes,
        "song": providers.able("music", sung=True),
        **dict.fromkeys(("mix", "master", "render", "vocalCoach"), True),
        **dict.fromkeys(("chat", "lyrics"), writes),
        "voice": bool(settings.openai_key),
    }
    dependencies = await call.services.platform.health.dependencies()
    outside = ("anthropic", "openai", "replicate", "suno")
    return {"success": True, "features": features, "services": {name: dependencies[name] for name in outside}}


@routes.get("/ai-brain/health", "The AI brain", reply=schemas.BrainHealth, public=True)
async def brain(call: RestCall) -> Answer:
    settings = call.services.platform.settings
    return {
        "status": _service(settings.anthropic_key, True),
        "service": "ai-brain",
        "anthropic_configured": bool(settings.anthropic_key),
        "model": settings.anthropic_model,
    }


@routes.get("/voice/health", "The realtime voice", reply=schemas.VoiceHealth, public=True)
async def voice(call: RestCall) -> Answer:
    settings = call.services.platform.settings
    return {
        "status": _service(settings.openai_key, True),
        "service": "realtime-voice",
        "openai_configured": bool(settings.openai_key),
        "connected": call.services.assistants.voice.connected,
        "activeSessions": call.services.assistants.voice.active,
        "model": settings.openai_realtime_model,
    }


@routes.get("//metrics", "Counters for Prometheus", public=True, content_type="text/plain", errors=(403,))
async def show_metrics(call: RestCall) -> Answer:
    """With sign-in: to `Authorization: Bearer <METRICS_TOKEN>`, and to callers on the machine of the server. Without a
    database all but the gauges of jobs are answered."""
    platform = call.services.platform
    settings, metrics = platform.settings, platform.metrics
    if settings.secured and not (_has_token(call, settings.metrics_token) or _is_near(call)):
        raise errors.Forbidden("Send METRICS_TOKEN as Authorization: Bearer … to see the metrics of this server.")
    with contextlib.suppress(errors.DependencyUnavailable, TimeoutError):
        async with asyncio.timeout(JOBS_PATIENCE):
            await call.services.jobs.generation.count_jobs(metrics)
    return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _service(key: Any, works: bool) -> str:
    return ("healthy" if works else "degraded") if key else "unconfigured"
