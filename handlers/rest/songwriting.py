"""`/generate/lyrics` and `/generate/melody`: what a song begins with."""

from __future__ import annotations

from dawg_server.generation import melodies
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.generate import submit
from handlers.rest.routes import Routes
from handlers.schemas import generation as jobs
from handlers.schemas import songwriting as schemas

routes = Routes("generate")


@routes.post(
    "/generate/lyrics",
    "Write lyrics",
    body=schemas.LyricsRequest,
    query=jobs.Wait,
    reply=jobs.JobAccepted,
    status=202,
    idempotent=True,
    errors=(403, 404, 409),
)
async def create_lyrics(call: RestCall) -> Answer:
    """By a language model, which needs ANTHROPIC_API_KEY. The result has `lyrics`, with their sections and a title."""
    asked = {name: call.body[name] for name in ("theme", "genre", "mood", "style", "length")}
    request = {**asked, "projectId": call.body["project_id"]}
    if request["projectId"] is not None:
        await call.services.documents.access.require(request["projectId"], call.caller.user_id, "editor")
    songwriter = call.services.jobs.songwriter
    await songwriter.require(call.caller.user_id, request)
    return await submit(call, "lyrics", request, songwriter.name)


@routes.post(
    "/generate/melody",
    "Write a melody",
    body=schemas.MelodyRequest,
    query=jobs.Wait,
    reply=jobs.JobAccepted,
    status=202,
    idempotent=True,
    commits_reply=True,
    errors=(403, 404, 409),
)
async def create_melody(call: RestCall) -> Answer:
    """By the embedded engine. The result has `notes` (in beats, and in seconds), audio that plays them, and MIDI."""
    return await submit(call, "melody", *melodies.melody(call.body, call.services.jobs.providers))
