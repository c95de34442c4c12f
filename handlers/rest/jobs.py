"""Jobs over REST: how one is asked for, and how it is shown. The routes that do either share what stands here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from dawg_server import errors
from dawg_server.generation.job import Job, State
from dawg_server.generation.requests import Providers
from dawg_server.generation.service import Once
from dawg_server.idempotency import Replayed
from handlers import serializers
from handlers.rest import endpoint
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.event_stream import while_connected
from handlers.rest.routes import PREFIXES, Handler
from handlers.schemas import generation as schemas

LOCAL = "local"  # the provider that is this server itself

# What every request for work has in common, and what it has that is answered as `submit` does.
WORK: dict[str, Any] = {"status": 202, "idempotent": True, "commits_reply": True, "errors": (403, 404, 409)}
JOB: dict[str, Any] = {**WORK, "query": schemas.Wait, "reply": schemas.JobAccepted, "also": ((200, schemas.JobResult),)}

Translate = Callable[[Mapping[str, Any], Providers], tuple[dict[str, Any], str]]
"""From the fields of a body to a request of `dawg_server.generation`, and the provider that does it."""


def submits(type: str, translate: Translate, *, name: str, about: str) -> Handler:
    """A handler that asks for a job as the body says. `name` and `about` are for the API's documents."""

    async def handle(call: RestCall) -> Answer:
        return await submit(call, type, *translate(call.body, call.services.jobs.providers))

    handle.__name__, handle.__doc__ = name, about
    return handle


async def submit(call: RestCall, type: str, request: dict[str, Any], provider: str) -> Answer:
    """Accepts a job; answers at once, or with the result when it comes within `?wait=` seconds."""
    service = call.services.jobs.generation
    project_id = request.get("projectId")
    if project_id:
        await call.services.documents.access.require(project_id, call.caller.user_id, "editor")
    try:
        job, seconds = await service.submit(
            call.caller.user_id,
            type,
            request,
            provider=provider,
            base_url=call.base_url,
            project_id=project_id,
            once=Once(call.key, _accepted) if call.key else None,
        )
    except Replayed as first:
        return await _repeated(call, first)
    ended = await _waited(call, job)
    if ended.state is State.COMPLETED:
        return endpoint.response(finished(call, ended))
    return _accepted(job, seconds)


def _accepted(job: Job, estimated_seconds: float) -> dict[str, Any]:
    return {
        "success": True,
        "message": "The job was accepted. Follow it at /api/generate/status/<jobId> or over Socket.IO.",
        "jobId": job.id,
        "generationId": job.id,
        "state": job.state.value,
        "status": serializers.WORDS.get(job.state, job.state.value),
        "progress": job.progress,
        "estimatedSeconds": estimated_seconds,
    }


async def cancel(call: RestCall) -> Answer:
    job = await call.services.jobs.generation.cancel(call.path["job_id"], call.caller.user_id)
    return {"success": True, "jobId": job.id, "generationId": job.id, "state": job.state.value}


async def page(call: RestCall, **query: Any) -> tuple[list[Job], int]:
    """(jobs newest first, how many there are in all); those of one project only for who may read it."""
    if query["project_id"] is not None:
        await call.services.documents.access.require(query["project_id"], call.caller.user_id, "viewer")
    return await call.services.jobs.generation.page(call.caller.user_id, **query)


def result_of(call: RestCall, job: Job) -> dict[str, Any] | None:
    return (
        serializers.result(job.type, job.result, call.services.platform.links, call.base_url)
        if job.result is not None
        else None
    )


def finished(call: RestCall, job: Job) -> dict[str, Any]:
    shown = result_of(call, job) or {}
    return serializers.flat_result(job, shown) if reads_flat(call) else serializers.finished(job, shown)


def reads_flat(call: RestCall) -> bool:
    """Whether the caller reads the flat forms of the clients that were published for `/api/v1`."""
    return call.request.path.startswith(f"{PREFIXES[1]}/")


async def _waited(call: RestCall, job: Job) -> Job:
    """The job as it is when it ends, or after the `?wait=` that its caller wants to spend, or when that one has gone:
    what was accepted stays so, for whoever comes back with the same Idempotency-Key."""
    seconds: float = call.query["wait"]
    if seconds:
        with contextlib.suppress(errors.HungUp):
            return await while_connected(call.request, call.services.jobs.generation.wait(job, seconds))
    return job


async def _repeated(call: RestCall, first: Replayed) -> Answer:
    """The first reply again, or the result when the caller waits for it and it is there."""
    assert call.key is not None
    reply = endpoint.replay(first.row, call.key.digest)
    job = await call.services.jobs.generation.get(first.row["body"]["jobId"], call.caller.user_id)
    ended = await _waited(call, job)
    if not call.query["wait"] or ended.state is not State.COMPLETED:
        return reply
    return endpoint.response(finished(call, ended), headers={"Idempotency-Replayed": "true"})
