"""What a test can ask of Replicate: how a creation is answered, how the prediction goes on, what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.simulators.loopback import Silence

Status = Literal["starting", "processing", "succeeded", "failed", "canceled", "aborted"]
FILE_LIFE_SECONDS = 3600.0


@dataclass(frozen=True)
class Refusal:
    """An HTTP error. `body` is JSON, or text for the pages that gateways in front of the service send."""

    status: int
    body: dict[str, Any] | str


def unauthorized() -> Refusal:
    return _problem(401, "Unauthenticated", "You did not pass a valid authentication token")


def no_credit() -> Refusal:
    return _problem(
        402,
        "Insufficient credit",
        "You have insufficient credit to run this model. Go to https://replicate.com/account/billing#billing to "
        "purchase credit. Once you purchase credit, please wait a few minutes before trying again.",
    )


def invalid(detail: str) -> Refusal:
    return _problem(422, "Input validation failed", detail)


def throttled(seconds: int = 30) -> Refusal:
    return Refusal(429, {"detail": f"Request was throttled. Your rate limit resets in ~{seconds}s."})


def not_found() -> Refusal:
    return _problem(404, "Not found", "The requested resource could not be found.")


def broken(status: int = 500) -> Refusal:
    """5xx; 502 and 504 come from a gateway and are HTML."""
    if status in (502, 504):
        return Refusal(status, f"<html><head><title>{status}</title></head><body>Bad gateway</body></html>")
    return _problem(status, "Internal server error", "Something went wrong. Please try again later.")


Fault = Refusal | Silence


@dataclass
class Plan:
    """One prediction to be. Seconds are the service's own.

    `create`: how the creation is answered instead of with 201 (a `… when made` fault loses only the answer).
    `reads`, `cancels`: faults for the first reads and cancel requests, None for a good answer.
    `output`: any JSON with `File`s as leaves, which become URLs. `progress`: percent that appear as bars in the logs.
    `hold`: stay in `starting` until the test moves the prediction by hand; then nothing expires by itself either.
    `cancel_status`, `cancel_seconds`: what a cancel request leads to, and when.
    """

    output: Any = None
    status: Status = "succeeded"
    error: str | None = None
    create: Fault | None = None
    reads: Sequence[Fault | None] = ()
    cancels: Sequence[Fault | None] = ()
    queue_seconds: float = 0.0
    predict_seconds: float = 2.0
    progress: Sequence[int] = ()
    hold: bool = False
    cancel_status: Status = "canceled"
    cancel_seconds: float = 0.0
    file_life_seconds: float = FILE_LIFE_SECONDS
    webhooks: bool = True
    _reads_done: int = field(default=0, init=False)
    _cancels_done: int = field(default=0, init=False)

    def next_read(self) -> Fault | None:
        self._reads_done += 1
        return self.reads[self._reads_done - 1] if self._reads_done <= len(self.reads) else None

    def next_cancel(self) -> Fault | None:
        self._cancels_done += 1
        return self.cancels[self._cancels_done - 1] if self._cancels_done <= len(self.cancels) else None


def _problem(status: int, title: str, detail: str) -> Refusal:
    return Refusal(status, {"title": title, "detail": detail, "status": status})
