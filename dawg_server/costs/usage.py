"""One row of the ledger to be: what a service was asked for, and the units that it charges for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from dawg_server.costs.prices import Cost

MAX_QUANTITY = 1e9  # of any unit in one call; far above what a service can report, far below what a row can hold
_READ_FROM_CACHE = (
    "cache_read_tokens",
    "cached_text_input_tokens",
    "cached_audio_input_tokens",
    "cached_image_input_tokens",
)
_WRITTEN_TO_CACHE = ("cache_write_tokens", "cache_write_1h_tokens")
_COUNTED = ("predict_seconds", "requests", "credits")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one paid call has used.

    `service`: anthropic, openai-realtime, transcription, replicate or suno. `operation`: what for, in a word of ours
    (chat, lyrics, beat, separation, voice…). `billed`: unit -> quantity, as made by `dawg_server.costs.reported`.
    `request_id`: the service's own id of this call (message, response, item, prediction or task id), never one that a
    client chose: a second row under the same id is taken for the same call and left out.
    Seconds and characters are told for people and do not count; `metered` is False when the call runs where this
    server cannot see its usage.
    """

    service: str
    model: str | None
    operation: str
    billed: Mapping[str, float]
    request_id: str
    project_id: str | None = None
    generation_id: str | None = None
    conversation_id: str | None = None
    audio_in_seconds: float = 0.0
    audio_out_seconds: float = 0.0
    characters: int = 0
    metered: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = {unit: quantity for unit, quantity in self.billed.items() if not 0 <= quantity <= MAX_QUANTITY}
        if wrong:
            raise ValueError(f"Used quantities lie between 0 and {MAX_QUANTITY:g}: {wrong}.")

    def row(self, cost: Cost) -> dict[str, Any]:
        """Columns of `usage_records`, as JSON: `input_tokens` are those that were not read from a cache."""
        billed = self.billed
        cached = sum(billed.get(unit, 0) for unit in _READ_FROM_CACHE)
        read = sum(
            quantity
            for unit, quantity in billed.items()
            if unit not in _READ_FROM_CACHE and (unit.endswith("input_tokens") or unit in _WRITTEN_TO_CACHE)
        )
        counted = [billed[unit] for unit in _COUNTED if billed.get(unit)]
        units = counted[0] if counted else 0.0
        return {
            "project_id": self.project_id,
            "generation_id": self.generation_id,
            "conversation_id": self.conversation_id,
            "service": self.service,
            "model": self.model,
            "operation": self.operation,
            "input_tokens": int(read),
            "cached_tokens": int(cached),
            "output_tokens": int(sum(n for unit, n in billed.items() if unit.endswith("output_tokens"))),
            "audio_in_seconds": self.audio_in_seconds or billed.get("audio_seconds", 0.0),
            "audio_out_seconds": self.audio_out_seconds,
            "characters": self.characters,
            "units": units,
            "unit_cost": str(round(cost.amount / Decimal(str(units)), 6)) if units else None,
            "total_cost": str(cost.amount),
            "priced": cost.priced and self.metered,
            "metered": self.metered,
            "request_id": self.request_id,
            "metadata": {**self.metadata, "billed": dict(billed), "prices": cost.version},
        }
