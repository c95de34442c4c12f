"""Voice on every namespace but `/ai-brain`: a browser talks with the model through a session of its socket.

`/voice` is its own; earlier pages have one socket for everything and talk on `/` (and its alias), in their dialect.

Audio comes fifty times a second from everybody who talks, so its handlers are plain functions.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from dawg_server import errors, logs
from dawg_server.voice.prompt import SessionRequest
from dawg_server.voice.session import VoiceSession
from dawg_server.wire import now
from handlers.schemas import voice as schemas
from handlers.schemas.voice_events import SENT
from handlers.sockets.events import Ack, Events, SocketCall
from handlers.sockets.transport.server import Server

NO_SESSION_INTERVAL = 1.0  # seconds between two errors about audio without a session, on one socket
# What comes many times a second, or is of no use later, says no time.
UNTIMED = frozenset({"audio-delta", "ai-text-delta", "user-transcript-delta"})

events = Events("/voice", "voice")
events.sent |= SENT


class VoiceSocket:
    """The socket that owns a session."""

    def __init__(self, server: Server, sid: str, namespace: str) -> None:
        self._server, self._sid, self._namespace = server, sid, namespace

    def publish(self, event: str, payload: Mapping[str, Any]) -> None:
        self._send(event, payload)

    def play(self, payload: Mapping[str, str]) -> bool:
        return self._server.try_send_volatile("audio-delta", payload, sid=self._sid, namespace=self._namespace)

    def _send(self, event: str, payload: Mapping[str, Any]) -> None:
        told = payload if event in UNTIMED else {**payload, "timestamp": now()}
        self._server.broadcast(event, told, room=self._sid, namespace=self._namespace)


class LegacyVoiceSocket(VoiceSocket):
    """The socket of an earlier page: it runs functions by the names of its time, and hears of connections alone."""

    def publish(self, event: str, payload: Mapping[str, Any]) -> None:
        for name, told in _legacy(event, payload):
            self._send(name, told)


def _legacy(event: str, payload: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if event == "function-call":
        payload = {**payload, "name": payload["legacyName"], "function": payload["name"]}
    yield event, payload
    if event == "session-recycled" and payload["reason"] == "upstream":
        yield "realtime-connected", payload
    elif event == "realtime-stopped" and payload["reason"] != "client":
        yield "realtime-disconnected", {**payload, "code": None, "willReconnect": False}


@events.on("start-realtime", "Begin to talk", payload=schemas.StartRealtime, ack=schemas.SessionStarted)
async def start(call: SocketCall) -> Ack:
    """The ack comes once the request is checked, `realtime-started` once the service listens.

    On `/` without a project the page holds the song itself: it is asked to run every function.
    """
    legacy = call.namespace != events.namespace
    request = SessionRequest(
        user_id=call.caller.user_id,
        voice=call.payload["voice"],
        turn_detection=call.payload["turn_detection"],
        project_id=call.payload["project_id"],
        conversation_id=call.payload["conversation_id"],
        context={name: value for name, value in (call.payload["project_context"] or {}).items() if value is not None},
        base_url=call.base_url,
        holds_document=legacy and call.payload["project_id"] is None,
    )
    kind = LegacyVoiceSocket if legacy else VoiceSocket
    socket = kind(call.server, call.sid, call.namespace)
    session_id, conversation_id = await call.services.assistants.voice.start(call.sid, request, socket)
    return {"sessionId": session_id, "conversationId": conversation_id}


def hear(call: SocketCall) -> Ack:
    """What comes before the service listens is kept, up to 10 s."""
    session = call.services.assistants.voice.session(call.sid)
    if session is None:
        return _refuse_audio(call)
    session.hear(call.payload["audio"])
    return None


for _name in ("send-audio", "audio-data"):
    events.on(_name, "Microphone audio", payload=schemas.AudioFrame)(hear)


@events.on("playback-position", "How much the listener has heard", payload=schemas.PlaybackPosition)
def played(call: SocketCall) -> Ack:
    """About four times a second, so that an interruption cuts the answer where it was heard."""
    session = call.services.assistants.voice.session(call.sid)
    if session is None:
        return _refuse_audio(call)
    session.played(call.payload["item_id"], int(call.payload["played_ms"]))
    return None


@events.on("interrupt", "Stop the answer")
def interrupt(call: SocketCall) -> Ack:
    """As if the user had spoken."""
    _session(call).interrupt()
    return None


@events.on("commit-audio", "End the user's turn")
def commit_audio(call: SocketCall) -> Ack:
    """Only with `turnDetection: none`; otherwise the service hears the end of a turn by itself."""
    _session(call).commit_audio()
    return None


@events.on("change-voice", "Speak with another voice", payload=schemas.ChangeVoice)
async def change_voice(call: SocketCall) -> Ack:
    """At once before the first spoken answer; after it between two answers, with the talk so far carried over."""
    _session(call).change_voice(call.payload["voice"])
    return None


@events.on("function-result", "What a function came to in the browser", payload=schemas.FunctionResult)
async def function_result(call: SocketCall) -> Ack:
    """Within 30 s of its `function-call`."""
    _session(call).browser_answered(call.payload["call_id"], call.payload["output"])
    return None


@events.on("stop-realtime", "Stop talking", ack=schemas.SessionStopped)
async def stop(call: SocketCall) -> Ack:
    """The connection to the service is closed when the ack comes, and with it billing has stopped."""
    session_id = _session(call).id
    await call.services.assistants.voice.stop(call.sid)
    return {"sessionId": session_id}


def _session(call: SocketCall) -> VoiceSession:
    call.services.assistants.voice.require()
    session = call.services.assistants.voice.session(call.sid)
    if session is None:
        raise errors.NoSession
    return session


def _refuse_audio(call: SocketCall) -> Ack:
    """A client that talks on after the end is told so, but not at every frame; an ack always says it."""
    error: errors.DawgError = errors.NoSession()
    try:
        call.services.assistants.voice.require()
    except errors.ProviderUnconfigured as unconfigured:
        error = unconfigured
    state = call.server.manager.clients[call.sid].session
    if time.monotonic() - state.get("refused_audio_at", -NO_SESSION_INTERVAL) < NO_SESSION_INTERVAL:
        return error.envelope(logs.request_id())
    state["refused_audio_at"] = time.monotonic()
    raise error
