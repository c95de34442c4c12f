"""Times on the wire: ISO-8601, UTC, milliseconds, `Z` (contract, section 1.2)."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
