"""`/generate`: make audio, follow it, fetch it."""

from __future__ import annotations

import asyncio

from dawg_server import errors
from dawg_server.generation import fitting, requests, songs
from dawg_server.generation.job import State
from dawg_server.music import genres
from handlers import serializers
from handlers.rest import jobs
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Routes
from handlers.schemas import generation as schemas

routes = Routes("generate")


@routes.post("/generate/beat", "Make a beat", body=schemas.BeatRequest, **jobs.JOB)
async def create_beat(call: RestCall) -> Answer:
    """Instrumental audio from MusicGen, Suno or the embedded engine, which needs no key."""
    # Clients of `/api/v1` were published before there were parts, and take what comes for the whole.
    body = call.body | {"as_": call.body["as_"] or ("mix" if jobs.reads_flat(call) else "stems")}
    if body["project_id"]:
        place = {name: body[name] for name in ("start_time", "start_bar")}
        document = call.services.documents.document
        body = body | {
            "project": await fitting.project_facts(document, body["project_id"], call.caller.user_id, **place)
        }
    # Long prompts take tens of milliseconds to read.
    resolve = asyncio.to_thread(requests.beat, body, call.services.jobs.providers)
    return await jobs.submit(call, "beat", *(await resolve))


routes.post("/generate/music", "Make a song or an instrumental", body=schemas.MusicRequest, **jobs.JOB)(
    jobs.submits(
        "music",
        songs.music,
        name="create_music",
        about="Songs come from Suno, instrumentals also from MusicGen or, without any key, from the embedded engine.",
    )
)


@routes.get(
    "/generate/status/{job_id}", "How far a job is", query=schemas.StatusQuery, reply=schemas.JobStatus, errors=(404,)
)
async def job_status(call: RestCall) -> Answer:
    job = await call.services.jobs.generation.get(call.path["job_id"], call.caller.user_id)
    if (call.query["shape"] or ("flat" if jobs.reads_flat(call) else "nested")) == "flat":
        return serializers.flat_status(job, jobs.result_of(call, job))
    return serializers.status(job, jobs.result_of(call, job), await call.services.jobs.generation.position(job))


@routes.get("/generate/result/{job_id}", "The result of a job", reply=schemas.JobResult, errors=(404, 409))
async def job_result(call: RestCall) -> Answer:
    job = await call.services.jobs.generation.get(call.path["job_id"], call.caller.user_id)
    state = {"state": job.state.value}
    if job.state is State.FAILED:
        raise errors.JobFailed(job.error["message"] if job.error else None, details=state)
    if job.state is State.CANCELLED:
        raise errors.JobCancelled(details=state)
    if job.state is not State.COMPLETED:
        raise errors.JobNotCompleted(details=state)
    return jobs.finished(call, job)


@routes.post("/generate/cancel/{job_id}", "Cancel a job", reply=schemas.JobCancelledReply, errors=(404, 409))
@routes.delete(
    "/generate/{job_id}",
    "Cancel a job",
    reply=schemas.JobCancelledReply,
    errors=(404, 409),
    beside_words=True,
    operation="delete_job",
)
async def cancel_job(call: RestCall) -> Answer:
    return await jobs.cancel(call)


@routes.get("/generate", "Jobs, newest first", query=schemas.JobsQuery, reply=schemas.JobList, errors=(404,))
async def list_jobs(call: RestCall) -> Answer:
    found, total = await jobs.page(call, **call.query)
    shown = [serializers.status(job, jobs.result_of(call, job), None)["status"] for job in found]
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
