"""Namespace `/`."""

from __future__ import annotations

import time

from dawg_server import errors
from handlers.schemas import sockets as schemas
from handlers.sockets.routing import Ack, Call, Events

MISDIRECTED_INTERVAL = 60.0  # seconds between two errors about the same mistake on one socket

events = Events("/", "main")


@events.on("generation:cancel", "Cancel a waiting or running job", payload=schemas.CancelJob, ack=schemas.JobState)
async def cancel_generation(call: Call) -> Ack:
    job = await call.services.generation.cancel(call.payload["job_id"], call.caller.user_id)
    return {"jobId": job.id, "state": job.state.value}


async def refuse_voice(call: Call) -> Ack:
    """An earlier client sends voice here; it is told where to go, but not at every audio frame."""
    session = await call.server.get_session(call.sid, call.namespace)
    if time.monotonic() - session.get("misdirected_at", -MISDIRECTED_INTERVAL) < MISDIRECTED_INTERVAL and not call.wants_ack:
        return None
    session["misdirected_at"] = time.monotonic()
    raise errors.WrongNamespace("Voice has a namespace of its own: connect to /voice.", details={"namespace": "/voice"})


for _name in ("start-realtime", "send-audio", "audio-data", "change-voice", "function-result", "stop-realtime"):
    events.on(_name, "Refused: belongs to the namespace /voice")(refuse_voice)
