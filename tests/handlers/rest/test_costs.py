"""`/cost-monitoring` and `/billing`: shapes, ranges, and nobody else's rows."""

from __future__ import annotations

import asyncio
import csv
import datetime
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dawg_server.costs import Usage
from tests.javascript.client import JavaScript
from tests.servers import dawg

NOON = datetime.datetime(2026, 3, 10, 12, tzinfo=datetime.UTC)
COSTS, BILLING = "/api/cost-monitoring", "/api/billing"
HEADER = ["Date", "Service", "Operation", "Input Tokens", "Output Tokens", "Audio Minutes", "Characters", "Cost"]


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path) as running:
        at(running, NOON)
        await running.json("GET", f"{COSTS}/budget")
        yield running


def at(server: dawg.Dawg, moment: datetime.datetime) -> None:
    server.services.platform.costs.clock = lambda: moment


def song(amount: float, request_id: str, operation: str = "music") -> Usage:
    return Usage("suno", "V5", operation, {"credits": amount / 0.005}, request_id)


async def spend(server: dawg.Dawg, *usages: Usage, days_ago: float = 0, user: str = "ada") -> None:
    at(server, NOON - datetime.timedelta(days=days_ago))
    await server.services.platform.costs.settle(user, None, *usages)
    at(server, NOON)


async def get(server: dawg.Dawg, path: str, **options: Any) -> Any:
    status, body = await server.json("GET", path, **options)
    assert status == 200, body
    assert body["success"] is True
    return body


async def test_ten_first_reads_of_the_budget_at_once_make_one_row(server: dawg.Dawg) -> None:
    await server.json("GET", "/api/generate/genres", "bob")
    replies = await asyncio.gather(*(server.json("GET", f"{COSTS}/budget", "bob") for _ in range(10)))
    assert [status for status, _ in replies] == [200] * 10
    assert len({body["budget"]["createdAt"] for _, body in replies}) == 1
    assert (
        await server.services.platform.database.fetch_value("SELECT count(*) FROM budgets WHERE user_id = 'bob'") == 1
    )


async def test_a_budget_keeps_what_a_change_leaves_out_and_null_takes_a_limit_away(server: dawg.Dawg) -> None:
    status, body = await server.json("PUT", f"{COSTS}/budget", json={"dailyLimit": 5, "pauseOnExceed": True})
    assert status == 200
    assert {
        name: body["budget"][name] for name in ("dailyLimit", "monthlyLimit", "alertThreshold", "pauseOnExceed")
    } == {
        "dailyLimit": 5,
        "monthlyLimit": None,
        "alertThreshold": 0.8,
        "pauseOnExceed": True,
    }
    _, body = await server.json("PUT", f"{COSTS}/budget", json={"monthlyLimit": 0.5, "alertsEnabled": False})
    assert (body["budget"]["dailyLimit"], body["budget"]["monthlyLimit"]) == (5, 0.5)
    assert body["budget"]["alertsEnabled"] is False
    _, body = await server.json("PUT", f"{COSTS}/budget", json={"dailyLimit": None})
    assert (body["budget"]["dailyLimit"], body["budget"]["monthlyLimit"]) == (None, 0.5)
    assert (await get(server, f"{COSTS}/budget"))["budget"] == body["budget"]


async def test_the_status_counts_what_is_spent_and_what_is_reserved(server: dawg.Dawg) -> None:
    await server.json("PUT", f"{COSTS}/budget", json={"dailyLimit": 4, "monthlyLimit": 10})
    await spend(server, song(1, "a"))
    await spend(server, song(2, "b"), days_ago=3)
    await server.services.platform.costs.reserve("ada", "suno", 0.5)
    assert (await get(server, f"{COSTS}/budget"))["status"] == {
        "dailyLimit": 4,
        "monthlyLimit": 10,
        "dailySpent": 1,
        "monthlySpent": 3,
        "dailyReserved": 0.5,
        "monthlyReserved": 0.5,
        "dailyRemaining": 2.5,
        "monthlyRemaining": 6.5,
        "dailyPercentage": 25,
        "monthlyPercentage": 30,
        "isOverDailyBudget": False,
        "isOverMonthlyBudget": False,
        "alertThreshold": 0.8,
        "pauseOnExceed": False,
        "resetsAt": {"daily": "2026-03-11T00:00:00.000Z", "monthly": "2026-04-01T00:00:00.000Z"},
    }
    await spend(server, song(9, "c"))
    status = (await get(server, f"{COSTS}/budget"))["status"]
    assert (status["isOverDailyBudget"], status["dailyPercentage"], status["dailyRemaining"]) == (True, 100, 0)


