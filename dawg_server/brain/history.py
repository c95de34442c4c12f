"""The talk so far as the model reads it: which rows of `messages` it is shown, and how the API accepts them.

The last exchange is always shown word for word. Before it, long results of tools are left out; a talk that is still
too long loses its oldest exchanges, for which its summary stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from dawg_server.claude.message import blank, without_blanks
from dawg_server.prompt_data import tagged

MAX_HISTORY = 24_000  # tokens; a longer talk loses its beginning
KEPT_HISTORY = 8_000  # tokens that stay of it then, if the last exchange is not longer
MAX_ROWS = 400  # of a talk that are read; those before them need a summary to be known
MAX_OLD_RESULT = 1_000  # characters of a tool's result, in exchanges before the last one
CHARACTERS_PER_TOKEN = 4  # about
LOST = "The server stopped before this function answered. Look at the project before you repeat it."
LEFT_OUT = "(A result of {} characters is left out here. Call the function again if you need it.)"

Row = Mapping[str, Any]
Message = dict[str, Any]


def shown(rows: Sequence[Row]) -> list[Row]:
    """What the model reads of a talk: within `MAX_HISTORY`, unless the last exchange alone is longer."""
    kept = without_old_results(rows)
    return kept if tokens(kept) <= MAX_HISTORY else kept[beginning(kept, KEPT_HISTORY) :]


def without_old_results(rows: Sequence[Row]) -> list[Row]:
    last = max((at for at, row in enumerate(rows) if row["role"] == "user"), default=0)
    return [
        {**row, "content": [_short(block) for block in row["content"]]} if at < last and row["role"] == "tool" else row
        for at, row in enumerate(rows)
    ]


def beginning(rows: Sequence[Row], keep: int) -> int:
    """How many rows from the beginning go, so that about `keep` tokens stay, and at least the last exchange."""
    at, size, begins = len(rows), 0, 0
    while at > 0:
        at -= 1
        size += _size(rows[at])
        if begins and size > keep * CHARACTERS_PER_TOKEN:
            break
        if rows[at]["role"] == "user":
            begins = at
    else:
        return 0
    return begins


def tokens(rows: Sequence[Row]) -> int:
    """About."""
    return sum(_size(row) for row in rows) // CHARACTERS_PER_TOKEN


def messages(rows: Sequence[Row], summary: str | None) -> list[Message]:
    """Rows as the API accepts them: a user's message first, and a result for every call of a tool.

    A question that the model refused is left out together with the refusal: read again, it would be refused again.
    """
    kept = _without_orphans(without_blanks(_without_refused(rows)))
    told: list[Message] = []
    if summary and not blank(summary):
        told.append(_user(tagged("summary", summary)))
    elif kept and (kept[0]["role"] != "user" or kept[0]["seq"] > 0):
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
    """The talk so far as a client tells it."""
    told = [{"role": each["role"], "content": [{"type": "text", "text": each["content"]}]} for each in history]
    return told if not told or told[0]["role"] == "user" else [_user("(Earlier talk:)"), *told]


def result(id: str, text: str, *, is_error: bool = False) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": id, "content": text}
    return block | {"is_error": True} if is_error else block


def plain_text(rows: Sequence[Row], limit: int) -> str:
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


def _short(block: Mapping[str, Any]) -> Mapping[str, Any]:
    content = block.get("content")
    if block["type"] != "tool_result" or not isinstance(content, str) or len(content) <= MAX_OLD_RESULT:
        return block
    return {**block, "content": LEFT_OUT.format(len(content))}


def _size(row: Row) -> int:
    return len(orjson.dumps(row["content"]))


def _without_refused(rows: Sequence[Row]) -> list[Row]:
    kept: list[Row] = []
    for row in rows:
        if row["role"] == "assistant" and row["stop_reason"] == "refusal":
            while kept and kept.pop()["role"] != "user":
                pass
        else:
            kept.append(row)
    return kept


def _without_orphans(rows: Sequence[Row]) -> list[Row]:
    """Without results whose calls are not there, because the talk was cut between them."""
    kept: list[Row] = []
    for row in rows:
        if row["role"] == "tool":
            before = kept[-1]["content"] if kept else ()
            calls = {block["id"] for block in before if block["type"] == "tool_use"}
            row = {**row, "content": [block for block in row["content"] if block.get("tool_use_id") in calls]}
        if row["content"]:
            kept.append(row)
    return kept


def _user(text: str) -> Message:
    return {"role": "user", "content": [{"type": "text", "text": text}]}
