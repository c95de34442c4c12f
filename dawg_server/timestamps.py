"""Times as everybody outside reads them: ISO-8601 in UTC, with milliseconds and `Z`."""

from __future__ import annotations

import datetime


def timestamp(moment: datetime.datetime | float) -> str:
    """`moment` with a time zone, or in epoch seconds."""
    if not isinstance(moment, datetime.datetime):
        moment = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    return moment.astimezone(datetime.UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def now() -> str:
    return timestamp(datetime.datetime.now(datetime.UTC))
