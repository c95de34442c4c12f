"""Reserving: nobody spends the same dollar twice, and time alone frees a user."""

from __future__ import annotations

import asyncio
import datetime
import uuid
from decimal import Decimal
from typing import Any

import pytest

from dawg_server import errors
from dawg_server.database import budgets, users
from dawg_server.database.pool import Database
from tests.costs.conftest import USER, Purse, song

MINUTE = datetime.timedelta(minutes=1)


async def refusal(purse: Purse, estimate: float) -> errors.BudgetExceeded:
    with pytest.raises(errors.BudgetExceeded) as caught:
        await purse.costs.reserve(USER, "suno", estimate)
    return caught.value


async def test_two_hundred_calls_at_once_never_overshoot(purse: Purse, database_dsn: str) -> None:
    """Over two servers with ten sessions each: a dollar buys exactly a hundred cents."""
    await purse.limit(daily=1.0)
    other = Purse(await Database.open(database_dsn), purse.folder)

    async def call(number: int) -> bool:
        try:
            async with (purse, other)[number % 2].costs.reserved(USER, "suno", 0.01) as reservation:
                await asyncio.sleep(0)
                reservation.add(song(0.01, f"task-{number}"))
        except errors.BudgetExceeded:
            return False
        return True

    allowed = await asyncio.gather(*(call(number) for number in range(200)))
    await other.database.close()
    assert sum(allowed) == 100
    assert sum(cost for _, cost in await purse.ledger()) == pytest.approx(1.0)


async def test_who_comes_second_waits_for_the_first_and_sees_what_it_has_reserved(purse: Purse) -> None:
    await purse.limit(daily=1.0)
    async with purse.database.transaction() as connection:
        first = await budgets.reserve(
            connection,
            reservation_id=str(uuid.uuid4()),
            user_id=USER,
            service="suno",
            amount=Decimal("0.6"),
            at=purse.at,
            until=purse.at + MINUTE,
        )
        assert first is None
        second = asyncio.create_task(purse.costs.reserve(USER, "suno", 0.6))
        await asyncio.sleep(0.1)
        assert not second.done()
    with pytest.raises(errors.BudgetExceeded) as refused:
        await second
    assert refused.value.details is not None
    assert refused.value.details["reserved"] == 0.6


async def test_open_reservations_count_and_give_back_what_was_not_used(purse: Purse) -> None:
    await purse.limit(daily=1.0)
    first = await purse.costs.reserve(USER, "suno", 0.7)
    assert (await refusal(purse, 0.4)).details == {
        "period": "day",
        "limit": 1.0,
        "spent": 0.0,
        "reserved": 0.7,
        "remaining": 0.3,
        "resetsAt": "2026-11-23T00:00:00.000Z",
    }
    assert await first.settle(song(0.1, "a")) == Decimal("0.1")
    await purse.costs.reserve(USER, "suno", 0.9)
    assert await purse.ledger() == [("a", 0.1)]


@pytest.mark.parametrize(
    ("limits", "period", "seconds"),
    [({"daily": 1.0}, "day", 12 * 3600), ({"monthly": 1.0}, "month", (8 * 24 + 12) * 3600)],
)
async def test_a_refusal_says_which_period_and_when_it_ends(
    purse: Purse, limits: dict[str, Any], period: str, seconds: int
) -> None:
    await purse.limit(**limits)
    await purse.spend(1.0, "a")
    error = await refusal(purse, 0.000001)
    assert (error.status, error.code, error.retry_after) == (429, "budget_exceeded", seconds)
    assert error.details is not None
    assert (error.details["period"], error.details["spent"], error.details["reserved"]) == (period, 1.0, 0.0)
    assert purse.counted("dawg_provider_calls_total", provider="suno", outcome="over_budget") == 1


async def test_the_longer_wait_is_told_when_both_budgets_are_used_up(purse: Purse) -> None:
    await purse.limit(daily=1.0, monthly=1.0)
    await purse.spend(1.0, "a")
    assert (await refusal(purse, 0.1)).details == {
        "period": "month",
        "limit": 1.0,
        "spent": 1.0,
        "reserved": 0.0,
        "remaining": 0.0,
        "resetsAt": "2026-12-01T00:00:00.000Z",
    }


async def test_midnight_and_the_first_free_a_user_without_any_write(purse: Purse) -> None:
    await purse.limit(daily=1.0, monthly=2.0)
    purse.at = datetime.datetime(2026, 11, 29, 23, 59, 59, tzinfo=datetime.UTC)
    await purse.spend(1.0, "a")
    await refusal(purse, 0.1)
    purse.at += datetime.timedelta(seconds=1)
    reservation = await purse.costs.reserve(USER, "suno", 1.0)
    await reservation.settle(song(1.0, "b"))
    purse.at = datetime.datetime(2026, 11, 30, 23, 59, 59, tzinfo=datetime.UTC)
    assert (await refusal(purse, 0.1)).details["period"] == "month"  # type: ignore[index]
    purse.at += datetime.timedelta(seconds=1)
    await purse.costs.reserve(USER, "suno", 1.0)


