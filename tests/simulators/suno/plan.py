"""What a test can ask of the gateway: how a request is answered, how the task goes on, and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.simulators.loopback import File, Silence

STAGES = ("TEXT_SUCCESS", "FIRST_SUCCESS", "SUCCESS")
FAILURES = ("CREATE_TASK_FAILED", "GENERATE_AUDIO_FAILED", "CALLBACK_EXCEPTION", "SENSITIVE_WORD_ERROR")


@dataclass(frozen=True)
class Refusal:
    """An error as the gateway sends it: HTTP 200, and another `code` than 200 in the body."""

    code: int
    msg: str
    http_status: int = 200


def unauthorized() -> Refusal:
    return Refusal(401, "You do not have access permissions")


def invalid(msg: str) -> Refusal:
    return Refusal(400, msg)


def too_long(msg: str) -> Refusal:
    return Refusal(413, msg)


def no_credit() -> Refusal:
    """429 means an empty account here, not haste."""
    return Refusal(429, "The current credits are insufficient. Please top up.")


def too_frequent() -> Refusal:
    return Refusal(430, "Your call frequency is too high. Please try again later.")


def maintenance() -> Refusal:
    return Refusal(455, "The system is being maintained. Please try again later.")


def broken(http_status: int = 200) -> Refusal:
    return Refusal(500, "Internal error, please try again later.", http_status)


Fault = Refusal | Silence


@dataclass
class Plan:
    """One task to be. Seconds are the service's own.

    `songs`: the files of the two songs, with their `durations`; `stems`: files by name (`vocal`, `drums` …) when the
    task is a separation. `create`, `reads`: faults as for Replicate. `stages`: the statuses after `PENDING`, in order,
    `stage_seconds` apart; a failure may stand among them, and `SUCCESS` may follow it.
    `lyrics`: the words that the service writes by itself in simple mode, told with the songs.
    `snake_case`: the other dialect of `response`. `refund`: give the credits back when the last stage is a failure.
    `hold`: stay `PENDING` until the test moves the task by hand.
    """

    songs: Sequence[File] = ()
    stems: Mapping[str, File] = field(default_factory=dict)
    durations: Sequence[float] = (30.0, 30.0)
    create: Fault | None = None
    reads: Sequence[Fault | None] = ()
    stages: Sequence[str] | None = None
    stage_seconds: Sequence[float] = (35.0, 60.0, 60.0)
    error: str | None = None
    lyrics: str | None = None
    snake_case: bool = False
    refund: bool = False
    hold: bool = False
    callbacks: bool = True
