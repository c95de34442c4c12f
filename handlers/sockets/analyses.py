"""Analyses on the namespace `/`: one person asks, everybody in the project hears."""

from __future__ import annotations

from bus import events as bus_events
from handlers import analyses
from handlers.analyses import AnalysisRequester
from handlers.schemas import analysis, lyrics
from handlers.sockets.events import Ack, Events, SocketCall

events = Events("/", "main")


@events.on(
    "lyrics:analyze-request",
    "Analyse the lyrics of a track",
    payload=lyrics.AnalyzeTrackLyrics,
    ack=lyrics.LyricsAnalysis,
    concurrent=True,
)
async def analyze_lyrics(call: SocketCall) -> Ack:
    """The room hears `lyrics:analyzing` at once, and the analysis, its labels and its advice when they are there."""
    member = call.membership("editor", project_id=call.payload["project_id"])
    by = AnalysisRequester(call.caller.user_id, member.username, call.sid)
    return {"analysis": await analyses.analyze_lyrics(call.services, by, call.payload)}


@events.on(
    "clips:analyze-request",
    "Analyse clips together",
    payload=analysis.ClipsAnalyzeRequest,
    ack=analysis.ClipsAnalysis,
    concurrent=True,
)
async def analyze_clips(call: SocketCall) -> Ack:
    """The room hears `clips:analyzing` at once and `clips:analyzed` when it is known; so does the sender."""
    payload, services = call.payload, call.services
    project_id, user_id = payload["project_id"], call.caller.user_id
    member = call.membership(project_id=project_id)
    wanted = [{"clip_id": clip_id} for clip_id in payload["clip_ids"]]
    found = await analyses.candidates(services, user_id, project_id, wanted)
    begun = {"clipIds": payload["clip_ids"]}
    await services.platform.bus.publish(
        bus_events.ClipsAnalyzing(project_id, user_id, member.username, begun, call.sid)
    )
    told = {"analysis": await analyses.compare(services, user_id, payload, found)}
    await services.platform.bus.publish(
        bus_events.ClipsAnalyzed(project_id, user_id, member.username, told, to_user=True)
    )
    return told
