"""Who changes a document, and by which door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Source = Literal["rest", "socket", "ai-brain", "voice", "generation", "restore", "measuring"]


@dataclass(frozen=True, slots=True)
class Actor:
    """`sid` is the socket that need not be told of its own change, because its ack says it all."""

    user_id: str
    source: Source
    sid: str | None = None
