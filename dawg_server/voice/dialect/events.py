"""What a dialect says: events for the session, and `SendUpstream` for everything that has to go upstream.

Both come in one list, and its order is the order in which the session acts.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

ResponseStatus = Literal["completed", "cancelled", "incomplete", "failed"]


@dataclass(frozen=True, slots=True)
class SendUpstream:
    """A message for the upstream, ready to be encoded as JSON."""

    message: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ready:
    """The upstream accepted the configuration: microphone audio may flow. `expires_at` is in epoch seconds."""

    session_id: str
    model: str
    voice: str
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class Reconfigured:
    """The upstream accepted a later change of the configuration."""

    voice: str


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    item_id: str


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """`ms`: how long the user spoke."""

    item_id: str
    ms: int = 0


@dataclass(frozen=True, slots=True)
class UtteranceCommitted:
    """The user's turn has ended, by itself or by a commit; its transcript follows."""

    item_id: str


@dataclass(frozen=True, slots=True)
class UserTranscriptDelta:
    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class UserTranscriptDone:
    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class UserTranscriptFailed:
    item_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    response_id: str


@dataclass(frozen=True, slots=True)
class ResponseDone:
    response_id: str
    status: ResponseStatus
    reason: str | None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Words of the answer: what is spoken, or what is written in a session without sound."""

    item_id: str
    response_id: str
    text: str


@dataclass(frozen=True, slots=True)
class TextDone:
    """The words of a finished item; after an interruption only those that were probably heard."""

    item_id: str
    response_id: str
    text: str


@dataclass(frozen=True, slots=True)
class AudioDelta:
    """`audio` is base64 of PCM16 little-endian mono 24 kHz, passed on as it came."""

    item_id: str
    response_id: str
    audio: str


@dataclass(frozen=True, slots=True)
class AudioDone:
    item_id: str
    response_id: str


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Flush the playback of this item now: nothing more of it follows. `text` is what was probably heard."""

    item_id: str
    response_id: str
    played_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class FunctionRequested:
    """To be run once, now; `arguments` is JSON text as the model wrote it, which may be invalid."""

    call_id: str
    name: str
    arguments: str
    response_id: str


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens as the upstream bills them, in one shape for responses and transcriptions.

    `cached_*` are part of the input counts, not on top of them. `seconds` is set where audio time is billed.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    input_text_tokens: int = 0
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    cached_tokens: int = 0
    cached_text_tokens: int = 0
    cached_audio_tokens: int = 0
    cached_image_tokens: int = 0
    output_text_tokens: int = 0
    output_audio_tokens: int = 0
    seconds: float = 0.0

    def as_reported(self) -> dict[str, Any]:
        """The same in the shape in which the service reports it."""
        if self.seconds:
            return {"type": "duration", "seconds": self.seconds}
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "input_token_details": {
                "text_tokens": self.input_text_tokens,
                "audio_tokens": self.input_audio_tokens,
                "image_tokens": self.input_image_tokens,
                "cached_tokens_details": {
                    "text_tokens": self.cached_text_tokens,
                    "audio_tokens": self.cached_audio_tokens,
                    "image_tokens": self.cached_image_tokens,
                },
            },
            "output_token_details": {
                "text_tokens": self.output_text_tokens,
                "audio_tokens": self.output_audio_tokens,
            },
        }


@dataclass(frozen=True, slots=True)
class UsageReported:
    """The bill of one response, or of one transcription, which is charged apart.

    `of_id` is the service's id of the response, or of the item that was written down.
    """

    of: Literal["response", "transcription"]
    of_id: str
    usage: TokenUsage


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


@dataclass(frozen=True, slots=True)
class RetryLater:
    """`Dialect.retry` is to be called after so many seconds."""

    seconds: float


Event = (
    Ready
    | Reconfigured
    | SpeechStarted
    | SpeechStopped
    | UtteranceCommitted
    | UserTranscriptDelta
    | UserTranscriptDone
    | UserTranscriptFailed
    | ResponseStarted
    | ResponseDone
    | TextDelta
    | TextDone
    | AudioDelta
    | AudioDone
    | Interrupted
    | FunctionRequested
    | UsageReported
    | Fault
    | RetryLater
    | SendUpstream
)
