"""Our messages to the service: their ids, by which it names them in its errors, and the items that we add."""

from __future__ import annotations

from typing import Any

from dawg_server.voice.dialect.conversation import NOTE, MirroredLine
from dawg_server.voice.dialect.events import SendUpstream

_MAX_PENDING = 256  # our last messages that an error could still name
_LONGEST_ID = 32  # characters; the service accepts no longer item ids


class OutboundMessages:
    """Of one connection."""

    def __init__(self) -> None:
        self._sent: dict[str, str] = {}  # event id -> type
        self._serial = 0

    def send(self, kind: str, **fields: Any) -> SendUpstream:
        self._serial += 1
        event_id = f"dawg_{self._serial}"
        self._sent[event_id] = kind
        if len(self._sent) > _MAX_PENDING:
            del self._sent[next(iter(self._sent))]
        return SendUpstream({"type": kind, "event_id": event_id, **fields})

    def refused(self, event_id: str) -> str | None:
        """The type of the message that an error names, once."""
        return self._sent.pop(event_id, None)

    def cancel(self, response_id: str) -> SendUpstream:
        return self.send("response.cancel", response_id=response_id)

    def line(self, line: MirroredLine) -> tuple[str, SendUpstream]:
        """(its new id, what adds it): something that was said on another connection."""
        item_id = f"seed{self._serial}_{line.item_id}"[:_LONGEST_ID]
        kind = "input_text" if line.role == "user" else "output_text"
        return item_id, self._item(item_id, line.role, kind, line.text)

    def data(self, text: str) -> SendUpstream:
        """Something to know that users wrote: it has no more weight than their words."""
        return self._item(f"{NOTE}{self._serial}", "user", "input_text", text)

    def instruction(self, text: str) -> SendUpstream:
        """A sentence of ours, without anything that users wrote."""
        return self._item(f"{NOTE}{self._serial}", "system", "input_text", text)

    def function_output(self, call_id: str, output: str) -> SendUpstream:
        item = {"type": "function_call_output", "call_id": call_id, "output": output}
        return self.send("conversation.item.create", item=item)

    def _item(self, item_id: str, role: str, kind: str, text: str) -> SendUpstream:
        item = {"id": item_id, "type": "message", "role": role, "content": [{"type": kind, "text": text}]}
        return self.send("conversation.item.create", item=item)
