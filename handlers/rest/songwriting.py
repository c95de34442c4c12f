"""`/generate/lyrics` and `/generate/melody`: what a song begins with."""

from __future__ import annotations

from dawg_server.generation import melodies
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.jobs import JOB, submit, submits
from handlers.rest.routes import Routes
from handlers.schemas import songwriting as schemas

routes = Routes("generate")


@routes.post(
    "/generate/lyrics",
    "Write lyrics",
    body=schemas.LyricsRequest,
    **{**JOB, "commits_reply": False},
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


routes.post("/generate/melody", "Write a melody", body=schemas.MelodyRequest, **JOB)(
    submits(
        "melody",
        melodies.melody,
        name="create_melody",
        about="By the embedded engine. The result has `notes` (in beats, and in seconds), audio of them, and MIDI.",
    )
)
