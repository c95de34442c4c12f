"""Messages of the model: put together from the events of a stream, and without what the API refuses to take back.

No input or output of its own. Wire shapes: the Messages API of version 2026-10-21, streamed. Of text without a visible
character it says status 400; so that no conversation ends with that, such text is neither sent nor stored.
"""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

INVISIBLE = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp"))  # Unicode categories
NOTHING = "(empty)"  # stands for a result without text; one with `is_error` has to have some
THOUGHTS = ("thinking", "redacted_thinking")
CHARACTERS_PER_TOKEN = 4  # about; for what was never reported

Block = Mapping[str, Any]


@dataclass(slots=True)
class StreamedMessage:
    """`blocks` are as they came and go back unchanged. `usage` is the last one reported: it is cumulative.

    Events are taken until the stream ends, for whatever reason; then comes `finish`, and then may be looked at what
    came. What a compatible service leaves out or adds does no harm.
    """

    id: str = ""
    model: str = ""
    stop_reason: str | None = None
    begun: bool = False
    blocks: list[dict[str, Any]] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    streamed: int = 0  # characters of all kinds
    _open: dict[int, tuple[dict[str, Any], list[str]]] = field(default_factory=dict)  # blocks with their pieces
    _malformed: list[dict[str, Any]] = field(default_factory=list)

    def take(self, event: Any) -> str:
        """The words to be told now; "" for everything else."""
        index = getattr(event, "index", 0)
        match getattr(event, "type", None):
            case "content_block_delta" if index in self._open:
                return self._delta(*self._open[index], event.delta)
            case "message_start":
                self.begun = True
                self.id = getattr(event.message, "id", None) or ""
                self.model = getattr(event.message, "model", None) or ""
                self.usage = plain(getattr(event.message, "usage", None))
            case "content_block_start":
                block = plain(event.content_block)
                self.blocks.append(block)
                self._open[index] = block, []
                return self._begin(block)
            case "content_block_stop" if index in self._open:
                self._close(index)
            case "message_delta":
                self.stop_reason = getattr(event.delta, "stop_reason", None) or self.stop_reason
                self.usage |= plain(getattr(event, "usage", None))
        return ""

    def finish(self) -> None:
        for index in tuple(self._open):
            self._close(index)

    @property
    def complete(self) -> bool:
        """Nothing but the end of the stream comes after the reason to stop."""
        return self.stop_reason is not None

    @property
    def text(self) -> str:
        """Its words; "" when none of them can be seen."""
        return "".join(block["text"] for block in self.content() if block["type"] == "text")

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Tool calls, as `{id, name, input}`; those whose arguments are `malformed` too, as each needs an answer."""
        return [block for block in self.blocks if block["type"] == "tool_use"]

    def malformed(self, call: dict[str, Any]) -> bool:
        return any(each is call for each in self._malformed)

    def content(self) -> list[dict[str, Any]]:
        """What goes back to the model and is stored: without blank text, which the API refuses."""
        return visible(self.blocks)

    @property
    def empty(self) -> bool:
        """Neither words nor calls: at most thoughts."""
        return all(block["type"] in THOUGHTS for block in self.content())

    def words(self) -> list[dict[str, Any]]:
        """The words alone: for an answer that was cut off, whose other blocks may be incomplete."""
        return [{"type": "text", "text": block["text"]} for block in self.content() if block["type"] == "text"]

    def used(self) -> dict[str, Any]:
        """The usage; what a stream that was cut off had written by then is estimated."""
        if self.complete and "output_tokens" in self.usage:
            return self.usage
        written = max(int(self.usage.get("output_tokens", 0)), -(-self.streamed // CHARACTERS_PER_TOKEN))
        return self.usage | {"output_tokens": written}

    def _begin(self, block: dict[str, Any]) -> str:
        match block.setdefault("type", ""):
            case "text":
                return self._count(str(block.setdefault("text", "")))
            case "thinking":
                block.setdefault("thinking", "")
                block.setdefault("signature", "")
            case "tool_use":
                block.setdefault("input", {})
        return ""

    def _delta(self, block: dict[str, Any], pieces: list[str], delta: Any) -> str:
        match getattr(delta, "type", None):
            case "text_delta":
                pieces.append(delta.text)
                return self._count(delta.text)
            case "input_json_delta":
                pieces.append(self._count(delta.partial_json))
            case "thinking_delta":
                pieces.append(self._count(delta.thinking))
            case "signature_delta":
                block["signature"] = delta.signature
            case "citations_delta":
                block.setdefault("citations", []).append(plain(delta.citation))
        return ""

    def _count(self, piece: str) -> str:
        self.streamed += len(piece)
        return piece

    def _close(self, index: int) -> None:
        block, pieces = self._open.pop(index)
        came = "".join(pieces)
        match block["type"]:
            case "text" | "thinking" as kind:
                block[kind] += came
            case "tool_use" if came.strip():
                block["input"] = self._arguments(block, came)

    def _arguments(self, call: dict[str, Any], encoded: str) -> dict[str, Any]:
        with contextlib.suppress(orjson.JSONDecodeError):
            arguments = orjson.loads(encoded)
            if isinstance(arguments, dict):
                return arguments
        self._malformed.append(call)
        return {}


def plain(model: Any) -> dict[str, Any]:
    """A value of the SDK as JSON without what is null; {} for one that is missing."""
    return dict(model.model_dump(mode="json", exclude_none=True)) if hasattr(model, "model_dump") else {}


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
