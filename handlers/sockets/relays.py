"""What people in one project tell each other and nobody stores: playback, pointers, selections, recordings, tasks.

Plain functions, which the reader of the connection calls itself. Each event of each socket passes at most
`SOCKET_RELAYS_PER_SECOND` times a second to each project; what is too much is dropped, and the newest value always
arrives in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from bus import events as bus_events
from dawg_server.schema import Body
from handlers.schemas import collaboration as schemas
from handlers.sockets.events import Ack, Events, SocketCall, memberships_of

events = Events("/", "main")

Kind = type[bus_events.RoomEvent]

RELAYS: tuple[tuple[str, str, type[Body], Kind, Literal["viewer", "editor"]], ...] = (
    ("playback:sync", "Say what is playing", schemas.Playback, bus_events.PlaybackSynced, "viewer"),
    ("cursor:move", "Say where the pointer is", schemas.Cursor, bus_events.CursorMoved, "viewer"),
    ("selection:change", "Say what is selected", schemas.Selection, bus_events.SelectionChanged, "viewer"),
    ("recording:start", "Say that a recording begins", schemas.Recording, bus_events.RecordingStarted, "editor"),
    ("recording:stop", "Say that a recording has ended", schemas.Recording, bus_events.RecordingStopped, "editor"),
    ("ai:start", "Say that a task has begun", schemas.AiTask, bus_events.AiStarted, "editor"),
    ("ai:progress", "Say how far a task is", schemas.AiProgress, bus_events.AiProgressUpdate, "editor"),
    ("ai:complete", "Say that a task is done", schemas.AiResult, bus_events.AiCompleted, "editor"),
    ("ai:error", "Say that a task has failed", schemas.AiError, bus_events.AiFailed, "editor"),
    ("lyrics:analysis-complete", "Pass on an analysis", schemas.LyricsFindings, bus_events.LyricsAnalyzed, "editor"),
    (
        "lyrics:section-labels-update",
        "Pass on which lines are which section",
        schemas.SectionLabels,
        bus_events.LyricsSectionLabelsUpdated,
        "editor",
    ),
    (
        "lyrics:recommendations-ready",
        "Pass on what could be better",
        schemas.Recommendations,
        bus_events.LyricsRecommendations,
        "editor",
    ),
    (
        "clips:analysis-complete",
        "Pass on an analysis of clips",
        schemas.ClipsFindings,
        bus_events.ClipsAnalyzed,
        "editor",
    ),
)

# What others are told by each, as its sender has said it.
SAID: dict[Kind, type[Body]] = {kind: payload for _, _, payload, kind, _ in RELAYS} | {
    bus_events.PresenceUpdated: schemas.State
}


def relay(call: SocketCall, name: str, kind: Kind, role: str) -> None:
    """Tells everybody else in the room, now or a little later, as long as the sender is still in it."""
    server, sid, project_id = call.server, call.sid, call.payload["projectId"]
    fields = {key: value for key, value in call.payload.items() if key != "projectId"}
    call.membership(role)

    def send() -> None:
        if (member := memberships_of(server, sid).get(project_id)) is not None:
            call.services.platform.bus.publish_nowait(
                kind(project_id, call.caller.user_id, member.username, fields, sid)
            )

    call.rate_limit.relay((name, project_id), send)


def _declare(name: str, summary: str, payload: type[Body], kind: Kind, role: str) -> None:
    def passed_on(call: SocketCall) -> Ack:
        relay(call, name, kind, role)
        return None

    passed_on.__doc__ = f"To the others in the room as `{kind.name}`."
    handler: Callable[[SocketCall], Ack] = passed_on
    events.on(name, summary, payload=payload)(handler)


for _each in RELAYS:
    _declare(*_each)


@events.on("presence:update", "Say what one is doing", payload=schemas.State, ack=schemas.Members)
async def update_presence(call: SocketCall) -> Ack:
    """Shown for a minute to those who come later, in the `members` of their `join:project`."""
    presence, project_id = call.services.documents.presence, call.payload["projectId"]
    call.membership()
    call.rate_limit.state()
    relay(call, "presence:update", bus_events.PresenceUpdated, "viewer")
    await presence.set_state(project_id, call.sid, call.payload["state"])
    return {"members": await presence.members(project_id)}
