"""Alerts: once per type, period and period start."""

from __future__ import annotations

import asyncio
import datetime

from dawg_server.database import budgets
from tests.costs.conftest import USER, Purse


def told(purse: Purse) -> list[tuple[str, str, str]]:
    return [(news.alert["period"], news.alert["type"], news.alert["severity"]) for news in purse.told]


async def test_each_alert_comes_once_and_the_daily_one_does_not_swallow_the_monthly_one(purse: Purse) -> None:
    await purse.limit(daily=1.0, monthly=2.0)
    await purse.spend(0.79, "a")
    assert told(purse) == []
    await purse.spend(0.01, "b")
    await purse.spend(0.1, "c")
    assert told(purse) == [("day", "threshold_reached", "warning")]
    await purse.spend(0.8, "d")
    assert told(purse)[1:] == [("day", "budget_exceeded", "critical"), ("month", "threshold_reached", "warning")]
    await purse.spend(1.0, "e")
    assert told(purse)[3:] == [("month", "budget_exceeded", "critical")]
    await purse.spend(1.0, "f")
    assert len(purse.told) == 4


async def test_a_new_day_tells_again(purse: Purse) -> None:
    await purse.limit(daily=1.0)
    await purse.spend(1.0, "a")
    purse.at += datetime.timedelta(days=1)
    await purse.spend(0.9, "b")
    assert told(purse) == [("day", "budget_exceeded", "critical"), ("day", "threshold_reached", "warning")]
    assert [news.alert["periodStart"] for news in purse.told] == ["2026-11-22", "2026-11-23"]


async def test_an_alert_tells_period_percentage_spent_and_limit(purse: Purse) -> None:
    await purse.limit(daily=4.0)
    await purse.spend(3.5, "a")
    news = purse.told[0]
    assert news.user_id == USER
    assert news.alert["message"] == "You have used 88 %, $3.50 of $4.00, of your daily budget."
    assert {
        name: news.alert[name] for name in ("currentSpent", "budgetLimit", "percentage", "isRead", "isResolved")
    } == {
        "currentSpent": 3.5,
        "budgetLimit": 4.0,
        "percentage": 87.5,
        "isRead": False,
        "isResolved": False,
    }
    await purse.spend(1.5, "b")
    assert purse.told[1].alert["message"] == "Your daily budget is used up: 125 %, $5.00 of $4.00."


async def test_twenty_costs_at_once_make_one_alert(purse: Purse) -> None:
    await purse.limit(daily=1.0)
    await asyncio.gather(*(purse.spend(0.1, f"task-{number}") for number in range(20)))
    assert told(purse).count(("day", "budget_exceeded", "critical")) == 1
    assert await purse.database.fetch_value("SELECT count(*) FROM alerts WHERE type = 'budget_exceeded'") == 1


async def test_who_has_switched_alerts_off_gets_none(purse: Purse) -> None:
    await purse.limit(daily=1.0)
    await budgets.update(purse.database, USER, {"alerts_enabled": False})
    await purse.spend(5.0, "a")
    assert told(purse) == []


async def test_a_user_without_limits_gets_none(purse: Purse) -> None:
    await purse.spend(5000.0, "a")
    assert told(purse) == []


async def test_nothing_is_told_before_anything_is_spent_and_a_limit_that_is_lowered_tells_at_once(purse: Purse) -> None:
    await purse.limit(daily=0.0)
    await purse.costs.raise_due_alerts(USER)
    assert told(purse) == []
    await purse.limit(daily=10.0)
    await purse.spend(2.0, "a")
    await purse.limit(daily=1.0)
    await purse.costs.raise_due_alerts(USER)
    assert told(purse) == [("day", "budget_exceeded", "critical")]