async def test_summaries_begin_where_the_contract_says(server: dawg.Dawg) -> None:
    await spend(server, song(1, "today"), song(2, "lyrics", "lyrics"))
    await spend(server, song(4, "167 hours"), days_ago=167 / 24)
    await spend(server, song(8, "the second"), days_ago=8)
    await spend(server, song(16, "february"), days_ago=20)
    expected = {"today": (3, 2), "week": (7, 3), "month": (15, 4), "all": (31, 5)}
    for period, (total, count) in expected.items():
        body = await get(server, f"{COSTS}/summary?period={period}")
        assert (body["period"], body["summary"]["totalCost"], body["summary"]["count"]) == (period, total, count)
    assert (await get(server, f"{COSTS}/summary"))["summary"] == {
        "totalCost": 31,
        "byService": {"suno": 31},
        "byOperation": {"lyrics": 2, "music": 29},
        "count": 5,
    }
    dashboard = await get(server, f"{COSTS}/dashboard")
    assert {name: part["totalCost"] for name, part in dashboard["summary"].items()} == {
        "today": 3,
        "week": 7,
        "month": 15,
    }
    assert dashboard["breakdown"] == [{"service": "suno", "cost": 15, "count": 4, "percentage": 100}]
    assert (len(dashboard["trends"]), dashboard["alerts"]) == (30, [])
    assert dashboard["budgetStatus"]["monthlySpent"] == 15


async def test_logs_are_newest_first_and_can_be_narrowed(server: dawg.Dawg) -> None:
    await spend(server, song(1, "old"), days_ago=5)
    await spend(
        server,
        Usage(
            "anthropic",
            "claude-sonnet-5-5",
            "chat",
            {"input_tokens": 100, "cache_read_tokens": 50, "output_tokens": 10},
            "msg_1",
        ),
        days_ago=2,
    )
    await spend(server, song(2, "new"))
    body = await get(server, f"{COSTS}/usage-logs")
    assert (body["count"], [row["requestId"] for row in body["logs"]]) == (3, ["new", "msg_1", "old"])
    chat = body["logs"][1]
    assert (chat["service"], chat["model"], chat["operation"]) == ("anthropic", "claude-sonnet-5-5", "chat")
    assert (chat["inputTokens"], chat["cachedTokens"], chat["outputTokens"]) == (100, 50, 10)
    assert (chat["totalCost"], chat["priced"], chat["metered"]) == (0.00031, True, True)
    assert chat["createdAt"] == "2026-03-08T12:00:00.000Z"

    async def found(query: str) -> list[str]:
        return [row["requestId"] for row in (await get(server, f"{COSTS}/usage-logs?{query}"))["logs"]]

    assert await found("service=anthropic") == ["msg_1"]
    assert await found("limit=1") == ["new"]
    assert await found("startDate=2026-03-08&endDate=2026-03-08") == ["msg_1"]
    assert await found("startDate=2026-03-08T14:00:00%2B02:00&endDate=2026-03-10T11:59:59Z") == ["msg_1"]
    assert await found("startDate=2026-03-08T14:00:01+02:00") == ["new"]
    assert await found("endDate=2026-03-05") == ["old"]


