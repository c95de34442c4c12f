"""Who pays for requests to the model, and what they came to, as clients see it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dawg_server.costs import Usage
from dawg_server.costs.prices import PROMPT_UNITS

FREE = "Computed on this server; no model was called: $0.000000"


@dataclass(frozen=True, slots=True)
class BillingContext:
    """Whose budget is charged, and what the row in the ledger is linked with."""

    user_id: str
    project_id: str | None = None
    generation_id: str | None = None
    conversation_id: str | None = None


class UsageSummary:
    """Totals over the requests of one piece of work, with those that failed after something was used."""

    def __init__(self) -> None:
        self.calls = 0
        self._model, self._read, self._written, self._cost = "", 0, 0, Decimal(0)

    def add(self, usage: Usage, cost: Decimal) -> None:
        """`cost` in USD, as the ledger books it."""
        self.calls += 1
        self._model = usage.model or ""
        self._read += int(sum(usage.billed.get(unit, 0) for unit in PROMPT_UNITS))
        self._written += int(usage.billed.get("output_tokens", 0))
        self._cost += cost

    def shown(self, free: str = FREE) -> dict[str, Any]:
        """`{totalCost in USD, inputTokens, outputTokens, breakdown}`; the tokens that were read include cached ones.

        `free` is the breakdown when nothing was called.
        """
        if not self.calls:
            return {"totalCost": 0, "inputTokens": 0, "outputTokens": 0, "breakdown": free}
        calls = "1 call" if self.calls == 1 else f"{self.calls} calls"
        return {
            "totalCost": float(self._cost),
            "inputTokens": self._read,
            "outputTokens": self._written,
            "breakdown": f"{calls} of {self._model}: {self._read} tokens in, {self._written} out: ${self._cost:.6f}",
        }
