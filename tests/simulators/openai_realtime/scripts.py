"""What a test can let the simulated voice do on one connection."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Status = Literal["completed", "incomplete", "failed"]

_serial = itertools.count(1)


@dataclass(frozen=True)
class Say:
    """Spoken words; in a session without sound they are written."""

    text: str
    ms: int


@dataclass(frozen=True)
class Write:
    text: str


@dataclass(frozen=True)
class Call:
    name: str
    arguments: str
    call_id: str
    every: int


@dataclass(frozen=True)
class Answer:
    """One response. `pace` is how many times faster than it plays the sound is sent."""

    parts: tuple[Say | Write | Call, ...]
    status: Status = "completed"
    reason: str | None = None  # max_output_tokens or content_filter, for an incomplete answer
    error_code: str | None = None  # for a failed one
    pace: float = 10.0
    think: float = 0.0  # seconds before response.created
    refused: tuple[str, str] | None = None  # code and sentence of the error that a response.create gets instead
    stall: float = 0.0  # seconds before the first output
    late_ms: int = 0  # sound that is still sent after the answer was interrupted
    hang: bool = False  # never ends by itself


@dataclass(frozen=True)
class Script:
    """How one connection goes. Transcripts are what the user is understood to say, one for every utterance."""

    answers: tuple[Answer | Callable[[list[dict[str, Any]]], Answer], ...] = ()
    transcripts: tuple[str, ...] = ()
    refuse: tuple[int, str] | None = None  # HTTP status and error code instead of a websocket
    opening_error: tuple[str, int] | None = None  # error code and close code instead of session.created
    open_delay: float = 0.0  # seconds before session.created
    listens: asyncio.Event | None = None  # session.updated comes when it is set
    deaf: bool = False  # transcriptions fail
    transcript_delay: float = 0.0  # seconds before the transcript of an utterance
    expires_after: float | None = None  # seconds until session_expired
    fallback: Answer = field(default_factory=lambda: answer(say("Yes.", ms=300)))  # once `answers` are used up


def say(text: str, *, ms: int = 1000) -> Say:
    return Say(text, ms)


def write(text: str) -> Write:
    return Write(text)


def call(name: str, arguments: Mapping[str, Any] | str, *, call_id: str | None = None, every: int = 5) -> Call:
    encoded = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return Call(name, encoded, call_id or f"call_{next(_serial):016d}", every)


def answer(*parts: Say | Write | Call, **options: Any) -> Answer:
    return replace(Answer(parts), **options)
