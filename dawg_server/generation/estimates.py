"""How long a job should take, from how long the ones before it took."""

from __future__ import annotations

from statistics import median
from typing import Any

from dawg_server.database import generations
from dawg_server.database.pool import Database

# Seconds (to begin, per second of audio) on a small machine, until jobs of this server tell better.
FIRST_GUESS = {"embedded": (2.0, 0.1), "replicate": (20.0, 1.5), "suno": (150.0, 0.0), "local": (1.0, 0.1)}
UNKNOWN = (10.0, 0.5)


async def seconds(database: Database, type: str, provider: str | None, input: dict[str, Any]) -> float:
    """Seconds of work for one job, waiting not included."""
    asked = float(input.get("duration") or 0.0)
    past = await generations.past_seconds(database, type, provider)
    if past:
        rates = [took / max(length, 1.0) for length, took in past] if asked else [took for _, took in past]
        return round(median(rates) * max(asked, 1.0), 1)
    start, per_second = FIRST_GUESS.get(provider or "", UNKNOWN)
    return round(start + per_second * asked, 1)
