"""One message of the model, put together from the events of its stream; no input or output of its own.

Wire shapes: the Messages API of version 2026-10-21, streamed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

CHARACTERS_PER_TOKEN = 4  # about; for what was never reported


@dataclass(slots=True)
class Answer:
    """`blocks` are as they came and go back unchanged. `usage` is the last one reported: it is cumulative."""

    id: str = ""
    model: str = ""
    stop_reason: str | None = None
    refusal_category: str | None = None
    blocks: list[dict[str, Any]] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    complete: bool = False
    streamed: int = 0  # characters of all kinds
    _pieces: list[str] = field(default_factory=list)
    _broken: set[int] = field(default_factory=set)

    def take(self, event: Any) -> str:
        """The words to be told now; "" for everything else."""
        match event.type:
            case "content_block_delta":
                return self._delta(event.delta)
            case "message_start":
                self.id, self.model = event.message.id, event.message.model
                self.usage = event.message.usage.model_dump(exclude_none=True)
            case "content_block_start":
                self._pieces = []
                self.blocks.append(event.content_block.model_dump(mode="json", exclude_none=True))
            case "content_block_stop":
                self._close(self.blocks[-1])
            case "message_delta":
                self.stop_reason = event.delta.stop_reason or self.stop_reason
                details = getattr(event.delta, "stop_details", None)
                self.refusal_category = getattr(details, "category", None)
                self.usage |= event.usage.model_dump(exclude_none=True)
            case "message_stop":
                self.complete = True
        return ""

    @property
    def text(self) -> str:
        return "".join(block["text"] for block in self.blocks if block["type"] == "text")

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Tool calls that arrived whole, as `{id, name, input}`."""
        return [
            block for at, block in enumerate(self.blocks) if block["type"] == "tool_use" and at not in self._broken
        ]

    def malformed(self, call: dict[str, Any]) -> bool:
        return any(self.blocks[at] is call for at in self._broken)

    def content(self) -> list[dict[str, Any]]:
        """What goes back to the model. Empty words are left out, as the API refuses them."""
        return [block for block in self.blocks if block["type"] != "text" or block["text"]]

    def words(self) -> list[dict[str, Any]]:
        """The words alone: for an answer that was cut off, whose other blocks may be incomplete."""
        return [{"type": "text", "text": block["text"]} for block in self.content() if block["type"] == "text"]

    def used(self) -> dict[str, Any]:
        """The usage; what a stream that was cut off had written by then is estimated."""
        if self.complete:
            return self.usage
        written = max(int(self.usage.get("output_tokens", 0)), -(-self.streamed // CHARACTERS_PER_TOKEN))
        return self.usage | {"output_tokens": written}

    def _delta(self, delta: Any) -> str:
        block = self.blocks[-1]
        match delta.type:
            case "text_delta":
                block["text"] += delta.text
                self.streamed += len(delta.text)
                return str(delta.text)
            case "input_json_delta":
                self._pieces.append(delta.partial_json)
                self.streamed += len(delta.partial_json)
            case "thinking_delta":
                block["thinking"] += delta.thinking
                self.streamed += len(delta.thinking)
            case "signature_delta":
                block["signature"] = delta.signature
            case "citations_delta":
                block.setdefault("citations", []).append(delta.citation.model_dump(mode="json", exclude_none=True))
        return ""

    def _close(self, block: dict[str, Any]) -> None:
        if block["type"] != "tool_use":
            return
        try:
            block["input"] = orjson.loads("".join(self._pieces) or "{}")
        except orjson.JSONDecodeError:
            block["input"] = {}
            self._broken.add(len(self.blocks) - 1)
        if not isinstance(block["input"], dict):
            block["input"] = {}
            self._broken.add(len(self.blocks) - 1)
