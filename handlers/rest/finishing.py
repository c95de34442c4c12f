"""Stems, mixes, masters and renders: jobs that this server does itself (stems also by Demucs, where a key is set)."""

from __future__ import annotations

from typing import Any

from dawg_server import errors
from dawg_server.audiofiles.service import Incoming
from dawg_server.generation import requests
from dawg_server.generation.finishing.requests import NEEDS_A_MODEL, Request
from dawg_server.generation.job import Job
from dawg_server.generation.service import Once
from dawg_server.settings import MEBIBYTE
from handlers import serializers
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.jobs import JOB, LOCAL, WORK, cancel, page, result_of, submit
from handlers.rest.multipart import Multipart
from handlers.rest.routes import Routes
from handlers.schemas import finishing as schemas
from handlers.schemas import generation as jobs

routes = Routes("finishing")

_UPLOAD: dict[str, Any] = {
    **JOB,
    "commits_reply": False,  # the recording is stored before
    "body": schemas.SeparateRequest,
    "multipart": Multipart(
        schemas.SeparateForm(), ("audio", "file"), lambda settings: settings.max_upload_mb * MEBIBYTE
    ),
}


@routes.post(
    "/generate/stems",
    "Take a recording apart, or make one part of a piece",
    body=schemas.StemsRequest,
    **{**JOB, "errors": (403, 404, 409, 501)},
)
async def create_stems(call: RestCall) -> Answer:
    """Demucs on Replicate takes recordings apart where a key is set; without one, spectral masks, and the result says
    so. Without a recording the embedded engine makes the part that `type` names."""
    if not call.body["audio_file_id"] and not call.body["clip_id"]:
        return await submit(call, "beat", *requests.part(call.body, call.services.jobs.providers))
    return await _separate(call, await call.services.jobs.finishing.stems(call.caller.user_id, call.body))


@routes.post(
    "/ai/separate-stems",
    "Take a recording or an upload apart",
    aliases=("/audio/separate-stems", "/separation/separate"),
    **_UPLOAD,
)
async def separate_stems(call: RestCall) -> Answer:
    """An uploaded recording is kept; its id is in `data.audioFileId` of the job."""
    return await _separate_uploaded(call)


@routes.get("/separation/status/{job_id}", "How far a separation is", reply=jobs.FlatJobStatus, errors=(404,))
async def separation_status(call: RestCall) -> Answer:
    job = await _of_type(call, "stems")
    return serializers.flat_status(job, result_of(call, job))


@routes.delete("/separation/cancel/{job_id}", "Cancel a separation", reply=jobs.JobCancelledReply, errors=(404, 409))
async def cancel_separation(call: RestCall) -> Answer:
    await _of_type(call, "stems")
    return await cancel(call)


@routes.get(
    "/separation/history",
    "Separations, newest first",
    query=schemas.RenderJobsQuery,
    reply=schemas.SeparationList,
    errors=(404,),
)
async def list_separations(call: RestCall) -> Answer:
    found, total = await page(call, type="stems", **call.query)
    return serializers.listed(
        "jobs", [serializers.flat_status(job, result_of(call, job)) for job in found], total, call.query
    )


@routes.get("/separation/quota", "How much may be taken apart", reply=schemas.SeparationQuota)
async def separation_quota(call: RestCall) -> Answer:
    """Limits of jobs hold (`jobsPerMinute`, `jobsWaiting`), and the budget where a paid service does the work."""
    settings = call.services.platform.settings
    quota = {
        "tier": "enterprise",
        "monthlySeparations": None,
        "remainingSeparations": None,
        "batchProcessing": False,
        "priorityProcessing": False,
        "jobsPerMinute": settings.jobs_per_minute,
        "jobsWaiting": settings.jobs_waiting,
    }
    return {"success": True, "quota": quota}


@routes.post("/generate/mix", "Mix tracks", aliases=("/ai/mix",), body=schemas.MixRequest, **JOB)
async def create_mix(call: RestCall) -> Answer:
    """Levels, equalisers, compression and space are chosen by what is measured; the result lists them."""
    return await _submit(call, await call.services.jobs.finishing.mix(call.caller.user_id, call.body))


@routes.post(
    "/generate/master",
    "Master a recording, a track or a project",
    aliases=("/ai/mastering/process",),
    body=schemas.MasterRequest,
    **JOB,
)
async def create_master(call: RestCall) -> Answer:
    """The loudness asked for within 0.5 LU, and true peaks below -1 dBTP: both are measured on the result."""
    return await _submit(call, await call.services.jobs.finishing.master(call.caller.user_id, call.body))


