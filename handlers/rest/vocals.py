"""`/ai/melody-to-vocals`: a hummed melody becomes a song."""

from __future__ import annotations

from dawg_server.audiofiles.service import Incoming
from dawg_server.generation.finishing.requests import check_melody
from dawg_server.settings import MEBIBYTE, Settings
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.jobs import JOB, submit
from handlers.rest.multipart import Multipart
from handlers.rest.routes import Routes
from handlers.schemas.vocals import VocalsForm, VocalsRequest

MAX_MELODY_MB = 50

routes = Routes("finishing")


def _limit(settings: Settings) -> int:
    return min(settings.max_upload_mb, MAX_MELODY_MB) * MEBIBYTE


@routes.post(
    "/ai/melody-to-vocals",
    "Have a hummed melody sung",
    body=VocalsRequest,
    multipart=Multipart(VocalsForm(), ("audio", "file"), _limit),
    **{**JOB, "commits_reply": False},
)
async def melody_to_vocals(call: RestCall) -> Answer:
    """Suno sings; the words are yours, or written for the melody's phrases where ANTHROPIC_API_KEY is set, or Suno's.

    The melody is written down from the recording (`melodyInfo`), and its key and clear tempo are passed on;
    `melodyFollowed` says whether the singer was given the notes themselves. An uploaded recording is kept; its id is in
    `data.audioFileId` of the job.
    """
    user_id, asked = call.caller.user_id, dict(call.body)
    provider = call.services.jobs.providers.choose("vocals", "auto", {"instrumental": False})
    if call.files:
        if asked["project_id"] is not None:
            await call.services.documents.access.require(asked["project_id"], user_id, "editor")
        (file,) = call.files
        check_melody((await call.services.documents.audio.probe(file.path)).duration)
        row = await call.services.documents.audio.add(
            Incoming(file.path, file.name, file.sha256), owner_id=user_id, project_id=asked["project_id"]
        )
        asked["audio_file_id"] = row["id"]
    request = await call.services.jobs.finishing.vocals(user_id, asked)
    return await submit(call, request.type, request.input, provider)
