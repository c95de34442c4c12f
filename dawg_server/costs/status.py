"""How a user's budget stands: pure arithmetic on what the ledger says."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dawg_server.costs import periods

DEFAULT_THRESHOLD = 0.8  # of the limit, for users without a budget row; as the column's default


@dataclass(frozen=True, slots=True)
class PeriodStatus:
    """One period. `limit` None: no limit. All amounts in USD."""

    limit: float | None
    spent: float
    reserved: float
    resets_at: datetime.datetime

    @property
    def remaining(self) -> float | None:
        return None if self.limit is None else round(max(0.0, self.limit - self.spent - self.reserved), 6)

    @property
    def percentage(self) -> float:
        """0..100, of what is spent. A limit of 0 is always used up."""
        if self.limit is None:
            return 0.0
        return round(min(100.0, self.spent / self.limit * 100), 2) if self.limit else 100.0

    @property
    def is_over(self) -> bool:
        return self.limit is not None and self.spent >= self.limit


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """Both periods, with the rules that hold for them."""

    daily: PeriodStatus
    monthly: PeriodStatus
    alert_threshold: float
    alerts_enabled: bool
    pause_on_exceed: bool


def budget_status(sums: Mapping[str, Any], at: datetime.datetime) -> BudgetStatus:
    """`sums` as of `budgets.sums`; the columns of the budget are None when the user has none yet."""
    held = sums["reserved"]
    return BudgetStatus(
        daily=PeriodStatus(sums["daily_limit"], sums["daily_spent"], held, periods.next_day(at)),
        monthly=PeriodStatus(sums["monthly_limit"], sums["monthly_spent"], held, periods.next_month(at)),
        alert_threshold=DEFAULT_THRESHOLD if sums["alert_threshold"] is None else sums["alert_threshold"],
        alerts_enabled=sums["alerts_enabled"] is not False,
        pause_on_exceed=bool(sums["pause_on_exceed"]),
    )
