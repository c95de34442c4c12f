"""How much of which spoken item has arrived, and how much of it the listener has heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dawg_server.voice.dialect import events
from dawg_server.voice.dialect.conversation import ConversationMirror
from dawg_server.voice.dialect.outbound import OutboundMessages

BYTES_PER_MS = 48  # PCM16 mono at 24 kHz
REPORT_INTERVAL_MS = 250  # how often a browser is asked to report
REPORT_OVERDUE = 1.0  # seconds after which a silent browser is not waited for any more


def decoded_length(base64_text: str) -> int:
    """Bytes that this base64 text stands for, without decoding it."""
    return len(base64_text) * 3 // 4 - base64_text.count("=", -2)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An item that the listener has not heard to its end; `heard_ms` never exceeds `received_ms`."""

    item_id: str
    response_id: str
    heard_ms: int
    received_ms: int


@dataclass(slots=True)
class _Item:
    response_id: str
    begins_at: float  # seconds on the clock, when its sound can begin at the earliest
    received: int = 0  # bytes
    complete: bool = False
    reported_ms: int = 0
    reported_at: float | None = None

    @property
    def received_ms(self) -> int:
        return self.received // BYTES_PER_MS

    @property
    def ends_at(self) -> float:
        return self.begins_at + self.received_ms / 1000


class Playback:
    """The browser says what was heard. As long as it never did, the clock is asked: items play one after another."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._items: dict[str, _Item] = {}
        self._browser_reports = False

    def receive(self, item_id: str, response_id: str, base64_text: str) -> None:
        item = self._items.get(item_id)
        if item is None:
            begins_at = max([self._clock(), *(earlier.ends_at for earlier in self._items.values())])
            item = self._items[item_id] = _Item(response_id, begins_at)
        item.received += decoded_length(base64_text)

    def complete(self, item_id: str) -> None:
        if item_id in self._items:
            self._items[item_id].complete = True

    def report(self, item_id: str, played_ms: int) -> None:
        self._browser_reports = True
        if item_id in self._items:
            item = self._items[item_id]
            item.reported_ms = max(item.reported_ms, played_ms)
            item.reported_at = self._clock()

    def cut(
        self, conversation: ConversationMirror, out: OutboundMessages
    ) -> Iterator[tuple[events.Interrupted, events.SendUpstream]]:
        """Ends what the listener has not heard to its end: here, in the mirror, and upstream by the messages."""
        for item in self.unfinished():
            del self._items[item.item_id]
            heard = conversation.cut(item.item_id, item.heard_ms / item.received_ms if item.heard_ms else 0.0)
            if item.heard_ms:
                where = {"item_id": item.item_id, "content_index": 0, "audio_end_ms": item.heard_ms}
                message = out.send("conversation.item.truncate", **where)
            else:
                message = out.send("conversation.item.delete", item_id=item.item_id)
            yield events.Interrupted(item.item_id, item.response_id, item.heard_ms, heard), message

    def forget_finished(self) -> None:
        """Called between answers, so that an hour of talk does not pile up."""
        kept = {item.item_id for item in self.unfinished()}
        self._items = {item_id: item for item_id, item in self._items.items() if item_id in kept}

    @property
    def quiet(self) -> bool:
        """Everything that arrived has had the time to be heard, whether or not the browser said so."""
        now = self._clock()
        return all(item.complete and (now >= item.ends_at or self._finished(item)) for item in self._items.values())

    @property
    def audible(self) -> bool:
        """Something that arrived has still to be heard."""
        now = self._clock()
        return any(now < item.ends_at and not self._finished(item) for item in self._items.values())

    def unfinished(self) -> list[Unfinished]:
        return [
            Unfinished(item_id, item.response_id, self._heard_ms(item), item.received_ms)
            for item_id, item in self._items.items()
            if not self._finished(item)
        ]

    def _heard_ms(self, item: _Item) -> int:
        passed = self._clock() - item.begins_at
        if item.reported_at is not None:
            heard = item.reported_ms
        elif self._browser_reports and passed < REPORT_OVERDUE:
            heard = 0
        else:
            heard = int(passed * 1000)
        return max(0, min(heard, item.received_ms))

    def _finished(self, item: _Item) -> bool:
        missing = item.received_ms - self._heard_ms(item)
        # The end comes between two reports: what was still missing in the last one has been heard by now.
        if item.reported_at is not None and missing <= REPORT_INTERVAL_MS:
            missing -= int((self._clock() - item.reported_at) * 1000)
        return item.complete and missing <= 0
