"""Days and months of budgets: UTC, from midnight to midnight and from the 1st to the 1st."""

from __future__ import annotations

import datetime
from collections.abc import Callable

Clock = Callable[[], datetime.datetime]


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def day_start(at: datetime.datetime) -> datetime.datetime:
    return at.astimezone(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def month_start(at: datetime.datetime) -> datetime.datetime:
    return day_start(at).replace(day=1)


def next_day(at: datetime.datetime) -> datetime.datetime:
    return day_start(at) + datetime.timedelta(days=1)


def next_month(at: datetime.datetime) -> datetime.datetime:
    return month_start(month_start(at) + datetime.timedelta(days=32))