async def test_without_pause_on_exceed_nothing_is_refused(purse: Purse) -> None:
    await purse.limit(daily=0.0, monthly=0.0, pause=False)
    async with purse.costs.reserved(USER, "suno", 50) as reservation:
        reservation.add(song(50, "a"))
    assert await purse.ledger() == [("a", 50.0)]


async def test_a_limit_of_zero_allows_nothing_and_no_limit_allows_everything(purse: Purse) -> None:
    await purse.limit(daily=0.0)
    await refusal(purse, 0)
    await purse.limit(monthly=0.0)
    await refusal(purse, 0)
    await purse.limit()
    await purse.costs.reserve(USER, "suno", 1_000_000)


async def test_an_abandoned_reservation_expires_and_a_renewed_one_does_not(purse: Purse) -> None:
    await purse.limit(daily=1.0)
    await purse.costs.reserve(USER, "suno", 0.5)
    renewed = await purse.costs.reserve(USER, "openai-realtime", 0.5)
    purse.at += 14 * MINUTE
    await renewed.renew(0.4)
    assert (await refusal(purse, 0.2)).details["reserved"] == 0.9  # type: ignore[index]
    purse.at += 2 * MINUTE
    assert (await refusal(purse, 0.7)).details["reserved"] == 0.4  # type: ignore[index]
    assert (await purse.costs.status(USER)).daily.reserved == 0.4
    await purse.costs.reserve(USER, "suno", 0.6)


async def test_a_renewal_replaces_what_was_held_and_is_refused_like_a_first_one(purse: Purse) -> None:
    await purse.limit(daily=1.0)
    voice = await purse.costs.reserve(USER, "openai-realtime", 0.6)
    await voice.renew(0.9)
    with pytest.raises(errors.BudgetExceeded):
        await voice.renew(1.1)
    await voice.book(song(0.05, "minute-1"))
    assert (await purse.costs.status(USER)).daily.reserved == 0.9
    await voice.settle()
    assert (await purse.costs.status(USER)).daily.reserved == 0.0


async def test_a_job_finds_its_reservation_again_by_its_id(purse: Purse) -> None:
    await purse.limit(daily=1.0)
    job_id = "5f0c9d9e-3f7c-4f0e-9d57-6a1f6ad9d3b1"
    await purse.costs.reserve(USER, "suno", 0.8, id=job_id)
    async with purse.costs.reserved(USER, "suno", 0.8, id=job_id):
        assert (await purse.costs.status(USER)).daily.reserved == 0.8
    async with purse.costs.reserved(USER, "suno", 0.7, id=job_id):
        assert (await purse.costs.status(USER)).daily.reserved == 0.7
    await purse.costs.reserve(USER, "suno", 0.8, id=job_id)
    await purse.costs.release(job_id)
    assert (await purse.costs.status(USER)).daily.reserved == 0.0


@pytest.mark.parametrize("estimate", [-0.01, float("nan"), float("inf")])
async def test_an_impossible_estimate_is_a_bug_of_the_caller(purse: Purse, estimate: float) -> None:
    with pytest.raises(ValueError, match="estimate"):
        await purse.costs.reserve(USER, "suno", estimate)


async def test_what_an_operator_grants_each_user_holds_whatever_they_allow_themselves(purse: Purse) -> None:
    granted = Purse(purse.database, purse.folder, ceilings=budgets.Ceilings(user=Decimal("0.5")))
    await purse.limit(daily=100.0, pause=False)
    await granted.costs.reserve(USER, "suno", 0.3)
    error = await refusal(granted, 0.3)
    assert "USER_DAILY_LIMIT_USD" in error.message
    assert error.details is not None
    assert {name: error.details[name] for name in ("period", "limit", "spent", "reserved", "remaining")} == {
        "period": "day",
        "limit": 0.5,
        "spent": 0.0,
        "reserved": 0.3,
        "remaining": 0.2,
    }
    granted.at += datetime.timedelta(days=1)
    await granted.costs.reserve(USER, "suno", 0.5)


async def test_many_users_at_once_never_go_over_what_the_server_may_spend(purse: Purse) -> None:
    """Each with money of their own; who is refused learns nothing of what others have spent."""
    server = Purse(purse.database, purse.folder, ceilings=budgets.Ceilings(server=Decimal("0.1")))
    people = [f"user-{number}" for number in range(20)]
    for person in people:
        await users.ensure(purse.database, person, "development")
    results = await asyncio.gather(
        *(server.costs.reserve(person, "suno", 0.01) for person in people for _ in range(2)), return_exceptions=True
    )
    refused = [each for each in results if isinstance(each, errors.BudgetExceeded)]
    assert len(results) - len(refused) == 10
    assert len(refused) == 30
    assert "SERVER_DAILY_LIMIT_USD" in refused[0].message
    assert set(refused[0].details or ()) == {"period", "limit", "resetsAt"}
    assert await server.costs.reserve(USER, "suno", 0)  # what costs nothing is nobody's business


async def test_a_ceiling_of_nothing_refuses_every_call_that_costs(purse: Purse) -> None:
    nothing = Purse(purse.database, purse.folder, ceilings=budgets.Ceilings(Decimal(0), Decimal(0)))
    await refusal(nothing, 0.000001)