@routes.post("/ai/master", "Master a project or a recording", body=schemas.AiMasterRequest, **JOB)
async def ai_master(call: RestCall) -> Answer:
    """The result adds `masteringChain`, the settings really used, and `analysis`, all of it measured."""
    return await create_master(call)


@routes.post(
    "/render/start",
    "Render a project to a file",
    aliases=("/render",),
    body=schemas.RenderRequest,
    reply=schemas.RenderStatus,
    **WORK,
)
async def start_render(call: RestCall) -> Answer:
    """The project as heard. The same project renders to the same samples twice."""
    request = await call.services.jobs.finishing.render(call.caller.user_id, call.body)
    job, _ = await call.services.jobs.generation.submit(
        call.caller.user_id,
        request.type,
        request.input,
        provider=LOCAL,
        base_url=call.base_url,
        project_id=request.input["projectId"],
        once=Once(call.key, lambda job, _: _render_status(call, job)) if call.key else None,
    )
    return _render_status(call, job)


@routes.get("/render/jobs", "Renders, newest first", query=schemas.RenderJobsQuery, reply=jobs.JobList, errors=(404,))
async def list_renders(call: RestCall) -> Answer:
    found, total = await page(call, type="render", **call.query)
    return serializers.listed("jobs", [_nested(call, job) for job in found], total, call.query)


@routes.get(
    "/render/status/{job_id}",
    "How far a render is",
    aliases=("/render/{job_id}",),
    reply=schemas.RenderStatus,
    errors=(404,),
)
async def render_status(call: RestCall) -> Answer:
    return _render_status(call, await _of_type(call, "render"))


@routes.post("/render/cancel/{job_id}", "Cancel a render", reply=jobs.JobCancelledReply, errors=(404, 409))
@routes.delete(
    "/render/{job_id}", "Cancel a render", reply=jobs.JobCancelledReply, errors=(404, 409), operation="delete_render"
)
async def cancel_render(call: RestCall) -> Answer:
    job = await _of_type(call, "render")
    job = await call.services.jobs.generation.cancel(job.id, call.caller.user_id)
    return {"success": True, "id": job.id, "jobId": job.id, "generationId": job.id, "state": job.state.value}


async def _separate_uploaded(call: RestCall) -> Answer:
    user_id, parameters = call.caller.user_id, dict(call.body)
    if call.files:
        _check_able(call, parameters["stem_types"])
        if parameters["project_id"] is not None:
            await call.services.documents.access.require(parameters["project_id"], user_id, "editor")
        (file,) = call.files
        row = await call.services.documents.audio.add(
            Incoming(file.path, file.name, file.sha256), owner_id=user_id, project_id=parameters["project_id"]
        )
        parameters["audio_file_id"] = row["id"]
    return await _separate(call, await call.services.jobs.finishing.stems(user_id, parameters))


async def _separate(call: RestCall, request: Request) -> Answer:
    _check_able(call, request.input["stemTypes"])
    provider = call.services.jobs.providers.choose("stems", "auto", request.input)
    return await submit(call, request.type, request.input, provider)


def _check_able(call: RestCall, stem_types: list[str]) -> None:
    named = [name for name in NEEDS_A_MODEL if name in stem_types]
    if named and "replicate" not in call.services.jobs.providers.by_name:
        raise errors.ProviderUnconfigured(f"A stem of {' and '.join(named)}", "REPLICATE_API_KEY")


async def _submit(call: RestCall, request: Request) -> Answer:
    return await submit(call, request.type, request.input, LOCAL)


async def _of_type(call: RestCall, type: str) -> Job:
    job = await call.services.jobs.generation.get(call.path["job_id"], call.caller.user_id)
    if job.type != type:
        raise errors.NotFound("There is no such job.", details={"kind": "job"})
    return job


def _render_status(call: RestCall, job: Job) -> dict[str, Any]:
    nested = _nested(call, job)
    shown = {name: nested[name] for name in ("state", "status", "progress", "stage", "result")}
    return {"success": True, "id": job.id, "jobId": job.id, **shown, "error": nested["failedReason"], "job": nested}


def _nested(call: RestCall, job: Job) -> dict[str, Any]:
    nested: dict[str, Any] = serializers.status(job, result_of(call, job), None)["status"]
    return {"id": job.id, **nested}
