"""`/clips`: what lies on the time line; making, changing and deleting it are in `changes`."""

from __future__ import annotations

from dawg_server.daw.entities import CLIP
from handlers.rest import editing
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routing import Routes
from handlers.schemas import clips as schemas
from handlers.schemas.replies import ClipReply

routes = Routes("clips")


@routes.get("/clips/track/{track_id}", "The clips of a track", reply=schemas.ClipList, errors=(404,))
async def list_clips(call: RestCall) -> Answer:
    found = await call.services.documents.queries.clips(call.path["track_id"], call.caller.user_id)
    return {"success": True, "clips": found, "total": len(found)}


@routes.patch(
    "/clips/bulk",
    "Make the same changes to several clips",
    body=schemas.ClipsChange,
    reply=schemas.ClipsReply,
    errors=(403, 404, 409),
)
async def change_clips(call: RestCall) -> Answer:
    """All of them or none."""
    clip_ids = call.body["clipIds"]
    project_id = await call.services.documents.queries.home(CLIP, clip_ids[0])
    wanted = {"clipIds": clip_ids, "changes": call.body["updates"]}
    result, executed = await editing.run(call, project_id, "updateClips", wanted)
    return {"success": True, "count": len(result["clips"]), **result, "revision": executed.revision}


@routes.get("/clips/{clip_id}", "A clip", reply=ClipReply, errors=(404,))
async def get_clip(call: RestCall) -> Answer:
    found = await call.services.documents.queries.one(CLIP, call.path["clip_id"], call.caller.user_id)
    return editing.with_alias("clip", found)
