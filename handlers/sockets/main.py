"""Namespace `/`."""

from __future__ import annotations

import time

from dawg_server import errors
from handlers.schemas import sockets as schemas
from handlers.sockets.routing import Ack, Events, SocketCall

MISDIRECTED_INTERVAL = 60.0  # seconds between two errors about the same mistake on one socket

events = Events("/", "main")


@events.on("generation:cancel", "Cancel a waiting or running job", payload=schemas.CancelJob, ack=schemas.JobState)
async def cancel_generation(call: SocketCall) -> Ack:
    job = await call.services.jobs.generation.cancel(call.payload["job_id"], call.caller.user_id)
    return {"jobId": job.id, "state": job.state.value}


async def refuse_voice(call: SocketCall) -> Ack:
    """An earlier client sends voice here; it is told where to go, but not at every audio frame."""
    error = errors.WrongNamespace("Voice has its own namespace: connect to /voice.", details={"namespace": "/voice"})
    session = await call.server.get_session(call.sid, call.namespace)
    told_at, session["misdirected_at"] = session.get("misdirected_at"), time.monotonic()
    if told_at is not None and time.monotonic() - told_at < MISDIRECTED_INTERVAL:
        session["misdirected_at"] = told_at
        return error.envelope()  # reaches only who asked for an ack; no `error` event is made of it
    raise error


for _name in ("start-realtime", "send-audio", "audio-data", "change-voice", "function-result", "stop-realtime"):
    events.on(_name, "Refused: belongs to the namespace /voice")(refuse_voice)
