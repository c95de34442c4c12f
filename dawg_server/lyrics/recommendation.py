"""One piece of advice on lyrics, as clients receive it (contract, section 9.2)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Recommendation:
    """`section` is a title such as `Verse 2`, None for the whole song; `confidence` lies in 0..1."""

    type: Literal["suggestion", "warning", "info"]
    message: str
    section: str | None
    reasoning: str
    confidence: float

    def as_dict(self) -> dict[str, Any]:
        """The wire form."""
        return asdict(self)
