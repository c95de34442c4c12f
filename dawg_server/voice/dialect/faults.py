"""What an error code, or a close code, of the realtime service means for the session."""

from __future__ import annotations

import enum
from dataclasses import dataclass

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

    `event_id` is the upstream's id of the report, which its support can find again.
    """

    kind: FaultKind
    code: str
    message: str
    during: str | None = None
    event_id: str = ""


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
