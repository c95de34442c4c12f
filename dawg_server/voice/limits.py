"""How many voice sessions a user may have, and how long they may talk (contract, section 1.3)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from dawg_server import errors
from dawg_server.costs import periods
from dawg_server.database import voice_sessions
from dawg_server.database.pool import Database


@dataclass(frozen=True, slots=True)
class VoiceLimits:
    """Per user, except `idle_seconds` and `recycle_seconds`, which are per session."""

    sessions: int
    seconds_per_day: float
    idle_seconds: float
    recycle_seconds: float


async def open_session(database: Database, session_id: str, user_id: str, limits: VoiceLimits) -> float:
    """Takes one of the user's places; returns how many seconds are left of the day. Raises `SessionLimit`."""
    async with database.transaction() as connection:
        talk = await voice_sessions.lock(connection, user_id)
        if talk.open >= limits.sessions:
            raise errors.SessionLimit(
                f"You have {talk.open} voice sessions already. End one of them first.",
                details={"limit": limits.sessions, "unit": "sessions"},
                retry_after=10,
            )
        if talk.seconds >= limits.seconds_per_day:
            raise day_is_over(limits)
        await voice_sessions.insert(connection, session_id, user_id)
    return limits.seconds_per_day - talk.seconds


def day_is_over(limits: VoiceLimits) -> errors.SessionLimit:
    now = periods.now()
    resets_at = periods.next_day(now)
    minutes = limits.seconds_per_day / 60
    return errors.SessionLimit(
        f"You have talked for {minutes:g} minutes today, which is all that a day has. It begins anew at midnight UTC.",
        details={"limit": minutes, "unit": "minutes", "resetsAt": _time(resets_at)},
        retry_after=(resets_at - now).total_seconds(),
    )


def _time(moment: datetime.datetime) -> str:
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
