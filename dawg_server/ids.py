"""Ids as clients send them: a malformed one names nothing, like an unknown one (contract, section 1.2)."""

from __future__ import annotations

import uuid


def is_uuid(text: str) -> bool:
    """True for the usual form with hyphens, in any case."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
