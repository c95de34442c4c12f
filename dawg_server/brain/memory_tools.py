"""Tools with which the model remembers things about the user; offered beside the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server import errors
from dawg_server.memory.service import TYPES, Memory

MAX_CONTENT = 4000  # characters
MAX_RECALLED = 20


def _closed(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


TOOLS: tuple[dict[str, Any], ...] = (
    {
        "name": "remember",
        "description": "Keep something lasting about this user for later conversations: taste, equipment, plans.",
        "parameters": _closed(
            ("content",),
            content={"type": "string", "minLength": 1, "maxLength": MAX_CONTENT},
            type={"type": "string", "enum": list(TYPES), "default": "preference"},
            importance={"type": "integer", "minimum": 1, "maximum": 10, "default": 5},
        ),
    },
    {
        "name": "recall",
        "description": "Look up what is known about this user, best matches first.",
        "parameters": _closed(
            ("query",),
            query={"type": "string", "minLength": 1, "maxLength": 500},
            limit={"type": "integer", "minimum": 1, "maximum": MAX_RECALLED, "default": 8},
        ),
    },
    {
        "name": "forget",
        "description": "Delete one memory by its id, when the user asks for it.",
        "parameters": _closed(("memoryId",), memoryId={"type": "string"}),
    },
)
NAMES = frozenset(tool["name"] for tool in TOOLS)


async def run(memory: Memory, user_id: str, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Raises `ValidationError` and `NotFound`, both saying what would have been valid."""
    if name == "remember":
        row = await memory.keep(
            user_id,
            {
                "content": _text(arguments, "content", MAX_CONTENT),
                "type": _type(arguments),
                "importance": _whole(arguments, "importance", 10, 5),
                "metadata": {"by": "assistant"},
            },
        )
        return {"success": True, "message": "Remembered.", "data": {"memoryId": row["id"]}}
    if name == "recall":
        rows = await memory.recall(user_id, _text(arguments, "query", 500), _whole(arguments, "limit", MAX_RECALLED, 8))
        found = [{"memoryId": row["id"], "type": row["type"], "content": row["content"]} for row in rows]
        return {"success": True, "message": f"{len(found)} found.", "data": {"memories": found}}
    await memory.forget(_text(arguments, "memoryId", 100), user_id)
    return {"success": True, "message": "Forgotten.", "data": {"deleted": True}}


def _text(arguments: Mapping[str, Any], name: str, most: int) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > most:
        raise errors.ValidationError(f"{name} has to be text of 1 to {most} characters.")
    return value.replace("\x00", "").strip()


def _whole(arguments: Mapping[str, Any], name: str, high: int, usual: int) -> int:
    value = arguments.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= high:
        raise errors.ValidationError(f"{name} has to be a whole number from 1 to {high}.")
    return value


def _type(arguments: Mapping[str, Any]) -> str:
    value = arguments.get("type", "preference")
    if value not in TYPES:
        raise errors.ValidationError(f"type has to be one of {', '.join(TYPES)}.")
    return str(value)
