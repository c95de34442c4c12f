"""The answers that are under way: what has arrived of each, so that one whose end never comes is not forgotten."""

from __future__ import annotations

from dawg_server.voice.dialect import events
from dawg_server.voice.dialect.playback import BYTES_PER_MS, decoded_length


class Underway:
    """One upstream's answers, by response id."""

    def __init__(self) -> None:
        self._received: dict[str, int] = {}  # bytes of sound
        self._unfinished: dict[str, str] = {}  # item id -> words so far

    def __bool__(self) -> bool:
        return bool(self._received)

    def started(self, response_id: str) -> None:
        self._received[response_id] = 0

    def heard(self, delta: events.AudioDelta) -> None:
        if delta.response_id in self._received:
            self._received[delta.response_id] += decoded_length(delta.audio)

    def said(self, delta: events.TextDelta) -> None:
        self._unfinished[delta.item_id] = self._unfinished.get(delta.item_id, "") + delta.text

    def said_all(self, item_id: str) -> None:
        self._unfinished.pop(item_id, None)

    def done(self, response_id: str) -> None:
        self._received.pop(response_id, None)

    def lost(self) -> tuple[dict[str, int], dict[str, str]]:
        """(milliseconds of sound by response, words by item) of everything whose end will not come."""
        received = {response_id: length // BYTES_PER_MS for response_id, length in self._received.items()}
        unfinished = dict(self._unfinished)
        self._received.clear()
        self._unfinished.clear()
        return received, unfinished
