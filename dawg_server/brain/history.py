"""The talk so far as the model reads it: rows of `messages` made into a history that the API accepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from dawg_server.claude.content import acceptable, blank
from dawg_server.prompt_data import tagged

CHARACTERS_PER_TOKEN = 4
LOST = "The server stopped before this function answered. Look at the project before you repeat it."
Message = dict[str, Any]


def messages(rows: Sequence[Mapping[str, Any]], summary: str | None) -> list[Message]:
    """Begins with a user's message and answers every call of a tool.

    A question that the model refused is left out together with the refusal: read again, it would be refused again.
    """
    kept = acceptable(_without_refused(rows))
    told: list[Message] = []
    if summary and not blank(summary):
        told.append(_user(tagged("summary", summary)))
    elif kept and kept[0]["role"] != "user":
        told.append(_user("(The beginning of this conversation is not shown.)"))
    for at, row in enumerate(kept):
        told.append({"role": "assistant" if row["role"] == "assistant" else "user", "content": list(row["content"])})
        calls = [block["id"] for block in row["content"] if block["type"] == "tool_use"]
        following = kept[at + 1]["content"] if at + 1 < len(kept) and kept[at + 1]["role"] == "tool" else ()
        answered = {block.get("tool_use_id") for block in following}
        missing = [result(id, LOST, is_error=True) for id in calls if id not in answered]
        if missing:
            told.append({"role": "user", "content": missing})
    return told


def given(history: Sequence[Mapping[str, str]]) -> list[Message]:
    """What a client says was said before. It is believed for this turn and never stored."""
    told = [{"role": each["role"], "content": [{"type": "text", "text": each["content"]}]} for each in history]
    return told if not told or told[0]["role"] == "user" else [_user("(Earlier talk:)"), *told]


def result(id: str, text: str, *, is_error: bool = False) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": id, "content": text}
    return block | {"is_error": True} if is_error else block


def tokens(rows: Sequence[Mapping[str, Any]]) -> int:
    """About."""
    return sum(len(orjson.dumps(row["content"])) for row in rows) // CHARACTERS_PER_TOKEN


def cut(rows: Sequence[Mapping[str, Any]], keep: int) -> int:
    """How many rows from the beginning go, so that about `keep` tokens stay; turns are never torn apart."""
    starts = [at for at, row in enumerate(rows) if row["role"] == "user" and at > 0]
    for at in starts:
        if tokens(rows[at:]) <= keep:
            return at
    return len(rows)


def words(rows: Sequence[Mapping[str, Any]], limit: int) -> str:
    """The talk as plain text, for a summary; of long messages the beginning."""
    lines = []
    for row in rows:
        for block in row["content"]:
            match block["type"]:
                case "text":
                    lines.append(f"{row['role']}: {block['text'][:1500]}")
                case "tool_use":
                    lines.append(f"{row['role']} called {block['name']} {orjson.dumps(block['input']).decode()[:200]}")
                case "tool_result" if isinstance(block.get("content"), str):
                    lines.append(f"result: {block['content'][:200]}")
    return "\n".join(lines)[-limit:]


def _without_refused(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    kept: list[Mapping[str, Any]] = []
    for row in rows:
        if row["role"] == "assistant" and row["stop_reason"] == "refusal":
            while kept and kept.pop()["role"] != "user":
                pass
        else:
            kept.append(row)
    return kept


def _user(text: str) -> Message:
    return {"role": "user", "content": [{"type": "text", "text": text}]}