async def test_trends_and_history_have_every_day(server: dawg.Dawg) -> None:
    await spend(server, song(1, "a"))
    await spend(server, song(2, "b"), days_ago=2)
    await spend(server, song(4, "c"), days_ago=3)
    trends = (await get(server, f"{COSTS}/trends?days=3"))["trends"]
    assert trends == [
        {"date": "2026-03-08", "cost": 2},
        {"date": "2026-03-09", "cost": 0},
        {"date": "2026-03-10", "cost": 1},
    ]
    body = await get(server, f"{BILLING}/usage/me/history?days=4")
    assert body["totalCost"] == 7
    assert body["history"][0] == {"date": "2026-03-07", "cost": 4, "breakdown": {"suno": 4}}
    assert body["history"][2] == {"date": "2026-03-09", "cost": 0, "breakdown": {}}
    year = (await get(server, f"{COSTS}/trends?days=366"))["trends"]
    dates = [datetime.date.fromisoformat(day["date"]) for day in year]
    assert dates == [dates[0] + datetime.timedelta(days=n) for n in range(366)]


async def test_percentages_of_a_breakdown_sum_to_a_hundred(server: dawg.Dawg) -> None:
    await spend(
        server,
        song(1, "a"),
        song(1, "b"),
        Usage("replicate", "meta/musicgen", "beat", {"predict_seconds": 1000}, "c"),
        Usage("transcription", "gpt-transcribe", "voice", {"audio_seconds": 3333}, "d"),
    )
    breakdown = (await get(server, f"{COSTS}/breakdown"))["breakdown"]
    assert [(row["service"], row["count"]) for row in breakdown] == [
        ("suno", 2),
        ("replicate", 1),
        ("transcription", 1),
    ]
    assert sum(row["percentage"] for row in breakdown) == pytest.approx(100, abs=0.1)
    assert breakdown[0]["percentage"] == pytest.approx(200 / (2 + 1.4 + 0.3333), abs=0.01)
    assert (await get(server, f"{COSTS}/breakdown?endDate=2026-03-09"))["breakdown"] == []


async def test_a_csv_export_survives_a_spreadsheet(server: dawg.Dawg) -> None:
    await spend(server, song(1, "plain"))
    await spend(server, song(2, "formula", '=HYPERLINK("http://evil.test","x")'), days_ago=1)
    await spend(server, song(3, "quoted", 'mix, "loud"\nand more'), days_ago=2)
    await spend(
        server,
        Usage(
            "openai-realtime",
            "gpt-realtime-2.1",
            "@voice",
            {"audio_input_tokens": 1000},
            "resp_1",
            audio_in_seconds=90,
            audio_out_seconds=30,
            characters=12,
        ),
        days_ago=3,
    )
    url = f"{server.url}{COSTS}/export?format=csv"
    async with server.http.get(url, headers=server.as_user("ada")) as reply:
        text = (await reply.read()).decode()
        assert reply.content_type == "text/csv"
        assert reply.headers["Content-Disposition"] == 'attachment; filename="usage-export.csv"'
    assert text.startswith(",".join(HEADER) + "\r\n")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == HEADER
    assert rows[1] == ["2026-03-10T12:00:00.000Z", "suno", "music", "0", "0", "0.0000", "0", "1.000000"]
    assert rows[2][2] == '\'=HYPERLINK("http://evil.test","x")'
    assert rows[3][2] == 'mix, "loud"\nand more'
    assert rows[4][2:] == ["'@voice", "1000", "0", "2.0000", "12", "0.032000"]


async def test_a_long_export_is_whole_and_can_be_narrowed(server: dawg.Dawg) -> None:
    await spend(server, *(song(0.01, f"task-{number}") for number in range(1203)))
    await spend(server, song(5, "older"), days_ago=1)
    body = await get(server, f"{COSTS}/export")
    assert body["count"] == len(body["data"]) == 1204
    assert {row["requestId"] for row in body["data"]} == {f"task-{number}" for number in range(1203)} | {"older"}
    assert (await get(server, f"{COSTS}/export?endDate=2026-03-09"))["data"][0]["totalCost"] == 5
    empty = await get(server, f"{COSTS}/export?endDate=2020-01-01")
    assert (empty["count"], empty["data"]) == (0, [])
    async with server.http.head(f"{server.url}{COSTS}/export", headers=server.as_user("ada")) as reply:
        assert (reply.status, await reply.read()) == (200, b"")


