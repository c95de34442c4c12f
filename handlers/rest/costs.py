"""`/cost-monitoring`: what the caller has spent and may spend. Never anybody else's rows."""

from __future__ import annotations

import contextlib
import uuid
from typing import Any

from aiohttp import web

from dawg_server import errors
from dawg_server.costs import alerts as cost_alerts
from dawg_server.costs import reports
from dawg_server.costs.status import BudgetStatus
from dawg_server.database import alerts, budgets, usage_records
from dawg_server.database.usage_records import Range
from handlers.rest import json
from handlers.rest.routing import Answer, Call, Routes
from handlers.rest.usage_export import csv_rows, json_rows
from handlers.schemas import costs as schemas

TREND_DAYS = 30
DASHBOARD_ALERTS = 10
EXPORT_PAGE = 500  # rows that are in memory at once

routes = Routes("cost-monitoring")


@routes.get("/cost-monitoring/summary", "What was spent", query=schemas.SummaryQuery, reply=schemas.SummaryReply)
async def cost_summary(call: Call) -> Answer:
    return {"success": True, "period": call.query["period"], "summary": await _summary(call, call.query["period"])}


@routes.get("/cost-monitoring/usage-logs", "The ledger, newest first", query=schemas.LogsQuery, reply=schemas.LogsReply)
async def usage_logs(call: Call) -> Answer:
    rows = await usage_records.newest(
        call.services.platform.database,
        call.caller.user_id,
        _dates(call),
        service=call.query["service"],
        limit=call.query["limit"],
    )
    return {"success": True, "count": len(rows), "logs": [usage_view(row) for row in rows]}


@routes.get("/cost-monitoring/budget", "The budget and how it stands", reply=schemas.BudgetReply)
async def get_budget(call: Call) -> Answer:
    return await _budget(call, await budgets.get_or_create(call.services.platform.database, call.caller.user_id))


@routes.put("/cost-monitoring/budget", "Change the budget", body=schemas.BudgetChange, reply=schemas.BudgetReply)
async def change_budget(call: Call) -> Answer:
    row = await budgets.update(call.services.platform.database, call.caller.user_id, call.body)
    await call.services.platform.costs.raise_due_alerts(call.caller.user_id)
    return await _budget(call, row)


@routes.get("/cost-monitoring/alerts", "Alerts, newest first", query=schemas.AlertsQuery, reply=schemas.AlertsReply)
async def list_alerts(call: Call) -> Answer:
    shown = await _alerts(call, unread_only=call.query["unread_only"], limit=call.query["limit"])
    return {"success": True, "count": len(shown), "alerts": shown}


@routes.put("/cost-monitoring/alerts/read-all", "Mark every alert as read", reply=schemas.Message)
async def read_all_alerts(call: Call) -> Answer:
    changed = await alerts.mark_all_read(call.services.platform.database, call.caller.user_id)
    return {"success": True, "message": f"{changed} {'alert was' if changed == 1 else 'alerts were'} marked as read."}


@routes.put("/cost-monitoring/alerts/{alert_id}/read", "Mark an alert as read", reply=schemas.Message, errors=(404,))
async def read_alert(call: Call) -> Answer:
    found = await alerts.mark_read(call.services.platform.database, call.caller.user_id, _alert_id(call))
    return _done(found, "The alert is marked as read.")


@routes.put(
    "/cost-monitoring/alerts/{alert_id}/resolve", "Mark an alert as resolved", reply=schemas.Message, errors=(404,)
)
async def resolve_alert(call: Call) -> Answer:
    at = call.services.platform.costs.clock()
    found = await alerts.resolve(call.services.platform.database, call.caller.user_id, _alert_id(call), at)
    return _done(found, "The alert is marked as resolved.")


@routes.get("/cost-monitoring/trends", "Cost by day", query=schemas.Days, reply=schemas.TrendsReply)
async def cost_trends(call: Call) -> Answer:
    return {"success": True, "trends": await _trends(call, call.query["days"])}


@routes.get("/cost-monitoring/breakdown", "Cost by service", query=schemas.Dates, reply=schemas.BreakdownReply)
async def cost_breakdown(call: Call) -> Answer:
    return {"success": True, "breakdown": await _breakdown(call, _dates(call))}


@routes.get(
    "/cost-monitoring/export",
    "The whole ledger",
    query=schemas.ExportQuery,
    reply=schemas.ExportReply,
    content_type="text/csv",
)
async def export_usage(call: Call) -> Answer:
    """JSON, or with `format=csv` a file for spreadsheets."""
    as_csv = call.query["format"] == "csv"
    reply = web.StreamResponse()
    reply.content_type = "text/csv" if as_csv else "application/json"
    if as_csv:
        reply.charset = "utf-8"
        reply.headers["Content-Disposition"] = 'attachment; filename="usage-export.csv"'
    if call.request.method != "HEAD":  # the end of a compressed stream would be a body
        reply.enable_compression()
    pages = usage_records.pages(call.services.platform.database, call.caller.user_id, _dates(call), size=EXPORT_PAGE)
    parts = csv_rows(pages) if as_csv else json_rows(pages, usage_view)
    async with contextlib.aclosing(parts):
        first = await anext(parts)
        await reply.prepare(call.request)
        if call.request.method != "HEAD":
            await reply.write(first)
            async for part in parts:
                await reply.write(part)
        await reply.write_eof()
    return reply


