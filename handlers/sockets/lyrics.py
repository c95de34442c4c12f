"""Lyrics on the namespace `/`: one person asks, everybody in the project hears."""

from __future__ import annotations

from bus import events as news
from dawg_server import errors
from dawg_server.claude.billing import BillingContext
from handlers.schemas import lyrics as schemas
from handlers.sockets import rooms
from handlers.sockets.routing import Ack, Events, SocketCall

events = Events("/", "main")


@events.on(
    "lyrics:analyze-request",
    "Analyse the lyrics of a track",
    payload=schemas.AnalyzeTrackLyrics,
    ack=schemas.LyricsAnalysis,
    concurrent=True,
)
async def analyze(call: SocketCall) -> Ack:
    """The room hears `lyrics:analyzing` at once, and the analysis, its labels and its advice when they are there."""
    payload = call.payload
    project_id, track_id = payload["project_id"], payload["track_id"]
    member = rooms.membership_of(call.server, call.sid, project_id, "editor")
    track = await call.services.documents.access.require_track(track_id, call.caller.user_id, "editor")
    if track["projectId"] != project_id:
        raise errors.NotFound("There is no such track.", details={"kind": "track"})
    begun = news.LyricsAnalyzing(project_id, call.caller.user_id, member.username, {"trackId": track_id}, call.sid)
    await call.services.platform.bus.publish(begun)
    found = await call.services.assistants.lyrics.analyze(
        payload["lyrics"], payload["genre"], by=BillingContext(call.caller.user_id, project_id)
    )
    await call.services.assistants.lyrics.publish(
        found, project_id=project_id, track_id=track_id, user_id=call.caller.user_id, username=member.username
    )
    return {"analysis": found}
