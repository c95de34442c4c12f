"""`/tracks`: tracks and their sends."""

from __future__ import annotations

from dawg_server.daw.entities import TRACK
from dawg_server.wire import is_uuid
from handlers import serializers
from handlers.rest import editing
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routing import Routes
from handlers.schemas import replies
from handlers.schemas import tracks as schemas
from handlers.schemas.collaboration import Deletion
from handlers.schemas.replies import Deleted

routes = Routes("tracks")


@routes.get(
    "/tracks/project/{project_id}",
    "The tracks of a project",
    query=schemas.TracksQuery,
    reply=schemas.TrackList,
    errors=(404,),
)
async def list_tracks(call: RestCall) -> Answer:
    query = call.query
    found, total = await call.services.documents.queries.tracks(
        call.path["project_id"], call.caller.user_id, page=query["page"], limit=query["limit"]
    )
    return serializers.listed("tracks", found, total, query)


@routes.post(
    "/tracks/project/{project_id}/reorder",
    "Put tracks into another order",
    body=schemas.TrackOrders,
    reply=schemas.TracksReply,
    errors=(403, 404, 409),
)
async def reorder_tracks(call: RestCall) -> Answer:
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
async def change_tracks(call: RestCall) -> Answer:
    """All of them or none."""
    track_ids = call.body["trackIds"]
    project_id = await call.services.documents.queries.home(TRACK, track_ids[0])
    parameters = {"trackIds": track_ids, "changes": call.body["updates"]}
    result, executed = await editing.run(call, project_id, "updateTracks", parameters)
    changed = result["tracks"]
    return {
        "success": True,
        "count": len(changed),
        "tracks": changed,
        "revision": executed.revision,
        "message": "1 track was changed." if len(changed) == 1 else f"{len(changed)} tracks were changed.",
    }


@routes.get("/tracks/{track_id}", "A track", reply=replies.TrackReply, errors=(404,))
async def get_track(call: RestCall) -> Answer:
    track = await call.services.documents.queries.one(TRACK, call.path["track_id"], call.caller.user_id)
    return editing.with_alias("track", track)


@routes.post(
    "/tracks/{track_id}/sends",
    "Send a track's sound to an AUX track",
    body=schemas.SendCreate,
    reply=schemas.SendReply,
    idempotent=True,
    errors=(403, 404, 409),
)
async def create_send(call: RestCall) -> Answer:
    """A way that leads back to where it began is 400."""
    parameters = {"trackId": call.path["track_id"], **editing.changes(call)}
    result, executed = await editing.run(call, await project_of(call), "createSend", parameters)
    return {"success": True, **result, "revision": executed.revision}


@routes.put(
    "/tracks/{track_id}/sends/{send_id}",
    "Change a send",
    body=schemas.SendChange,
    reply=schemas.SendReply,
    errors=(403, 404, 409),
)
async def change_send(call: RestCall) -> Answer:
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
async def patch_send(call: RestCall) -> Answer:
    return await change_send(call)


@routes.delete(
    "/tracks/{track_id}/sends/{send_id}", "Remove a send", query=Deletion, reply=Deleted, errors=(403, 404, 409)
)
async def remove_send(call: RestCall) -> Answer:
    project_id, send_id = await project_of(call), _send_id(call)
    parameters = {"trackId": call.path["track_id"], "sendId": send_id}
    result, executed = await editing.run(call, project_id, "removeSend", parameters)
    return editing.deleted(send_id, "send", send=result["send"], track=result["track"], revision=executed.revision)


def _send_id(call: RestCall) -> str:
    if not is_uuid(call.path["send_id"]):
        raise editing.not_found("send")
    return call.path["send_id"].lower()


async def project_of(call: RestCall) -> str:
    """The project of the track in the path."""
    return await call.services.documents.queries.home(TRACK, call.path["track_id"])
