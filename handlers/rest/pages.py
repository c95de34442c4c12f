"""Lists in pages (contract, section 1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def listed(plural: str, items: list[Any], total: int, query: Mapping[str, Any]) -> dict[str, Any]:
    page, limit = query["page"], query["limit"]
    numbers = {"page": page, "limit": limit, "total": total, "totalPages": -(-total // limit)}
    return {"success": True, plural: items, **numbers, "pagination": numbers}
