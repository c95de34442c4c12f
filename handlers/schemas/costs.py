"""What is asked about money, and what is answered."""

from __future__ import annotations

import datetime
import re
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from dawg_server.schema import Body, Choice, Flag, Items, Number, Query, Text

MAX_LIMIT = 10_000_000  # USD; far above every budget, far below what the database can hold
_LAST_DAY = datetime.datetime(9999, 12, 30, tzinfo=datetime.UTC)  # the next one is the last that a calendar knows
_BLANK_OFFSET = re.compile(r" (?=\d\d:?\d\d$)")  # a plus sign that was not escaped in the URL


class Moment(fields.Field[datetime.datetime]):
    """An ISO-8601 date or time, UTC unless it says otherwise. With `ends`, a date alone means its whole day."""

    def __init__(self, *, ends: bool = False, **kwargs: Any) -> None:
        self.ends = ends
        kwargs.setdefault("metadata", {}).update(type="string", description="ISO-8601 date or time")
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime.datetime:
        if not isinstance(value, str):
            raise ValidationError("has to be a date or time")
        try:
            text = value.strip()
            moment = datetime.datetime.fromisoformat(_BLANK_OFFSET.sub("+", text))
            moment = moment.astimezone(datetime.UTC) if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
            if self.ends and len(text) <= len("2026-01-31"):
                moment = min(moment, _LAST_DAY) + datetime.timedelta(days=1)
        except (ValueError, OverflowError):
            raise ValidationError("has to be a date or time such as 2026-01-31 or 2026-01-31T12:00:00Z") from None
        return moment


class Dates(Query):
    """From `startDate` to `endDate`; either may be left out. A day that is given without a time is meant whole."""

    start_date = Moment(load_default=None)
    end_date = Moment(ends=True, load_default=None)

    @validates_schema
    def _in_order(self, data: dict[str, Any], **_: Any) -> None:
        start, end = data.get("start_date"), data.get("end_date")
        if start and end and end < start:
            raise ValidationError("must not be before startDate", field_name="endDate")


class SummaryQuery(Query):
    """Which costs: `week` are the last 168 hours, `today` and `month` began at 00:00 UTC."""

    period = Choice(("today", "week", "month", "all"), load_default="all")


class LogsQuery(Dates):
    """Which rows of the ledger."""

    service = Text(1, 60, load_default=None)
    limit = Number(1, 1000, whole=True, load_default=100)


class UsageExportQuery(Dates):
    """As a JSON object or as a table."""

    format = Choice(("json", "csv"), load_default="json")


class AlertsQuery(Query):
    """Which alerts."""

    unread_only = Flag(load_default=False)
    limit = Number(1, 200, whole=True, load_default=50)


class Days(Query):
    """The last so many UTC days, today included."""

    days = Number(1, 366, whole=True, load_default=30)


class BudgetChange(Body):
    """What is left out stays; null takes a limit away. Limits are USD per UTC day and month; 0 allows nothing."""

    daily_limit = Number(0, MAX_LIMIT, allow_none=True)
    monthly_limit = Number(0, MAX_LIMIT, allow_none=True)
    alert_threshold = Number(0.01, 1)
    alerts_enabled = Flag()
    pause_on_exceed = Flag()


class MonthlyBudget(Body):
    """`limit` in USD a month."""

    limit = Number(0, MAX_LIMIT, over=True, required=True)
    alert_thresholds = Items(Number(0, 1), 1, 20, load_default=lambda: [0.75, 0.9, 1.0])


class ModelCost(Body):
    """What the calls of a language model for one answer came to, in USD; nothing when none was made."""

    total_cost = fields.Float()
    input_tokens = fields.Integer()
    output_tokens = fields.Integer()
    breakdown = fields.String()


class _Success(Body):
    success = fields.Boolean()


class SummaryReply(_Success):
    """`summary`: `{totalCost, byService, byOperation, count}` in USD."""

    period = fields.String()
    summary = fields.Dict()


class LogsReply(_Success):
    """Rows of the ledger, newest first."""

    count = fields.Integer()
    logs = fields.List(fields.Dict())


class BudgetReply(_Success):
    """The rules, and how the caller stands."""

    budget = fields.Dict()
    status = fields.Dict()


class AlertsReply(_Success):
    """Alerts, newest first."""

    count = fields.Integer()
    alerts = fields.List(fields.Dict())


class AlertChanged(_Success):
    """Done."""

    message = fields.String()


class TrendsReply(_Success):
    """Cost by day, oldest first."""

    trends = fields.List(fields.Dict())


class BreakdownReply(_Success):
    """Cost by service, the dearest first."""

    breakdown = fields.List(fields.Dict())


class ExportReply(_Success):
    """The whole ledger of the caller, newest first; or, with `format=csv`, a file."""

    count = fields.Integer()
    data = fields.List(fields.Dict())


class DashboardReply(_Success):
    """Everything at a glance."""

    budget_status = fields.Dict()
    summary = fields.Dict()
    trends = fields.List(fields.Dict())
    breakdown = fields.List(fields.Dict())
    alerts = fields.List(fields.Dict())


class CurrentReply(_Success):
    """Month to date, in USD."""

    current = fields.Float()
    limit = fields.Float(allow_none=True)
    breakdown = fields.Dict()
    last_updated = fields.String()


class HistoryReply(_Success):
    """Cost by day and service, oldest first."""

    history = fields.List(fields.Dict())
    total_cost = fields.Float()


class MonthlyBudgetReply(_Success):
    """As it is kept."""

    user_id = fields.String()
    limit = fields.Float()
    alert_thresholds = fields.List(fields.Float())


class Entitlements(_Success):
    """What the caller may use. Names within `limits` are written as published clients read them."""

    plan = fields.String()
    features = fields.Dict(keys=fields.String(), values=fields.Boolean())
    limits = fields.Dict(keys=fields.String(), values=fields.Integer(allow_none=True))