async def test_alerts_are_pushed_listed_read_and_resolved(server: dawg.Dawg, javascript: JavaScript) -> None:
    ada = await javascript.connect(server.url, auth={"userId": "ada"})
    eve = await javascript.connect(server.url, auth={"userId": "eve"})
    await server.json("PUT", f"{COSTS}/budget", json={"dailyLimit": 1, "monthlyLimit": 100})
    await spend(server, song(0.9, "a"))
    pushed = (await ada.wait_for("cost:alert"))["alert"]
    assert (pushed["type"], pushed["severity"], pushed["period"]) == ("threshold_reached", "warning", "day")
    await spend(server, song(0.2, "b"))
    await ada.wait_for("cost:alert", lambda news: news["alert"]["severity"] == "critical")
    assert [name for name, _ in eve.events if name == "cost:alert"] == []

    body = await get(server, f"{COSTS}/alerts")
    assert (body["count"], {alert["type"] for alert in body["alerts"]}) == (2, {"threshold_reached", "budget_exceeded"})
    assert next(alert for alert in body["alerts"] if alert["id"] == pushed["id"]) == pushed
    path = f"{COSTS}/alerts/{pushed['id']}"
    for user, expected in (("eve", 404), ("ada", 200), ("ada", 200)):
        assert (await server.json("PUT", f"{path}/read", user))[0] == expected
    unread = await get(server, f"{COSTS}/alerts?unreadOnly=true")
    assert [alert["type"] for alert in unread["alerts"]] == ["budget_exceeded"]
    assert (await get(server, f"{COSTS}/dashboard"))["alerts"] == unread["alerts"]
    assert (await server.json("PUT", f"{path}/resolve", "eve"))[0] == 404
    assert (await server.json("PUT", f"{path}/resolve"))[0] == 200
    status, body = await server.json("PUT", f"{COSTS}/alerts/read-all")
    assert (status, body["message"]) == (200, "1 alert was marked as read.")
    alerts = (await get(server, f"{COSTS}/alerts"))["alerts"]
    assert [alert["isRead"] for alert in alerts] == [True, True]
    assert [alert["isResolved"] for alert in alerts if alert["id"] == pushed["id"]] == [True]
    for unknown in ("nonsense", "00000000-0000-4000-8000-000000000000"):
        for action in ("read", "resolve"):
            assert (await server.json("PUT", f"{COSTS}/alerts/{unknown}/{action}"))[0] == 404


async def test_nobody_sees_what_others_spend(server: dawg.Dawg) -> None:
    await server.json("PUT", f"{COSTS}/budget", json={"monthlyLimit": 7})
    await spend(server, song(3, "a"))
    assert (await get(server, f"{COSTS}/usage-logs", user="eve"))["logs"] == []
    assert (await get(server, f"{COSTS}/summary", user="eve"))["summary"]["totalCost"] == 0
    assert (await get(server, f"{COSTS}/export", user="eve"))["data"] == []
    assert (await get(server, f"{COSTS}/budget", user="eve"))["budget"]["monthlyLimit"] is None
    for method, path in (("GET", "usage/ada/current"), ("GET", "usage/ada/history"), ("POST", "budget/ada")):
        status, body = await server.json(
            method, f"{BILLING}/{path}", "eve", **({"json": {"limit": 1}} if method == "POST" else {})
        )
        assert (status, body["code"]) == (404, "not_found")
    assert (await get(server, f"{COSTS}/budget"))["budget"]["monthlyLimit"] == 7


async def test_billing_is_a_view_on_the_same_ledger_and_budget(server: dawg.Dawg) -> None:
    await spend(server, song(3, "a"))
    await spend(server, song(4, "february"), days_ago=20)
    for name in ("me", "ada"):
        body = await get(server, f"{BILLING}/usage/{name}/current")
        assert (body["current"], body["limit"], body["breakdown"]) == (3, None, {"suno": 3})
    status, body = await server.json("POST", f"{BILLING}/budget/me", json={"limit": 20})
    assert status == 200
    assert (body["userId"], body["limit"], body["alertThresholds"]) == ("ada", 20, [0.75, 0.9, 1])
    _, body = await server.json("POST", f"{BILLING}/budget/ada", json={"limit": 30, "alertThresholds": [0.5]})
    assert (body["limit"], body["alertThresholds"]) == (30, [0.5])
    assert (await get(server, f"{COSTS}/budget"))["budget"]["monthlyLimit"] == 30
    assert (await get(server, f"{BILLING}/usage/me/current"))["limit"] == 30


