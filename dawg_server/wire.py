"""Ids and times on the wire, and time for others while much is put on it.

A malformed id names nothing, like an unknown one. Times are ISO-8601 in UTC, with milliseconds
and `Z`.
"""

from __future__ import annotations

import asyncio
import datetime
import time
import uuid

SLICE = 0.005  # seconds that long work has before it lets others go on


def is_uuid(text: str) -> bool:
    """True for the usual form with hyphens, in any case."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def timestamp(moment: datetime.datetime | float) -> str:
    """`moment` with a time zone, or in epoch seconds."""
    if not isinstance(moment, datetime.datetime):
        moment = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    return moment.astimezone(datetime.UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def now() -> str:
    return timestamp(datetime.datetime.now(datetime.UTC))


class TimeSlices:
    """`await slices.pause()` in a long loop lets the rest of the server go on every few milliseconds."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def pause(self) -> None:
        if time.perf_counter() - self._since > SLICE:
            await asyncio.sleep(0)
            self._since = time.perf_counter()
