"""What an error code, or a close code, of the realtime service means for the session."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from dawg_server.voice.dialect import wire

FINAL_CODES = frozenset(
    {"invalid_api_key", "insufficient_quota", "account_deactivated", "billing_hard_limit_reached"}
    | {"beta_api_shape_disabled"}
)
# The voice is frozen by the first spoken answer; another one needs another session.
RECYCLE_CODES = frozenset({"session_expired", "cannot_update_voice"})
NOISE_CODES = frozenset(
    {"response_cancel_not_active", "conversation_already_has_active_response"}
    | {"item_truncate_invalid_item_id", "item_delete_invalid_item_id"}
)
# Cutting an item races with its own end, and the service counts its length a little differently from what it sent.
NOISE_DURING = frozenset({"response.cancel", "conversation.item.truncate", "conversation.item.delete"})
EMPTY_COMMIT = "input_audio_buffer_commit_empty"
DEFAULT_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before a request is repeated
_TRY_AGAIN = re.compile(r"try again in (\d+(?:\.\d+)?) ?(ms|s|m)\b")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
RECOVERABLE_CLOSE_CODES = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 1015})


class FaultKind(enum.Enum):
    """What an error, or the end of a connection, asks of the session."""

    NOISE = "noise"  # expected races; for the debug log alone
    FINAL = "final"  # tell the client, never reconnect
    RECYCLE = "recycle"  # a new upstream with the talk carried over
    OTHER = "other"  # tell the client, the session goes on


@dataclass(frozen=True, slots=True)
class Fault:
    """An error of the upstream. `during` is the type of our message that caused it, when that is known.

    `event_id` is the upstream's id of the report, which its support can find again. `retry_after`: seconds after which
    the request is sent once more; None when it is not.
    """

    kind: FaultKind
    code: str
    message: str
    during: str | None = None
    event_id: str = ""
    retry_after: float | None = None


def reported(error: wire.Wire, event_id: str, *, during: str | None = None, automatic_turns: bool = True) -> Fault:
    """What an error object of the service says: of an `error` event, or of a response that failed."""
    code = wire.text(error, "code") or wire.text(error, "type") or "unknown"
    kind = classify(code, during=during, automatic_turns=automatic_turns)
    return Fault(kind, code, wire.text(error, "message"), during, event_id)


def retry_after(error: wire.Wire) -> float:
    """Seconds to wait before the same request is sent again: a field, or a part of the sentence, of the error."""
    told = wire.number(error, "retry_after")
    seconds = DEFAULT_PAUSE if told is None else told
    if match := _TRY_AGAIN.search(wire.text(error, "message")):
        seconds = float(match[1]) * _UNITS[match[2]]
    return min(max(seconds, 0.0), LONGEST_PAUSE)


def classify(code: str, *, during: str | None = None, automatic_turns: bool = True) -> FaultKind:
    """`automatic_turns`: the service commits by itself, so that an empty commit of ours is a harmless race."""
    if code in FINAL_CODES:
        return FaultKind.FINAL
    if code in RECYCLE_CODES:
        return FaultKind.RECYCLE
    if code in NOISE_CODES or during in NOISE_DURING or (code == EMPTY_COMMIT and automatic_turns):
        return FaultKind.NOISE
    return FaultKind.OTHER


def classify_close(code: int) -> FaultKind:
    """How to go on after the upstream closed with this code: RECYCLE or FINAL."""
    return FaultKind.RECYCLE if code in RECOVERABLE_CLOSE_CODES else FaultKind.FINAL
