"""`/tracks`: tracks and their sends."""

from __future__ import annotations

from dawg_server import ids
from dawg_server.database import tracks
from handlers.rest import editing, pages
from handlers.rest.routing import Answer, Call, Routes
from handlers.schemas import tracks as schemas
from handlers.schemas.projects import Deleted

routes = Routes("tracks")


@routes.get(
    "/tracks/project/{project_id}",
    "The tracks of a project",
    query=schemas.TracksQuery,
    reply=schemas.TrackList,
    errors=(404,),
)
async def list_tracks(call: Call) -> Answer:
    project_id, query, database = call.path["project_id"], call.query, call.services.platform.database
    await call.services.documents.access.require(project_id, call.caller.user_id, "viewer")
    offset = (query["page"] - 1) * query["limit"]
    found = await tracks.of_project(database, project_id, limit=query["limit"], offset=offset)
    return pages.listed("tracks", found, await tracks.count(database, project_id), query)


@routes.post(
    "/tracks",
    "Add a track",
    body=schemas.TrackCreate,
    reply=schemas.TrackReply,
    status=201,
    idempotent=True,
    errors=(403, 404, 409),
)
async def create_track(call: Call) -> Answer:
    fields = editing.changes(call)
    result, executed = await editing.run(call, fields.pop("projectId"), "createTrack", fields)
    return editing.twice("track", result["track"], revision=executed.revision)


@routes.post(
    "/tracks/project/{project_id}/reorder",
    "Put tracks into another order",
    body=schemas.TrackOrders,
    reply=schemas.TracksReply,
    errors=(403, 404, 409),
)
async def reorder_tracks(call: Call) -> Answer:
    """The final order has no gaps."""
    result, executed = await editing.run(call, call.path["project_id"], "reorderTracks", editing.changes(call))
    return {"success": True, **result, "revision": executed.revision}


@routes.patch(
    "/tracks/bulk",
    "Make the same changes to several tracks",
    body=schemas.TracksChange,
    reply=schemas.TracksReply,
    errors=(403, 404, 409),
)
async def change_tracks(call: Call) -> Answer:
    """All of them or none."""
    track_ids = call.body["trackIds"]
    homes = await tracks.projects_of(call.services.platform.database, track_ids)
    project_id = editing.place(homes, track_ids[0], "track")
    wish = {"trackIds": track_ids, "changes": call.body["updates"]}
    result, executed = await editing.run(call, project_id, "updateTracks", wish)
    changed = result["tracks"]
    return {
        "success": True,
        "count": len(changed),
        "tracks": changed,
        "revision": executed.revision,
        "message": "1 track was changed." if len(changed) == 1 else f"{len(changed)} tracks were changed.",
    }


@routes.get("/tracks/{track_id}", "A track", reply=schemas.TrackReply, errors=(404,))
async def get_track(call: Call) -> Answer:
    found = await tracks.get(call.services.platform.database, editing.usable(call.path["track_id"]))
    if not found:
        raise editing.not_found("track")
    await _visible(call, found[0]["projectId"])
    return editing.twice("track", found[0])


@routes.put(
    "/tracks/{track_id}", "Change a track", body=schemas.TrackChange, reply=schemas.TrackReply, errors=(403, 404, 409)
)
async def change_track(call: Call) -> Answer:
    track_id = call.path["track_id"].lower()
    project_id = await project_of(call)
    wish = {"trackId": track_id, "changes": editing.changes(call)}
    result, executed = await editing.run(call, project_id, "updateTrack", wish)
    return editing.twice("track", result["track"], revision=executed.revision)


@routes.patch(
    "/tracks/{track_id}", "Change a track", body=schemas.TrackChange, reply=schemas.TrackReply, errors=(403, 404, 409)
)
async def patch_track(call: Call) -> Answer:
    return await change_track(call)


@routes.delete("/tracks/{track_id}", "Delete a track", reply=Deleted, errors=(403, 404, 409))
async def delete_track(call: Call) -> Answer:
    """With its clips and the sends to it; all of that can be undone."""
    track_id = call.path["track_id"].lower()
    _, executed = await editing.run(call, await project_of(call), "deleteTrack", {"trackId": track_id})
    return editing.deleted(track_id, "track", revision=executed.revision)


@routes.post(
    "/tracks/{track_id}/sends",
    "Send a track's sound to an AUX track",
    body=schemas.SendCreate,
    reply=schemas.SendReply,
    idempotent=True,
    errors=(403, 404, 409),
)
async def create_send(call: Call) -> Answer:
    """A way that leads back to where it began is 400."""
    wish = {"trackId": call.path["track_id"], **editing.changes(call)}
    result, executed = await editing.run(call, await project_of(call), "createSend", wish)
    return {"success": True, **result, "revision": executed.revision}


@routes.put(
    "/tracks/{track_id}/sends/{send_id}",
    "Change a send",
    body=schemas.SendChange,
    reply=schemas.SendReply,
    errors=(403, 404, 409),
)
async def change_send(call: Call) -> Answer:
    project_id = await project_of(call)
    result, executed = await editing.run(
        call,
        project_id,
        "updateSend",
        {
            "trackId": call.path["track_id"],
            "sendId": _send_id(call),
            "changes": editing.changes(call),
        },
    )
    return {"success": True, **result, "revision": executed.revision}


@routes.patch(
    "/tracks/{track_id}/sends/{send_id}",
    "Change a send",
    body=schemas.SendChange,
    reply=schemas.SendReply,
    errors=(403, 404, 409),
)
async def patch_send(call: Call) -> Answer:
    return await change_send(call)


@routes.delete("/tracks/{track_id}/sends/{send_id}", "Remove a send", reply=Deleted, errors=(403, 404, 409))
async def remove_send(call: Call) -> Answer:
    project_id, send_id = await project_of(call), _send_id(call)
    wish = {"trackId": call.path["track_id"], "sendId": send_id}
    result, executed = await editing.run(call, project_id, "removeSend", wish)
    return editing.deleted(send_id, "send", send=result["send"], track=result["track"], revision=executed.revision)


def _send_id(call: Call) -> str:
    if not ids.is_uuid(call.path["send_id"]):
        raise editing.not_found("send")
    return call.path["send_id"].lower()


async def project_of(call: Call) -> str:
    """The project of the track in the path, which the caller may at least see; `NotFound` names the track else."""
    track_id = call.path["track_id"]
    homes = await tracks.projects_of(call.services.platform.database, editing.usable(track_id))
    return editing.place(homes, track_id, "track")


async def _visible(call: Call, project_id: str) -> None:
    if await call.services.documents.document.role(project_id, call.caller.user_id) is None:
        raise editing.not_found("track")
