"""`/generate`: make audio, follow it, fetch it."""

from __future__ import annotations

import contextlib
from typing import Any

from dawg_server import errors
from dawg_server.generation import requests
from dawg_server.generation.job import Job, State
from dawg_server.generation.service import Once
from dawg_server.idempotency import Replayed
from dawg_server.music import genres
from handlers import serializers
from handlers.rest import endpoint
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.event_stream import while_connected
from handlers.rest.routes import PREFIXES, Routes
from handlers.schemas import generation as schemas

routes = Routes("generate")


@routes.post(
    "/generate/beat",
    "Make a beat",
    body=schemas.BeatRequest,
    query=schemas.Wait,
    reply=schemas.JobAccepted,
    status=202,
    idempotent=True,
    commits_reply=True,
    errors=(404, 403, 409),
)
async def create_beat(call: RestCall) -> Answer:
    """Instrumental audio from MusicGen, Suno or the embedded engine, which needs no key."""
    return await submit(call, "beat", *requests.beat(call.body, call.services.jobs.providers))


@routes.post(
    "/generate/music",
    "Make a song or an instrumental",
    body=schemas.MusicRequest,
    query=schemas.Wait,
    reply=schemas.JobAccepted,
    status=202,
    idempotent=True,
    commits_reply=True,
    errors=(404, 403, 409),
)
async def create_music(call: RestCall) -> Answer:
    """Songs come from Suno, instrumentals also from MusicGen or, without any key, from the embedded engine."""
    return await submit(call, "music", *requests.music(call.body, call.services.jobs.providers))


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
            once=Once(call.key, accepted) if call.key else None,
        )
    except Replayed as first:
        return await _repeated(call, first)
    ended = await _waited(call, job)
    if ended.state is State.COMPLETED:
        return endpoint.response(_finished(call, ended))
    return accepted(job, seconds)


def accepted(job: Job, estimated_seconds: float) -> dict[str, Any]:
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
    return endpoint.response(_finished(call, ended), headers={"Idempotency-Replayed": "true"})


@routes.get(
    "/generate/status/{job_id}", "How far a job is", query=schemas.StatusQuery, reply=schemas.JobStatus, errors=(404,)
)
async def job_status(call: RestCall) -> Answer:
    job = await call.services.jobs.generation.get(call.path["job_id"], call.caller.user_id)
    if (call.query["shape"] or ("flat" if _published(call) else "nested")) == "flat":
        return serializers.flat_status(job, result_of(call, job))
    return serializers.status(job, result_of(call, job), await call.services.jobs.generation.position(job))


@routes.get("/generate/result/{job_id}", "The result of a job", reply=schemas.JobResult, errors=(404, 409))
async def jobresult_of(call: RestCall) -> Answer:
    job = await call.services.jobs.generation.get(call.path["job_id"], call.caller.user_id)
    state = {"state": job.state.value}
    if job.state is State.FAILED:
        raise errors.JobFailed(job.error["message"] if job.error else None, details=state)
    if job.state is State.CANCELLED:
        raise errors.JobCancelled(details=state)
    if job.state is not State.COMPLETED:
        raise errors.JobNotCompleted(details=state)
    return _finished(call, job)


@routes.post("/generate/cancel/{job_id}", "Cancel a job", reply=schemas.JobCancelledReply, errors=(404, 409))
async def cancel_job(call: RestCall) -> Answer:
    job = await call.services.jobs.generation.cancel(call.path["job_id"], call.caller.user_id)
    return {"success": True, "jobId": job.id, "generationId": job.id, "state": job.state.value}


@routes.delete(
    "/generate/{job_id}", "Cancel a job", reply=schemas.JobCancelledReply, errors=(404, 409), beside_words=True
)
async def delete_job(call: RestCall) -> Answer:
    return await cancel_job(call)


async def page(call: RestCall, **query: Any) -> tuple[list[Job], int]:
    """(jobs newest first, how many there are in all); those of one project only for who may read it."""
    if query["project_id"] is not None:
        await call.services.documents.access.require(query["project_id"], call.caller.user_id, "viewer")
    return await call.services.jobs.generation.page(call.caller.user_id, **query)


@routes.get("/generate", "Jobs, newest first", query=schemas.JobsQuery, reply=schemas.JobList, errors=(404,))
async def list_jobs(call: RestCall) -> Answer:
    jobs, total = await page(call, **call.query)
    shown = [serializers.status(job, result_of(call, job), None)["status"] for job in jobs]
    return serializers.listed("jobs", shown, total, call.query)


@routes.get("/generate/queue/stats", "How busy the queue is", reply=schemas.QueueStats)
async def queue_stats(call: RestCall) -> Answer:
    own, everybody = await call.services.jobs.generation.stats(call.caller.user_id)
    queue = {"waiting": everybody["waiting"], "active": everybody["active"]}
    return {"success": True, "stats": serializers.stats(own), "queue": queue}


@routes.get("/generate/genres", "The genres that can be asked for", reply=schemas.GenreList)
async def list_genres(call: RestCall) -> Answer:
    shown = [
        {
            "name": genre.name,
            "bpmRange": list(genre.bpm_range),
            "defaultBpm": genre.default_bpm,
            "characteristics": list(genre.characteristics),
            "moodOptions": list(genre.moods),
            "aliases": list(genre.aliases),
        }
        for genre in genres.GENRES
    ]
    return {"success": True, "genres": shown}


def result_of(call: RestCall, job: Job) -> dict[str, Any] | None:
    return (
        serializers.result(job.result, call.services.platform.links, call.base_url) if job.result is not None else None
    )


def _finished(call: RestCall, job: Job) -> dict[str, Any]:
    shown = result_of(call, job) or {}
    return serializers.flat_result(job, shown) if _published(call) else serializers.finished(job, shown)


def _published(call: RestCall) -> bool:
    """Whether the caller reads the flat forms of the clients that were published for `/api/v1`."""
    return call.request.path.startswith(f"{PREFIXES[1]}/")
