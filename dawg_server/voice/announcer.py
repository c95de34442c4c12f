"""What the browser is told about its session itself, beside all that is said in it (contract, section 6.7)."""

from __future__ import annotations

import datetime

from dawg_server import errors
from dawg_server.voice import news
from dawg_server.voice.leg import Ending


class Announcer:
    def __init__(self, listener: news.Listener) -> None:
        self._tell = listener.tell

    def listening(
        self, session_id: str, voice: str, model: str, expires_at: float, *, previous: str | None, reason: str
    ) -> None:
        """For the first time, or again in place of the `previous` one. `expires_at` is in epoch seconds."""
        told = {"sessionId": session_id, "voice": voice, "model": model, "expiresAt": _time(expires_at)}
        if previous is None:
            self._tell("realtime-started", told)
            self._tell("realtime-connected", told)
        else:
            self._tell("session-recycled", {**told, "previousSessionId": previous, "reason": reason})

    def voice(self, voice: str, applied: str) -> None:
        self._tell("voice-changed", {"voice": voice, "applied": applied})

    def error(self, error: errors.DawgError, *, fatal: bool) -> None:
        self._tell("error", {**error.envelope(), "fatal": fatal, "retryAfter": error.retry_after})

    def disconnected(self, session_id: str, ending: Ending, *, will_reconnect: bool) -> None:
        told = {"sessionId": session_id, "reason": ending.message, "code": ending.code}
        self._tell("realtime-disconnected", {**told, "willReconnect": will_reconnect})

    def stopped(self, session_id: str, reason: str, seconds: float, cost: float) -> None:
        """`cost` in USD."""
        told = {"sessionId": session_id, "reason": reason, "durationSeconds": round(seconds, 3)}
        self._tell("realtime-stopped", {**told, "costUsd": round(cost, 6)})


def _time(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
