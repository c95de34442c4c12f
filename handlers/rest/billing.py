"""`/billing`: the ledger, the monthly budget and what may be used, as an earlier client asks. `me` is the caller."""

from __future__ import annotations

from dawg_server import errors
from dawg_server.daw.entities.track import MAX_TRACKS
from dawg_server.wire import timestamp
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Routes
from handlers.schemas import costs as schemas

NOTHING_IS_SOLD = (
    "Nothing is sold here: everything that this server can do is switched on for everybody. What the paid services "
    "behind it cost is limited by the budgets of /api/cost-monitoring/budget."
)
# What published clients ask for by name before they show it.
FEATURES = (
    "basic_recording",
    "basic_mixing",
    "ai_assistance",
    "cloud_storage",
    "advanced_effects",
    "collaboration",
    "unlimited_projects",
    "Auto-Comp",
    "Auto-Pitch",
    "Auto-Align",
    "Auto-Mix",
    "Auto-Master",
    "Auto-Music",
)

routes = Routes("billing")


@routes.get("/billing/entitlements", "What may be used, and how much of it", reply=schemas.Entitlements)
async def entitlements(call: RestCall) -> Answer:
    """Nothing is held back. `limits` are those that this server enforces; null where there is none."""
    return {
        "success": True,
        "plan": "ENTERPRISE",
        "features": dict.fromkeys(FEATURES, True),
        "limits": {"max_projects": None, "max_tracks_per_project": MAX_TRACKS, "max_storage_gb": None},
    }


@routes.post("/billing/checkout", "Buy or change a plan: there are none", aliases=("/billing/portal",), errors=(501,))
async def checkout(call: RestCall) -> Answer:
    """Always refused: nothing is sold here."""
    raise errors.NotImplementedHere(NOTHING_IS_SOLD)


@routes.get("/billing/usage/{user_id}/current", "Spent this month", reply=schemas.CurrentReply, errors=(404,))
async def current_usage(call: RestCall) -> Answer:
    user_id = _own(call)
    costs = call.services.platform.costs
    spent = await costs.reports.summary(user_id, costs.reports.period("month"))
    status = await costs.status(user_id)
    return {
        "success": True,
        "current": spent["totalCost"],
        "limit": status.monthly.limit,
        "breakdown": spent["byService"],
        "lastUpdated": timestamp(costs.clock()),
    }


@routes.get(
    "/billing/usage/{user_id}/history", "Spent by day", query=schemas.Days, reply=schemas.HistoryReply, errors=(404,)
)
async def usage_history(call: RestCall) -> Answer:
    days = await call.services.platform.costs.reports.history(_own(call), call.query["days"])
    return {"success": True, "history": days, "totalCost": round(sum(day["cost"] for day in days), 6)}


@routes.post(
    "/billing/budget/{user_id}",
    "Set the monthly budget",
    body=schemas.MonthlyBudget,
    reply=schemas.MonthlyBudgetReply,
    errors=(404,),
)
async def set_monthly_budget(call: RestCall) -> Answer:
    user_id = _own(call)
    changes = {"monthly_limit": call.body["limit"], "alert_thresholds": call.body["alert_thresholds"]}
    row = await call.services.platform.costs.change_budget(user_id, changes)
    return {
        "success": True,
        "userId": user_id,
        "limit": row["monthly_limit"],
        "alertThresholds": row["alert_thresholds"],
    }


def _own(call: RestCall) -> str:
    """Any other user's id is as unknown as one that does not exist."""
    if call.path["user_id"] not in ("me", call.caller.user_id):
        raise errors.NotFound("There is no such user.", details={"kind": "user"})
    return call.caller.user_id