@routes.get("/cost-monitoring/dashboard", "Everything at a glance", reply=schemas.DashboardReply)
async def cost_dashboard(call: Call) -> Answer:
    return {
        "success": True,
        "budgetStatus": status_view(await call.services.platform.costs.status(call.caller.user_id)),
        "summary": {period: await _summary(call, period) for period in ("today", "week", "month")},
        "trends": await _trends(call, TREND_DAYS),
        "breakdown": await _breakdown(call, reports.period("month", call.services.platform.costs.clock())),
        "alerts": await _alerts(call, unread_only=True, limit=DASHBOARD_ALERTS),
    }


def status_view(status: BudgetStatus) -> dict[str, Any]:
    daily, monthly = status.daily, status.monthly
    return {
        "dailyLimit": daily.limit,
        "monthlyLimit": monthly.limit,
        "dailySpent": daily.spent,
        "monthlySpent": monthly.spent,
        "dailyReserved": daily.reserved,
        "monthlyReserved": monthly.reserved,
        "dailyRemaining": daily.remaining,
        "monthlyRemaining": monthly.remaining,
        "dailyPercentage": daily.percentage,
        "monthlyPercentage": monthly.percentage,
        "isOverDailyBudget": daily.is_over,
        "isOverMonthlyBudget": monthly.is_over,
        "alertThreshold": status.alert_threshold,
        "pauseOnExceed": status.pause_on_exceed,
        "resetsAt": {"daily": daily.resets_at, "monthly": monthly.resets_at},
    }


def usage_view(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "service": row["service"],
        "model": row["model"],
        "operation": row["operation"],
        "inputTokens": row["input_tokens"],
        "outputTokens": row["output_tokens"],
        "cachedTokens": row["cached_tokens"],
        "audioInSeconds": row["audio_in_seconds"],
        "audioOutSeconds": row["audio_out_seconds"],
        "characters": row["characters"],
        "units": row["units"],
        "unitCost": row["unit_cost"],
        "totalCost": row["total_cost"],
        "priced": row["priced"],
        "metered": row["metered"],
        "projectId": row["project_id"],
        "generationId": row["generation_id"],
        "conversationId": row["conversation_id"],
        "requestId": row["request_id"],
        "metadata": row["metadata"],
        "createdAt": json.timestamp(row["created_at"]),
    }


async def _summary(call: Call, period: str) -> dict[str, Any]:
    within = reports.period(period, call.services.platform.costs.clock())
    return await reports.summary(call.services.platform.database, call.caller.user_id, within)


async def _trends(call: Call, days: int) -> list[dict[str, Any]]:
    return await reports.trends(
        call.services.platform.database, call.caller.user_id, days, call.services.platform.costs.clock()
    )


async def _breakdown(call: Call, within: Range) -> list[dict[str, Any]]:
    return await reports.breakdown(call.services.platform.database, call.caller.user_id, within)


async def _alerts(call: Call, *, unread_only: bool, limit: int) -> list[dict[str, Any]]:
    rows = await alerts.newest(
        call.services.platform.database, call.caller.user_id, unread_only=unread_only, limit=limit
    )
    return [cost_alerts.view(row) for row in rows]


async def _budget(call: Call, row: dict[str, Any]) -> Answer:
    budget = {
        "userId": row["user_id"],
        "dailyLimit": row["daily_limit"],
        "monthlyLimit": row["monthly_limit"],
        "alertThreshold": row["alert_threshold"],
        "alertThresholds": row["alert_thresholds"],
        "alertsEnabled": row["alerts_enabled"],
        "pauseOnExceed": row["pause_on_exceed"],
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }
    status = await call.services.platform.costs.status(call.caller.user_id)
    return {"success": True, "budget": budget, "status": status_view(status)}


def _dates(call: Call) -> Range:
    return Range(call.query["start_date"], call.query["end_date"])


def _alert_id(call: Call) -> str:
    """A malformed id is unknown like any other (contract, section 1.2)."""
    try:
        return str(uuid.UUID(call.path["alert_id"]))
    except ValueError:
        raise _no_alert() from None


def _done(found: bool, message: str) -> Answer:
    if not found:
        raise _no_alert()
    return {"success": True, "message": message}


def _no_alert() -> errors.NotFound:
    return errors.NotFound("There is no such alert.", details={"kind": "alert"})
