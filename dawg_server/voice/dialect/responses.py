"""The responses of one upstream: which are under way, which were interrupted, and which functions they ask for."""

from __future__ import annotations

from dawg_server.voice.dialect import events, wire


class ResponseState:
    """`active` are the ids under way, oldest first. `owed` says that a response has to be requested once they end.

    The ids of interrupted responses are kept as long as the connection: at most one for every interruption in an hour.
    """

    def __init__(self) -> None:
        self.active: dict[str, None] = {}
        self.owed = False
        self.open_calls: set[str] = set()
        self._requested = 0  # responses requested and not begun
        self._unwanted = 0  # of these, how many were interrupted before they began
        self._interrupted: set[str] = set()
        self._noted: dict[str, dict[str, events.FunctionRequested]] = {}
        self._run: set[str] = set()

    def request(self) -> None:
        self._requested += 1

    def refused(self) -> None:
        """A request of ours became no response."""
        self._requested = max(0, self._requested - 1)
        self._unwanted = min(self._unwanted, self._requested)

    def begin(self, response_id: str) -> bool:
        """False when this response was interrupted before it began, and has to be cancelled."""
        self.active[response_id] = None
        self._requested = max(0, self._requested - 1)
        if not self._unwanted:
            return True
        self._unwanted -= 1
        self.interrupt(response_id)
        return False

    def interrupt(self, response_id: str) -> None:
        self._interrupted.add(response_id)

    def interrupt_requested(self) -> None:
        """What was requested and has not begun is not wanted any more either."""
        self._unwanted = self._requested
        self.owed = False

    def is_interrupted(self, response_id: str) -> bool:
        return response_id in self._interrupted

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
        for item in wire.parts(response, "output"):
            call = _call(item, response_id) if item.get("type") == "function_call" else None
            if call is not None:
                noted.setdefault(call.call_id, call)
        calls = [call for call_id, call in noted.items() if call_id not in self._run]
        self._run.update(noted)
        self.open_calls.update(call.call_id for call in calls)
        return calls

    def answered(self, call_id: str) -> bool:
        """False for a call that nobody waits for."""
        if call_id not in self.open_calls:
            return False
        self.open_calls.discard(call_id)
        return True


def _call(source: wire.Wire, response_id: str) -> events.FunctionRequested | None:
    call_id, name = wire.text(source, "call_id"), wire.text(source, "name")
    if not call_id or not name:
        return None
    return events.FunctionRequested(call_id, name, wire.text(source, "arguments"), response_id)
