"""The conversation as the service keeps it: items in order, their sound in milliseconds, and what they cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.openai_realtime.config import Refused

MS_PER_INPUT_TOKEN = 100
MS_PER_OUTPUT_TOKEN = 50
_CONTENT = {"user": ("input_text", "input_audio"), "assistant": ("output_text",), "system": ("input_text",)}


def text_tokens(text: str) -> int:
    return -(-len(text) // 4)


@dataclass
class Item:
    """`audio_ms` is how much sound the item holds; `version` changes whenever the prompt cache has to forget it."""

    wire: dict[str, Any]
    audio_ms: int = 0
    version: int = 0

    @property
    def spoken(self) -> bool:
        return self.wire.get("role") == "assistant" and any(part["type"] == "output_audio" for part in self._content)

    @property
    def _content(self) -> list[dict[str, Any]]:
        content: list[dict[str, Any]] = self.wire.get("content", [])
        return content

    def tokens(self) -> tuple[int, int]:
        """(text, audio) tokens of this item as input. The words of a spoken item are billed as sound alone."""
        words = [part.get("text", "") for part in self._content]
        words += [self.wire.get("arguments", ""), self.wire.get("output", "")]
        rate = MS_PER_OUTPUT_TOKEN if self.spoken else MS_PER_INPUT_TOKEN
        return sum(text_tokens(text) for text in words), self.audio_ms // rate


@dataclass
class Conversation:
    items: dict[str, Item] = field(default_factory=dict)
    _cached: list[tuple[str, int]] = field(default_factory=list)

    @property
    def last_id(self) -> str | None:
        return next(reversed(self.items), None)

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Puts the item behind `after` (default: the end) and returns the id of its predecessor."""
        ident = item.wire["id"]
        if after is None or after == self.last_id:
            before = self.last_id
            self.items[ident] = item
            return before
        order = list(self.items.items())
        place = 0 if after == "root" else list(self.items).index(after) + 1
        order.insert(place, (ident, item))
        self.items = dict(order)
        return order[place - 1][0] if place else None

    def create(self, wire: Any, previous: str | None, new_id: str) -> tuple[Item, str | None]:
        """A `conversation.item.create` of the client."""
        if not isinstance(wire, Mapping):
            raise Refused("missing_required_parameter", "Missing required parameter: 'item'.", "item")
        if previous not in (None, "root", *self.items):
            message = f"Previous item with id '{previous}' not found."
            raise Refused("item_create_invalid_previous_item_id", message, "previous_item_id")
        ident = wire.get("id", new_id)
        if not isinstance(ident, str) or not 0 < len(ident) <= 32:
            raise Refused("string_above_max_length", "Invalid 'item.id': at most 32 characters.", "item.id")
        if ident in self.items:
            raise Refused("item_create_duplicate_item_id", f"Item with id '{ident}' already exists.", "item.id")
        self._check(wire)
        item = Item({"object": "realtime.item", "status": "completed", **wire, "id": ident})
        return item, self.add(item, previous)

    def truncate(self, item_id: Any, content_index: Any, audio_end_ms: Any) -> None:
        item = self.items.get(item_id)
        if item is None:
            message = f"Error truncating item: the item with id '{item_id}' does not exist."
            raise Refused("item_truncate_invalid_item_id", message, "item_id")
        if not item.spoken:
            raise Refused("invalid_value", "Only model output audio messages can be truncated.", "item_id")
        if content_index != 0:
            raise Refused("invalid_value", "Invalid value for 'content_index': expected 0.", "content_index")
        if type(audio_end_ms) is not int or audio_end_ms < 0:
            raise Refused("invalid_value", "Invalid value for 'audio_end_ms'.", "audio_end_ms")
        if audio_end_ms > item.audio_ms:
            raise Refused(None, f"Audio content of {item.audio_ms}ms is already shorter than {audio_end_ms}ms")
        item.audio_ms = audio_end_ms
        item.version += 1
        for part in item.wire["content"]:
            part.pop("transcript", None)

    def delete(self, item_id: Any) -> None:
        if self.items.pop(item_id, None) is None:
            message = f"Error deleting item: the item with id '{item_id}' does not exist."
            raise Refused("item_delete_invalid_item_id", message, "item_id")

    def retrieve(self, item_id: Any) -> Item:
        if item_id not in self.items:
            message = f"Error retrieving item: the item with id '{item_id}' does not exist."
            raise Refused("item_retrieve_invalid_item_id", message, "item_id")
        return self.items[item_id]

    def input_usage(self, session: Mapping[str, Any]) -> dict[str, Any]:
        """The bill for everything that is read before an answer; afterwards all of it is in the cache."""
        preface = json.dumps([session["instructions"], session["tools"]])
        parts = [((preface, 0), (text_tokens(preface), 0))]
        parts += [((ident, item.version), item.tokens()) for ident, item in self.items.items()]
        keys = [key for key, _ in parts]
        pairs = enumerate(zip(self._cached, keys, strict=False))
        same = next((at for at, (old, new) in pairs if old != new), len(self._cached))
        self._cached = keys
        text, audio = _sum(tokens for _, tokens in parts)
        cached_text, cached_audio = _sum(tokens for _, tokens in parts[:same])
        return {
            "text_tokens": text,
            "audio_tokens": audio,
            "image_tokens": 0,
            "cached_tokens": cached_text + cached_audio,
            "cached_tokens_details": {"text_tokens": cached_text, "audio_tokens": cached_audio, "image_tokens": 0},
        }

    def _check(self, wire: Mapping[str, Any]) -> None:
        match wire.get("type"):
            case "message":
                allowed = _CONTENT.get(wire.get("role", ""))
                if allowed is None:
                    raise Refused("invalid_value", "Invalid value for 'item.role'.", "item.role")
                for at, part in enumerate(wire.get("content") or []):
                    if part.get("type") not in allowed:
                        where = f"item.content[{at}].type"
                        message = f"Invalid value: '{part.get('type')}'. Supported values are: {allowed}."
                        raise Refused("invalid_value", message, where)
            case "function_call":
                pass
            case "function_call_output":
                calls = {item.wire.get("call_id") for item in self.items.values() if "arguments" in item.wire}
                if wire.get("call_id") not in calls:
                    message = f"Tool call ID '{wire.get('call_id')}' not found in conversation."
                    raise Refused("invalid_tool_call_id", message, "item.call_id")
                if not isinstance(wire.get("output"), str):
                    raise Refused("invalid_type", "Invalid type for 'item.output': expected a string.", "item.output")
            case other:
                raise Refused("invalid_value", f"Invalid value: '{other}'.", "item.type")


def _sum(pairs: Any) -> tuple[int, int]:
    text = audio = 0
    for pair in pairs:
        text, audio = text + pair[0], audio + pair[1]
    return text, audio
