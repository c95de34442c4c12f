"""The responses of one connection: which are under way, interrupted or awaited, and how much of each was heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dawg_server.voice.dialect import events, wire
from dawg_server.voice.dialect.conversation import ConversationMirror, OutboundMessages

BYTES_PER_MS = 48  # PCM16 mono at 24 kHz
REPORT_INTERVAL_MS = 250  # how often a browser is asked to report
REPORT_OVERDUE = 1.0  # seconds after which a silent browser is not waited for any more
PATIENCE = 30.0  # seconds after which a response that never began is not waited for any more


class ResponseState:
    """`active` are the ids under way, oldest first. `owed` says that a response has to be requested once they end.

    The ids of interrupted responses are kept as long as the connection: at most one for every interruption in an hour.
    `clock` counts seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.active: dict[str, None] = {}
        self.owed = False
        self.retry_due = False
        self.exhausted = False  # the turn has had its responses; the next one is for the user to ask for
        self.open_calls: dict[str, str] = {}  # call id -> name of the function
        self.results: list[tuple[str, str]] = []  # (name, output) of functions that no response has followed yet
        self._clock = clock
        self._requested = 0  # asked for by us and not begun
        self._expected = False  # the service responds by itself, and has not begun
        self._unwanted = 0  # of both, how many were interrupted before they began
        self._awaited_since = 0.0
        self._retried = False
        self._interrupted: set[str] = set()
        self._audible: set[str] = set()  # of these something was said
        self._noted: dict[str, dict[str, events.FunctionRequested]] = {}
        self._run: set[str] = set()

    @property
    def awaited(self) -> bool:
        """A response was asked for, by us or by what the user said, and has not begun."""
        if self.owed or self.retry_due:
            return True
        return bool(self._requested or self._expected) and self._clock() - self._awaited_since < PATIENCE

    @property
    def unanswered(self) -> bool:
        """The user still waits for a response, or for the rest of one."""
        wanted = self._requested + self._expected > self._unwanted
        return (self.awaited and wanted) or self.owed or self.retry_due or bool(self.active.keys() - self._interrupted)

    @property
    def broken_off(self) -> bool:
        """Something was said of a response that is under way."""
        return bool(self.active.keys() & self._audible - self._interrupted)

    def request(self) -> None:
        self._requested += 1
        self.retry_due = False
        self._awaited_since = self._clock()

    def expect(self) -> None:
        """The user has spoken, and the service is to respond."""
        self._expected, self._retried, self.exhausted = True, False, False
        self._awaited_since = self._clock()

    def not_expected(self) -> None:
        self._expected = False

    def refused(self) -> None:
        """A request of ours became no response."""
        self._requested = max(0, self._requested - 1)
        self._unwanted = min(self._unwanted, self._requested + self._expected)

    def may_retry(self) -> bool:
        """True once for each question."""
        self.retry_due, self._retried = not self._retried, True
        return self.retry_due

    def begin(self, response_id: str) -> bool:
        """False when this response was interrupted before it began, and has to be cancelled."""
        self.active[response_id] = None
        if self._expected:
            self._expected = False
        else:
            self._requested = max(0, self._requested - 1)
        if not self._unwanted:
            self.retry_due = False
            return True
        self._unwanted -= 1
        self.interrupt(response_id)
        return False

    def interrupt(self, response_id: str) -> None:
        self._interrupted.add(response_id)

    def interrupt_awaited(self) -> None:
        """What was asked for and has not begun is not wanted any more either."""
        self._unwanted = self._requested + self._expected
        self.owed = self.retry_due = False

    def is_interrupted(self, response_id: str) -> bool:
        return response_id in self._interrupted

    def audible(self, response_id: str) -> None:
        self._audible.add(response_id)

    def was_audible(self, response_id: str) -> bool:
        return response_id in self._audible

    def note_call(self, event: wire.Wire) -> None:
        """The arguments of a call are complete, which is also said of calls that must never run."""
        call = _call(event, wire.text(event, "response_id"))
        if call is not None:
            self._noted.setdefault(call.response_id, {})[call.call_id] = call

    def end(self, response: wire.Wire) -> list[events.FunctionRequested]:
        """The calls to run now: those of a completed response, each once however often it is named."""
        response_id = wire.text(response, "id")
        self.active.pop(response_id, None)
        noted = self._noted.pop(response_id, {})
        if wire.text(response, "status") != "completed":
            return []
        self._retried = False
        self.results.clear()
        for item in wire.parts(response, "output"):
            call = _call(item, response_id) if item.get("type") == "function_call" else None
            if call is not None:
                noted.setdefault(call.call_id, call)
        calls = [call for call_id, call in noted.items() if call_id not in self._run]
        self._run.update(noted)
        self.open_calls.update((call.call_id, call.name) for call in calls)
        return calls

    def answered(self, call_id: str, output: str) -> str | None:
        """The function's name; None for a call that nobody waits for."""
        name = self.open_calls.pop(call_id, None)
        if name is not None:
            self.results.append((name, output))
        return name


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


def _call(source: wire.Wire, response_id: str) -> events.FunctionRequested | None:
    call_id, name = wire.text(source, "call_id"), wire.text(source, "name")
    if not call_id or not name:
        return None
    return events.FunctionRequested(call_id, name, wire.text(source, "arguments"), response_id)
