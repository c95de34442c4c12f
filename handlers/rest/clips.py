"""`/clips`: what lies on the time line."""

from __future__ import annotations

from dawg_server.database import clips, tracks
from handlers.rest import editing
from handlers.rest.routing import Answer, Call, Routes
from handlers.schemas import clips as schemas
from handlers.schemas.projects import Deleted

routes = Routes("clips")


@routes.get("/clips/track/{track_id}", "The clips of a track", reply=schemas.ClipList, errors=(404,))
async def list_clips(call: Call) -> Answer:
    track_id, database = call.path["track_id"], call.services.platform.database
    homes = await tracks.projects_of(database, editing.usable(track_id))
    await _visible(call, editing.place(homes, track_id, "track"), "track")
    found = await clips.of_tracks(database, [track_id])
    return {"success": True, "clips": found, "total": len(found)}


@routes.post(
    "/clips",
    "Add a clip",
    body=schemas.ClipCreate,
    reply=schemas.ClipReply,
    status=201,
    idempotent=True,
    errors=(403, 404, 409),
)
async def create_clip(call: Call) -> Answer:
    track_id = call.body["trackId"]
    project_id = editing.place(await tracks.projects_of(call.services.platform.database, [track_id]), track_id, "track")
    result, executed = await editing.run(call, project_id, "createClip", editing.changes(call))
    return editing.twice("clip", result.pop("clip"), **result, revision=executed.revision)


@routes.patch(
    "/clips/bulk",
    "Make the same changes to several clips",
    body=schemas.ClipsChange,
    reply=schemas.ClipsReply,
    errors=(403, 404, 409),
)
async def change_clips(call: Call) -> Answer:
    """All of them or none."""
    clip_ids = call.body["clipIds"]
    homes = await clips.projects_of(call.services.platform.database, clip_ids)
    wish = {"clipIds": clip_ids, "changes": call.body["updates"]}
    result, executed = await editing.run(call, editing.place(homes, clip_ids[0], "clip"), "updateClips", wish)
    return {"success": True, "count": len(result["clips"]), **result, "revision": executed.revision}


@routes.get("/clips/{clip_id}", "A clip", reply=schemas.ClipReply, errors=(404,))
async def get_clip(call: Call) -> Answer:
    project_id, clip_id = await _project_of(call), call.path["clip_id"]
    await _visible(call, project_id, "clip")
    found = await clips.get(call.services.platform.database, project_id, [clip_id])
    if not found:
        raise editing.not_found("clip")
    return editing.twice("clip", found[0])


@routes.put(
    "/clips/{clip_id}", "Change a clip", body=schemas.ClipChange, reply=schemas.ClipReply, errors=(403, 404, 409)
)
async def change_clip(call: Call) -> Answer:
    wish = {"clipId": call.path["clip_id"], "changes": editing.changes(call)}
    result, executed = await editing.run(call, await _project_of(call), "updateClip", wish)
    return editing.twice("clip", result.pop("clip"), **result, revision=executed.revision)


@routes.patch(
    "/clips/{clip_id}", "Change a clip", body=schemas.ClipChange, reply=schemas.ClipReply, errors=(403, 404, 409)
)
async def patch_clip(call: Call) -> Answer:
    return await change_clip(call)


@routes.delete("/clips/{clip_id}", "Delete a clip", reply=Deleted, errors=(403, 404, 409))
async def delete_clip(call: Call) -> Answer:
    """Its recording stays."""
    clip_id = call.path["clip_id"].lower()
    _, executed = await editing.run(call, await _project_of(call), "deleteClip", {"clipId": clip_id})
    return editing.deleted(clip_id, "clip", revision=executed.revision)


async def _project_of(call: Call) -> str:
    clip_id = call.path["clip_id"]
    homes = await clips.projects_of(call.services.platform.database, editing.usable(clip_id))
    return editing.place(homes, clip_id, "clip")


async def _visible(call: Call, project_id: str, kind: str) -> None:
    if await call.services.documents.document.role(project_id, call.caller.user_id) is None:
        raise editing.not_found(kind)
