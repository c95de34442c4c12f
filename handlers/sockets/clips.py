"""Clips on the namespace `/`: one person asks how they fit together, everybody in the project hears."""

from __future__ import annotations

from bus import events as news
from dawg_server.audiofiles.comparison import Wish
from dawg_server.claude.billing import BillingContext
from handlers import stored_clips
from handlers.schemas import analysis as schemas
from handlers.sockets import rooms
from handlers.sockets.routing import Ack, Events, SocketCall

events = Events("/", "main")


@events.on(
    "clips:analyze-request",
    "Analyse clips together",
    payload=schemas.ClipsAnalyzeRequest,
    ack=schemas.ClipsAnalysis,
    concurrent=True,
)
async def analyze(call: SocketCall) -> Ack:
    """The room hears `clips:analyzing` at once and `clips:analyzed` when it is known; so does the sender."""
    payload, services = call.payload, call.services
    project_id, user_id = payload["project_id"], call.caller.user_id
    member = rooms.membership_of(call.server, call.sid, project_id, "viewer")
    wanted = [{"clip_id": clip_id} for clip_id in payload["clip_ids"]]
    found = await stored_clips.candidates(services, user_id, project_id, wanted)
    begun = {"clipIds": payload["clip_ids"]}
    await services.platform.bus.publish(news.ClipsAnalyzing(project_id, user_id, member.username, begun, call.sid))
    wish = Wish(BillingContext(user_id, project_id), payload["detect_conflicts"], payload["suggest_arrangement"])
    analysis = await services.documents.comparison.compare(found, wish)
    told = {"analysis": analysis}
    await services.platform.bus.publish(news.ClipsAnalyzed(project_id, user_id, member.username, told, to_user=True))
    return {"analysis": analysis}
