"""How many voice sessions a user may have, and how long they may talk (contract, section 1.3)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from dawg_server import errors
from dawg_server.costs import periods
from dawg_server.database import voice_sessions
from dawg_server.database.pool import Database
from dawg_server.wire import timestamp

CALL_SECONDS = 3600  # after which the service ends a connection, without a warning


@dataclass(frozen=True, slots=True)
class VoiceLimits:
    """Per user, except `idle_seconds` and `recycle_seconds`, which are per session."""

    sessions: int
    seconds_per_day: float
    idle_seconds: float
    recycle_seconds: float


@dataclass(frozen=True, slots=True)
class SessionGrant:
    """A row of `voice_sessions`, and how many seconds were left of its user's day when it was made."""

    id: str
    user_id: str
    seconds_left: float


async def open_session(
    database: Database, user_id: str, limits: VoiceLimits, *, reserved_seconds: int | None = None
) -> SessionGrant:
    """Takes one of the user's places. Raises `SessionLimit`.

    `reserved_seconds` are taken at once, for calls whose real length will never be known.
    """
    id = str(uuid.uuid4())
    async with database.transaction() as connection:
        talk = await voice_sessions.lock(connection, user_id)
        if talk.open >= limits.sessions:
            raise _too_many(talk, limits)
        if talk.seconds >= limits.seconds_per_day:
            raise day_is_over(limits)
        if talk.seconds + (reserved_seconds or 0) > limits.seconds_per_day:
            raise _day_is_too_short(limits, talk.seconds, reserved_seconds or 0)
        await voice_sessions.insert(connection, id, user_id, reserved_seconds=reserved_seconds)
    return SessionGrant(id, user_id, limits.seconds_per_day - talk.seconds)


def _too_many(talk: voice_sessions.TalkTime, limits: VoiceLimits) -> errors.SessionLimit:
    sentence, seconds = "End one of them first.", 10.0
    if talk.reserved == talk.open:
        seconds = talk.reserved_seconds
        sentence = (
            f"They are calls of browsers, which this server cannot end; one is over in {seconds / 60:.0f} minutes."
        )
    return errors.SessionLimit(
        f"You have {talk.open} voice sessions already. {sentence}",
        details={"limit": limits.sessions, "unit": "sessions"},
        retry_after=seconds,
    )


def day_is_over(limits: VoiceLimits) -> errors.SessionLimit:
    minutes = limits.seconds_per_day / 60
    return _out_of_minutes(
        minutes,
        f"You have talked for {minutes:g} minutes today, which is all that a day has. It begins anew at midnight UTC.",
    )


def _day_is_too_short(limits: VoiceLimits, talked: float, wanted: float) -> errors.SessionLimit:
    left = (limits.seconds_per_day - talked) / 60
    return _out_of_minutes(
        limits.seconds_per_day / 60,
        f"A call of the browser's own counts with the {wanted / 60:g} minutes that it can last, and {left:.0f} minutes "
        "are left of your day. Talk through this server instead (start-realtime), or ask again after midnight UTC.",
    )


def _out_of_minutes(minutes: float, sentence: str) -> errors.SessionLimit:
    now = periods.now()
    resets_at = periods.next_day(now)
    return errors.SessionLimit(
        sentence,
        details={"limit": minutes, "unit": "minutes", "resetsAt": timestamp(resets_at)},
        retry_after=(resets_at - now).total_seconds(),
    )
