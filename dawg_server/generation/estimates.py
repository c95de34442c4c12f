"""How long a job should take, from how long the ones before it took, and how long it has to wait for its turn."""

from __future__ import annotations

from statistics import median

from dawg_server.database.generations import Load, Past
from dawg_server.generation.job import Job, State

# Seconds (to begin, per second of audio) on a small machine. They tell how time grows with length, which differs from
# provider to provider; the jobs of this server tell how fast it really is.
SHAPES = {"embedded": (2.0, 0.1), "replicate": (20.0, 1.5), "suno": (150.0, 0.0), "local": (1.0, 0.1)}
UNKNOWN = (10.0, 0.5)


def until_done(job: Job, load: list[Load], past: Past, slots: int) -> float:
    """Seconds from now until a job that has just been accepted should be finished, the jobs before it included.

    `slots`: how many jobs this process runs at once; when more are seen to run, others help.
    """
    own = seconds(job.type, job.provider, float(job.input.get("duration") or 0.0), past)
    running = sum(each.jobs for each in load if each.state is State.ACTIVE)
    if running < slots and not any(each.state is State.WAITING for each in load):
        return own
    left = 0.0
    for each in load:
        work = _guess(each.provider, each.jobs, each.audio_seconds) * _pace(past, each.type, each.provider)
        left += max(0.0, work - each.elapsed_seconds)
    return round(own + left / max(slots, running, 1), 1)


def seconds(type: str, provider: str | None, audio_seconds: float, past: Past) -> float:
    """Seconds of work for one job, waiting not included."""
    return round(_guess(provider, 1, audio_seconds) * _pace(past, type, provider), 1)


def _guess(provider: str | None, jobs: int, audio_seconds: float) -> float:
    begin, per_second = SHAPES.get(provider or "", UNKNOWN)
    return begin * jobs + per_second * audio_seconds


def _pace(past: Past, type: str, provider: str | None) -> float:
    """By what jobs of that kind have taken longer than guessed; 1 before there are any."""
    known = past.get((type, provider))
    return median(took / _guess(provider, 1, length) for length, took in known) if known else 1.0
