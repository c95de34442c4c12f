"""Namespace `/`."""

from __future__ import annotations

from handlers.schemas import generation as schemas
from handlers.sockets.events import Ack, Events, SocketCall

events = Events("/", "main")


@events.on("generation:cancel", "Cancel a waiting or running job", payload=schemas.CancelJob, ack=schemas.JobState)
async def cancel_generation(call: SocketCall) -> Ack:
    job = await call.services.jobs.generation.cancel(call.payload["job_id"], call.caller.user_id)
    return {"jobId": job.id, "state": job.state.value}
