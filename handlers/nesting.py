"""How deep JSON of clients may be nested: less than what any encoder on the way can write again."""

from __future__ import annotations

from typing import Any

MAX_DEPTH = 100  # levels; orjson writes 254, Python's stack holds about 900


def is_too_deep(text: str | bytes, value: Any) -> bool:
    """`value` is what `text` says. Long documents are not searched when they have too few brackets to be deep."""
    brackets = text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")
    if brackets <= MAX_DEPTH:
        return False
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for each in level
            for child in (each.values() if isinstance(each, dict) else each)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True
