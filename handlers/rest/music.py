"""`/generate/music`: a song, or an instrumental."""

from __future__ import annotations

from dawg_server.generation import music
from handlers.rest.generate import submit
from handlers.rest.routing import Answer, Call, Routes
from handlers.schemas import generation as schemas
from handlers.schemas.music_request import MusicRequest

routes = Routes("generate")


@routes.post(
    "/generate/music",
    "Make a song or an instrumental",
    body=MusicRequest,
    query=schemas.Wait,
    reply=schemas.JobAccepted,
    status=202,
    idempotent=True,
    commits_reply=True,
    errors=(404, 403, 409),
)
async def create_music(call: Call) -> Answer:
    """Songs come from Suno, instrumentals also from MusicGen or, without any key, from the embedded engine."""
    request = music.resolve(call.body)
    provider = call.services.jobs.providers.choose("music", request["provider"], request)
    if provider == "embedded":
        request = music.completed(request)
    return await submit(call, "music", request, provider)
