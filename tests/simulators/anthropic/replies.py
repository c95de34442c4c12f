"""What a test can let the simulated model answer: turns made of blocks, mishaps on the way, and refusals."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

StopReason = Literal[
    "end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"
]
STOP_REASONS: tuple[StopReason, ...] = get_args(StopReason)

_serial = itertools.count(1)


@dataclass(frozen=True)
class Pause:
    """Nothing is sent for this long."""

    seconds: float


@dataclass(frozen=True)
class Fail:
    """An `error` event in the middle of a stream that began with status 200."""

    type: str = "overloaded_error"
    message: str = "Overloaded"


@dataclass(frozen=True)
class Mishap:
    kind: str


PING = Mishap("ping")
HANG = Mishap("hang")
"""Nothing more ever comes, the connection stays open."""
CUT = Mishap("cut")
"""The connection is reset in the middle of an event."""
GARBAGE = Mishap("garbage")
"""An event whose data is no JSON."""

Step = str | Pause | Fail | Mishap


@dataclass(frozen=True)
class Block:
    """One content block: `start` as in `content_block_start`, then its pieces as deltas."""

    start: Mapping[str, Any]
    pieces: tuple[Step, ...]
    signature: str | None = None

    @property
    def spoken(self) -> str:
        return "".join(piece for piece in self.pieces if isinstance(piece, str))

    def whole(self) -> dict[str, Any]:
        """The block as it stands in a complete message."""
        match self.start["type"]:
            case "text":
                return {**self.start, "text": self.spoken}
            case "thinking":
                return {**self.start, "thinking": self.spoken, "signature": self.signature}
            case _:
                try:
                    return {**self.start, "input": json.loads(self.spoken or "{}")}
                except ValueError:  # cut by max_tokens
                    return {**self.start, "input": {}}


@dataclass(frozen=True)
class ReportedUsage:
    """Token counts to report instead of the counted ones."""

    input: int
    output: int
    cache_write: int = 0
    cache_read: int = 0


@dataclass(frozen=True)
class ScriptedMessage:
    """One answer. `chunk` writes the stream in pieces of that many bytes, whatever they cut through."""

    steps: tuple[Block | Step, ...]
    stop_reason: StopReason
    stop_sequence: str | None = None
    refusal_category: str | None = None
    usage: ReportedUsage | None = None
    delay: float = 0.0  # seconds before every event but the first
    chunk: int | None = None
    loose: bool = False  # as a compatible service may write it: see `wire.loose`
    running_usage: bool = False  # a cumulative message_delta after every block, as the API may send

    @property
    def blocks(self) -> list[Block]:
        return [step for step in self.steps if isinstance(step, Block)]


@dataclass(frozen=True)
class ErrorReply:
    """A reply with an error status instead of a message."""

    status: int
    type: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    error_code: str | None = None

    def body(self, request_id: str) -> dict[str, Any]:
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.error_code is not None:
            error["details"] = {"error_code": self.error_code}
        return {"type": "error", "error": error, "request_id": request_id}


def text(*pieces: Step) -> Block:
    """A text block; every string is one `text_delta`."""
    return Block({"type": "text", "text": "", "citations": None}, pieces)


def thinking(*pieces: Step, signature: str | None = None) -> Block:
    """A thinking block. Its signature has to come back unchanged with the same words."""
    signature = signature or f"EqQBCkgIBhABGAIiQ{next(_serial):08d}=="
    return Block({"type": "thinking", "thinking": "", "signature": ""}, pieces, signature)


def tool_use(
    name: str, arguments: Mapping[str, Any] | str, *pieces: Step, id: str | None = None, every: int = 3
) -> Block:
    """A tool call. Without `pieces` its JSON is cut every `every` characters: inside strings, numbers and escapes."""
    encoded = arguments if isinstance(arguments, str) else json.dumps(arguments)
    deltas = pieces or tuple(encoded[at : at + every] for at in range(0, len(encoded), every))
    start = {"type": "tool_use", "id": id or f"toolu_01{next(_serial):022d}", "name": name, "input": {}}
    return Block(start | {"caller": {"type": "direct"}}, ("", *deltas))


def form(value: Any, every: int = 40) -> Block:
    """JSON as the answer to a request with a schema, in pieces of `every` characters; text is taken as it is."""
    encoded = value if isinstance(value, str) else json.dumps(value)
    return text(*(encoded[at : at + every] for at in range(0, len(encoded), every)))


def turn(*steps: Block | Step, stop_reason: StopReason | None = None, **options: Any) -> ScriptedMessage:
    """A turn that stops as its blocks suggest, unless told otherwise."""
    called = any(isinstance(step, Block) and step.start["type"] == "tool_use" for step in steps)
    return ScriptedMessage(steps, stop_reason or ("tool_use" if called else "end_turn"), **options)


def unauthorized(message: str = "invalid bearer token") -> ErrorReply:
    return ErrorReply(401, "authentication_error", message)


def forbidden(message: str = "Your API key does not have permission to use the specified resource.") -> ErrorReply:
    return ErrorReply(403, "permission_error", message)


def rate_limited(retry_after: float | None = None, message: str = "Your rate limit is exceeded.") -> ErrorReply:
    return ErrorReply(
        429, "rate_limit_error", message, {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    )


def broken(message: str = "Internal server error") -> ErrorReply:
    return ErrorReply(500, "api_error", message)


def overloaded() -> ErrorReply:
    return ErrorReply(529, "overloaded_error", "Overloaded")


def written(blocks: Sequence[Block]) -> int:
    """About four characters a token, at least one."""
    return max(1, sum(len(block.spoken) for block in blocks) // 4)