async def test_the_end_of_all_calendars_is_an_end(server: dawg.Dawg) -> None:
    await spend(server, song(1, "a"))
    for end in ("9999-12-31", "9999-12-31T00:00:00Z"):
        assert (await get(server, f"{COSTS}/usage-logs?endDate={end}"))["count"] == 1


OUT_OF_RANGE = (
    "summary?period=year",
    "trends?days=0",
    "trends?days=367",
    "trends?days=999999999999999999999999",
    "trends?days=1e300",
    "trends?days=2.5",
    "usage-logs?limit=0",
    "usage-logs?limit=1001",
    "usage-logs?startDate=yesterday",
    "usage-logs?endDate=99999-01-01",
    "usage-logs?startDate=2026-02-30",
    "usage-logs?startDate=0001-01-01T00:00%2B10:00",
    "breakdown?startDate=2026-03-02&endDate=2026-03-01T00:00",
    "alerts?limit=201",
    "alerts?unreadOnly=perhaps",
    "export?format=xls",
)


async def test_what_is_out_of_range_is_refused_and_named(server: dawg.Dawg) -> None:
    for path in OUT_OF_RANGE:
        status, body = await server.json("GET", f"{COSTS}/{path}")
        assert (path, status, body["code"]) == (path, 400, "validation_error")
        assert body["details"]


IMPOSSIBLE_BUDGETS: tuple[dict[str, Any], ...] = (
    {"dailyLimit": -0.01},
    {"monthlyLimit": 1e300},
    {"dailyLimit": True},
    {"dailyLimit": "5"},
    {"alertThreshold": 0},
    {"alertThreshold": 1.01},
    {"alertThreshold": None},
    {"pauseOnExceed": "yes"},
)
IMPOSSIBLE_MONTHS: tuple[dict[str, Any], ...] = (
    {},
    {"limit": 0},
    {"limit": 1e15},
    {"limit": 5, "alertThresholds": [1.5]},
    {"limit": 5, "alertThresholds": 0.5},
    {"limit": 5, "alertThresholds": [0.5] * 1000},
)


async def test_impossible_budgets_are_refused_and_change_nothing(server: dawg.Dawg) -> None:
    before = await get(server, f"{COSTS}/budget")
    calls = [("PUT", f"{COSTS}/budget", change) for change in IMPOSSIBLE_BUDGETS]
    calls += [("POST", f"{BILLING}/budget/me", change) for change in IMPOSSIBLE_MONTHS]
    for method, path, change in calls:
        status, body = await server.json(method, path, json=change)
        assert (change, status, body["code"]) == (change, 400, "validation_error")
    assert await get(server, f"{COSTS}/budget") == before


async def test_everything_may_be_used_within_the_limits_that_are_enforced_and_nothing_is_sold(
    server: dawg.Dawg,
) -> None:
    for prefix in ("/api", "/api/v1"):
        found = await get(server, f"{prefix}/billing/entitlements")
        assert found["plan"] == "ENTERPRISE"
        assert found["features"]
        assert set(found["features"].values()) == {True}
        limits = found["limits"]
        assert set(limits) == {"max_projects", "max_tracks_per_project", "max_storage_gb"}
        assert limits["max_projects"] is limits["max_storage_gb"] is None
        for page in ("checkout", "portal"):
            status, body = await server.json("POST", f"{prefix}/billing/{page}", json={"plan": "PRO"})
            assert (status, body["code"]) == (501, "not_implemented")
            assert "Nothing is sold here" in body["message"]
    _, project = await server.json("POST", "/api/projects", json={"name": "Full"})
    await server.services.platform.database.execute(
        "INSERT INTO tracks (project_id, name, track_type, position)"
        " SELECT %s, 'One of many', 'AUDIO', n FROM generate_series(0, %s) n",
        (project["id"], limits["max_tracks_per_project"] - 2),
    )
    for expected in (201, 409):
        track = {"projectId": project["id"], "name": "One more"}
        assert (await server.json("POST", "/api/tracks", json=track))[0] == expected
