"""Content blocks as the API takes them back: it refuses text without a visible character with status 400.

The same for everything that is sent and everything that is stored, so that no conversation ends with such a refusal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

INVISIBLE = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp"))  # Unicode categories
NOTHING = "(empty)"  # stands for a result without text; one with `is_error` has to have some
THOUGHTS = ("thinking", "redacted_thinking")

Block = Mapping[str, Any]


def blank(text: str) -> bool:
    """Whether nothing of it can be seen: white space, and characters without a width."""
    return all(character.isspace() or unicodedata.category(character) in INVISIBLE for character in text)


def visible(content: Iterable[Block]) -> list[Any]:
    """Without blank text; in results of tools, `NOTHING` takes its place. Other blocks stay as they are."""
    return [_result(block) for block in content if block["type"] != "text" or not blank(block["text"])]


def without_blanks(messages: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Messages without blank text, without an assistant's thoughts that lead to nothing, and without those of which
    nothing is left."""
    kept: list[Mapping[str, Any]] = []
    for message in messages:
        content = message["content"]
        if isinstance(content, str):
            kept += [] if blank(content) else [message]
            continue
        blocks = visible(content)
        while blocks and blocks[-1]["type"] in THOUGHTS:
            blocks.pop()
        if blocks:
            kept.append({**message, "content": blocks})
    return kept


def acceptable(messages: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """As `without_blanks`; an assistant's message at the end (a paused one) has no white space at its own end."""
    kept = without_blanks(messages)
    if kept and kept[-1]["role"] == "assistant" and not isinstance(kept[-1]["content"], str):
        last = kept[-1]["content"][-1]
        if last["type"] == "text":
            kept[-1]["content"][-1] = {**last, "text": last["text"].rstrip()}
    return kept


def _result(block: Block) -> Block:
    if block["type"] != "tool_result":
        return block
    content = block.get("content")
    if isinstance(content, list):
        return {**block, "content": visible(content) or NOTHING}
    return {**block, "content": NOTHING} if blank(content or "") else block
