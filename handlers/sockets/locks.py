"""Soft locks: "leave this track alone for a moment, I am working on it".

A lock belongs to a person, lasts fifteen seconds and is renewed by asking again; it ends with its connection. It stops
nobody, because a lock that does is a trap when a browser sleeps: changes by others get through, and their acks carry
`lockedBy`, so that a page can warn before the next one.
"""

from __future__ import annotations

from bus import events as bus_events
from handlers.schemas import collaboration as schemas
from handlers.sockets.events import Ack, Events, SocketCall

events = Events("/", "main")


@events.on("track:lock", "Ask others to leave a track alone", payload=schemas.TrackLock, ack=schemas.Locked)
async def lock(call: SocketCall) -> Ack:
    """Somebody else's lock is answered with `locked: false` and its holder. Everybody is told of every renewal."""
    member = call.membership("editor")
    call.rate_limit.mutate()
    project_id, track_id = call.payload["projectId"], call.payload["trackId"]
    mine, held = await call.services.documents.presence.lock(project_id, track_id, call.sid)
    shown = schemas.lock(held)
    if mine:
        fields = {"trackId": track_id, "expiresAt": shown["expiresAt"]}
        call.services.platform.bus.publish_nowait(
            bus_events.TrackLocked(project_id, call.caller.user_id, member.username, fields, call.sid)
        )
    return {"locked": mine, **shown}


@events.on("track:unlock", "End one's own lock", payload=schemas.TrackLock, ack=schemas.Locked)
async def unlock(call: SocketCall) -> Ack:
    member = call.membership("editor")
    call.rate_limit.mutate()
    presence, project_id, track_id = (
        call.services.documents.presence,
        call.payload["projectId"],
        call.payload["trackId"],
    )
    if await presence.unlock(project_id, track_id, call.caller.user_id):
        fields = {"trackId": track_id}
        call.services.platform.bus.publish_nowait(
            bus_events.TrackUnlocked(project_id, call.caller.user_id, member.username, fields, call.sid)
        )
    held = await presence.locked(project_id, track_id)
    return {"locked": False, **(schemas.lock(held) if held else {"trackId": track_id, "holder": None})}
