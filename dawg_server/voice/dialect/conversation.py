"""A text-only mirror of the talk: what a new upstream is told when the old one has to go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast, get_args

from dawg_server.voice.dialect import wire

Role = Literal["user", "assistant"]

NOTE = "note"  # begins the ids of items that nobody said
MAX_LINES = 400  # about an hour of talk; older lines are forgotten
MAX_CARRIED_CHARACTERS = 24_000  # well below the token limit of a session


@dataclass(frozen=True, slots=True)
class MirroredLine:
    item_id: str
    role: Role
    text: str


@dataclass(slots=True)
class _Entry:
    role: Role
    text: str = ""
    closed: bool = False  # was cut: later words were not heard


class ConversationMirror:
    """Lines in the order of the conversation. Words may arrive long after their place is known."""

    def __init__(self) -> None:
        self._order: list[str] = []
        self._entries: dict[str, _Entry] = {}

    @property
    def lines(self) -> tuple[MirroredLine, ...]:
        entries = ((item_id, self._entries[item_id]) for item_id in self._order)
        return tuple(MirroredLine(item_id, entry.role, entry.text) for item_id, entry in entries if entry.text)

    def carried(self) -> tuple[MirroredLine, ...]:
        """The newest lines that fit into a new session."""
        room, kept = MAX_CARRIED_CHARACTERS, list[MirroredLine]()
        for line in reversed(self.lines):
            room -= len(line.text)
            if room < 0:
                break
            kept.append(line)
        return tuple(reversed(kept))

    def text(self, item_id: str) -> str:
        entry = self._entries.get(item_id)
        return entry.text if entry else ""

    def item_added(self, event: wire.Wire) -> None:
        """A message of the conversation, as the service tells it; notes of ours are none."""
        item = wire.part(event, "item")
        item_id, role = wire.text(item, "id"), item.get("role")
        if item.get("type") == "message" and role in get_args(Role) and not item_id.startswith(NOTE):
            self.place(item_id, cast(Role, role), wire.text(event, "previous_item_id"))

    def output_item(self, event: wire.Wire) -> None:
        """An item of a response."""
        item = wire.part(event, "item")
        if item.get("type") == "message":
            self.place(wire.text(item, "id"), "assistant")

    def item_deleted(self, event: wire.Wire) -> None:
        item_id = wire.text(event, "item_id")
        if self._entries.pop(item_id, None) is not None:
            self._order.remove(item_id)

    def place(self, item_id: str, role: Role, after: str | None = None) -> None:
        """Keeps a place for an item, behind the item `after` when that is known."""
        if not item_id or item_id in self._entries:
            return
        if after in self._entries:
            self._order.insert(self._order.index(after) + 1, item_id)
        else:
            self._order.append(item_id)
        self._entries[item_id] = _Entry(role)
        if len(self._order) > MAX_LINES:
            del self._entries[self._order.pop(0)]

    def add(self, item_id: str, role: Role, words: str) -> None:
        self.place(item_id, role)
        entry = self._entries.get(item_id)
        if entry and not entry.closed:
            entry.text += words

    def write(self, item_id: str, role: Role, text: str) -> None:
        """Replaces what was collected by the final words, unless the item was cut before."""
        self.place(item_id, role)
        entry = self._entries.get(item_id)
        if entry and not entry.closed:
            entry.text = text

    def cut(self, item_id: str, share: float) -> str:
        """Keeps about that share of the words, whole words only: the service does not say which were heard."""
        entry = self._entries.get(item_id)
        if entry is None or entry.closed:
            return self.text(item_id)
        wanted = int(len(entry.text) * max(0.0, min(1.0, share)))
        if wanted < len(entry.text):
            space = entry.text.rfind(" ", 0, wanted + 1)
            entry.text = entry.text[: max(space, 0)].rstrip()
        entry.closed = True
        return entry.text
