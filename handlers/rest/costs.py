"""`/cost-monitoring`: what the caller has spent and may spend. Never anybody else's rows."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from dawg_server.costs import Costs
from dawg_server.costs.reports import Range
from dawg_server.costs.status import BudgetStatus
from dawg_server.wire import timestamp
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Routes
from handlers.rest.usage_export import csv_rows, json_rows
from handlers.schemas import costs as schemas

TREND_DAYS = 30
DASHBOARD_ALERTS = 10

routes = Routes("cost-monitoring")


@routes.get("/cost-monitoring/summary", "What was spent", query=schemas.SummaryQuery, reply=schemas.SummaryReply)
async def cost_summary(call: RestCall) -> Answer:
    period = call.query["period"]
    return {"success": True, "period": period, "summary": await _summary(call, period)}


@routes.get("/cost-monitoring/usage-logs", "The ledger, newest first", query=schemas.LogsQuery, reply=schemas.LogsReply)
async def usage_logs(call: RestCall) -> Answer:
    service, limit = call.query["service"], call.query["limit"]
    rows = await _costs(call).reports.newest(call.caller.user_id, _dates(call), service=service, limit=limit)
    return {"success": True, "count": len(rows), "logs": [usage_view(row) for row in rows]}


@routes.get("/cost-monitoring/budget", "The budget and how it stands", reply=schemas.BudgetReply)
async def get_budget(call: RestCall) -> Answer:
    return await _budget(call, await _costs(call).budget(call.caller.user_id))


@routes.put("/cost-monitoring/budget", "Change the budget", body=schemas.BudgetChange, reply=schemas.BudgetReply)
async def change_budget(call: RestCall) -> Answer:
    return await _budget(call, await _costs(call).change_budget(call.caller.user_id, call.body))


@routes.get("/cost-monitoring/alerts", "Alerts, newest first", query=schemas.AlertsQuery, reply=schemas.AlertsReply)
async def list_alerts(call: RestCall) -> Answer:
    unread_only, limit = call.query["unread_only"], call.query["limit"]
    shown = await _costs(call).alerts.newest(call.caller.user_id, unread_only=unread_only, limit=limit)
    return {"success": True, "count": len(shown), "alerts": shown}


@routes.put("/cost-monitoring/alerts/read-all", "Mark every alert as read", reply=schemas.AlertChanged)
async def read_all_alerts(call: RestCall) -> Answer:
    changed = await _costs(call).alerts.mark_all_read(call.caller.user_id)
    return {"success": True, "message": f"{changed} {'alert was' if changed == 1 else 'alerts were'} marked as read."}


@routes.put(
    "/cost-monitoring/alerts/{alert_id}/read", "Mark an alert as read", reply=schemas.AlertChanged, errors=(404,)
)
async def read_alert(call: RestCall) -> Answer:
    await _costs(call).alerts.mark_read(call.caller.user_id, call.path["alert_id"])
    return {"success": True, "message": "The alert is marked as read."}


@routes.put(
    "/cost-monitoring/alerts/{alert_id}/resolve", "Mark an alert as resolved", reply=schemas.AlertChanged, errors=(404,)
)
async def resolve_alert(call: RestCall) -> Answer:
    await _costs(call).alerts.resolve(call.caller.user_id, call.path["alert_id"])
    return {"success": True, "message": "The alert is marked as resolved."}


@routes.get("/cost-monitoring/trends", "Cost by day", query=schemas.Days, reply=schemas.TrendsReply)
async def cost_trends(call: RestCall) -> Answer:
    return {"success": True, "trends": await _costs(call).reports.trends(call.caller.user_id, call.query["days"])}


@routes.get("/cost-monitoring/breakdown", "Cost by service", query=schemas.Dates, reply=schemas.BreakdownReply)
async def cost_breakdown(call: RestCall) -> Answer:
    return {"success": True, "breakdown": await _costs(call).reports.breakdown(call.caller.user_id, _dates(call))}


@routes.get(
    "/cost-monitoring/export",
    "The whole ledger",
    query=schemas.UsageExportQuery,
    reply=schemas.ExportReply,
    content_type="text/csv",
)
async def export_usage(call: RestCall) -> Answer:
    """JSON, or with `format=csv` a file for spreadsheets."""
    as_csv = call.query["format"] == "csv"
    reply = web.StreamResponse()
    reply.content_type = "text/csv" if as_csv else "application/json"
    if as_csv:
        reply.charset = "utf-8"
        reply.headers["Content-Disposition"] = 'attachment; filename="usage-export.csv"'
    if call.request.method != "HEAD":  # the end of a compressed stream would be a body
        reply.enable_compression()
    pages = _costs(call).reports.pages(call.caller.user_id, _dates(call))
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
async def cost_dashboard(call: RestCall) -> Answer:
    user_id, costs = call.caller.user_id, _costs(call)
    return {
        "success": True,
        "budgetStatus": status_view(await costs.status(user_id)),
        "summary": {period: await _summary(call, period) for period in ("today", "week", "month")},
        "trends": await costs.reports.trends(user_id, TREND_DAYS),
        "breakdown": await costs.reports.breakdown(user_id, costs.reports.period("month")),
        "alerts": await costs.alerts.newest(user_id, unread_only=True, limit=DASHBOARD_ALERTS),
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
        "createdAt": timestamp(row["created_at"]),
    }


def _costs(call: RestCall) -> Costs:
    return call.services.platform.costs


async def _summary(call: RestCall, period: str) -> dict[str, Any]:
    reports = _costs(call).reports
    return await reports.summary(call.caller.user_id, reports.period(period))


async def _budget(call: RestCall, row: Mapping[str, Any]) -> Answer:
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
    status = await _costs(call).status(call.caller.user_id)
    return {"success": True, "budget": budget, "status": status_view(status)}


def _dates(call: RestCall) -> Range:
    return Range(call.query["start_date"], call.query["end_date"])
