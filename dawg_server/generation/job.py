"""What a job is: its states, its stages and its record."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Any


class State(enum.StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    ACTIVE = "active"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in (State.WAITING, State.ACTIVE)


STAGES = (
    "queued",
    "preparing",
    "submitting",
    "generating",
    "downloading",
    "analyzing",
    "processing",
    "storing",
    "finalizing",
    "complete",
)


@dataclass(frozen=True, slots=True)
class Job:
    """One row of `generations`. `input` is the validated request; `result` holds file ids, never links."""

    id: str
    owner_id: str
    project_id: str | None
    type: str
    state: State
    stage: str
    progress: int
    input: dict[str, Any]
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    provider: str | None
    provider_ref: str | None
    provider_state: dict[str, Any]
    attempts: int
    max_attempts: int
    worker: str | None
    base_url: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a job. A write under a lease that was lost changes nothing and says so."""

    job_id: str
    worker: str
    attempt: int
