"""What a provider gets and what it gives back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from dawg_server import errors

Report = Callable[[float, str, str], None]
"""(percent 0..100 of the provider's own work, stage, sentence for people)."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A finished file in the job's folder, as measured there. `facts`: columns of `audio_files`."""

    path: Path
    format: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LocalTake:
    """One recording: its files by format (the first is the main one), its stems, and what was measured of it."""

    title: str
    files: tuple[LocalFile, ...]
    measured: dict[str, Any]
    stems: dict[str, LocalFile] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job has made. `extra` joins the job's result (profile, settings, warnings…)."""

    takes: tuple[LocalTake, ...]
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Charge:
    """What one call of a paid provider has used, under the provider's own id of that call.

    `billed`: unit -> quantity, as the price list has them (`predict_seconds`, `requests`); empty for a call that is
    known to have cost nothing.
    """

    ref: str
    model: str
    billed: Mapping[str, float]
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Work:
    """One attempt at one job.

    `remember(ref, state)` stores the provider's own id before the first wait (and `ref=None` the intention to buy,
    before the purchase); `ref` and `state` are what an earlier attempt remembered. It raises `AlreadyTaken` when the id
    belongs to another job. `book` writes down what a call has used, once however often it is called. `preview` tells
    the owner where the audio can be heard before it is finished: `[{streamUrl, title}]`. Cancelling the task that runs
    the provider is how a job is cancelled.
    """

    job_id: str
    owner_id: str
    type: str
    input: dict[str, Any]
    folder: Path
    report: Report
    remember: Callable[[str | None, dict[str, Any]], Awaitable[None]]
    book: Callable[[Charge], Awaitable[None]]
    preview: Callable[[list[dict[str, str]]], Awaitable[None]]
    ref: str | None = None
    state: dict[str, Any] = field(default_factory=dict)


class Transient(Exception):
    """Something that may well work in a moment: the job is tried again, up to its number of attempts."""


class Late(Transient):
    """The outside service did not answer in time."""


class Unanswered(Exception):
    """The answer to a purchase got lost: whether anything was made, and charged, is not known."""


class Refused(Exception):
    """The provider has refused the purchase and charged nothing, so another one may be asked instead."""

    def __init__(self, error: errors.DawgError) -> None:
        super().__init__(error.message)
        self.error = error


class AlreadyTaken(Exception):
    """This id of the provider's belongs to another job."""


class ContentRefused(errors.ProviderFailed):
    """The provider does not accept these words or this audio."""

    code = "content_refused"


class Provider(Protocol):
    """A way to do jobs of some types."""

    name: str

    async def generate(self, work: Work) -> Outcome:
        """Does the work, with all files in `work.folder`; raises `Transient` or a `DawgError`."""

    async def cancel(self, work: Work) -> None:
        """Tells the outside service, when there is one, that nobody waits any more."""


class PaidProvider(Provider, Protocol):
    """A provider whose calls cost money."""

    def estimate(self, type: str, input: dict[str, Any]) -> Charge:
        """The most that the job should use; its `ref` is empty."""

    async def settle(self, ref: str) -> Charge | None:
        """What the call `ref` of a job that has ended has used. None: not known yet, ask again later."""
