"""What a provider gets and what it gives back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

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
class Work:
    """One attempt at one job.

    `remember(ref, state)` stores the provider's own id before the first wait; `ref` and `state` are what an earlier
    attempt remembered. Cancelling the task that runs the provider is how a job is cancelled.
    """

    job_id: str
    owner_id: str
    type: str
    input: dict[str, Any]
    folder: Path
    report: Report
    remember: Callable[[str | None, dict[str, Any]], Awaitable[None]]
    ref: str | None = None
    state: dict[str, Any] = field(default_factory=dict)


class Transient(Exception):
    """Something that may well work in a moment: the job is tried again, up to its number of attempts."""


class Provider(Protocol):
    """A way to do jobs of some types."""

    name: str

    async def generate(self, work: Work) -> Outcome:
        """Does the work, with all files in `work.folder`; raises `Transient` or a `DawgError`."""

    async def cancel(self, work: Work) -> None:
        """Tells the outside service, when there is one, that nobody waits any more."""
