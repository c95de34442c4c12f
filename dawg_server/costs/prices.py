"""What a unit costs: a table with effective dates, read from `prices.json`."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from importlib import resources
from typing import Any, NamedTuple

MICRODOLLAR = Decimal("0.000001")  # USD, the ledger's last digit
ANY_MODEL = "*"
PROMPT_UNITS = ("input_tokens", "cache_write_tokens", "cache_write_1h_tokens", "cache_read_tokens")
# claude-haiku-4-5-20251001, gpt-realtime-2026-01-20, meta/musicgen:671ac645…
_VERSION = re.compile(r"(-\d{8}|-\d{4}-\d{2}-\d{2}|-latest|:[0-9a-f]+)$")


class Cost(NamedTuple):
    """`amount` in USD. Not `priced`: part of it, or all, is a guess from the dearest known model of the service."""

    amount: Decimal
    priced: bool
    version: str


@dataclass(frozen=True, slots=True)
class _PriceLine:
    service: str
    model: str
    since: datetime.datetime
    prompt_over: int
    rates: Mapping[str, Decimal]  # unit -> USD each


class Prices:
    """`table` is the content of a file such as `prices.json`."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.version = str(table["version"])
        self._lines = tuple(_line(entry) for entry in table["prices"])

    @classmethod
    def load(cls) -> Prices:
        text = resources.files("dawg_server.costs").joinpath("prices.json").read_text()
        return cls(json.loads(text, parse_float=Decimal, parse_int=Decimal))

    def cost(self, service: str, model: str | None, billed: Mapping[str, float], at: datetime.datetime) -> Cost:
        """`billed`: unit -> how many, for example `{"input_tokens": 812}`."""
        prompt = sum(billed.get(unit, 0) for unit in PROMPT_UNITS)
        total, priced = Decimal(0), True
        for unit, quantity in billed.items():
            if not quantity:
                continue
            rate = self.rate(service, model, unit, at, prompt=prompt)
            if rate is None:
                priced = False
                rate = self._dearest(service, unit)
            total += rate * Decimal(str(quantity))
        return Cost(total.quantize(MICRODOLLAR, ROUND_HALF_UP), priced, self.version)

    def rate(
        self, service: str, model: str | None, unit: str, at: datetime.datetime, *, prompt: float = 0
    ) -> Decimal | None:
        """USD for one unit, or None when nobody knows. `prompt` is the length of the whole prompt in tokens."""
        for name in _spellings(model):
            known = [
                line
                for line in self._lines
                if (line.service, line.model) == (service, name)
                and unit in line.rates
                and line.since <= at
                and line.prompt_over <= prompt
            ]
            if known:
                return max(known, key=lambda line: (line.since, line.prompt_over)).rates[unit]
        return None

    def _dearest(self, service: str, unit: str) -> Decimal:
        return max(
            (line.rates[unit] for line in self._lines if line.service == service and unit in line.rates),
            default=Decimal(0),
        )


def _spellings(model: str | None) -> tuple[str, ...]:
    name = model or ANY_MODEL
    return (name, _VERSION.sub("", name), ANY_MODEL)


def _line(entry: Mapping[str, Any]) -> _PriceLine:
    since = datetime.datetime.fromisoformat(entry["from"]).replace(tzinfo=datetime.UTC)
    rates = {unit: Decimal(str(price)) / Decimal(str(entry["per"])) for unit, price in entry["units"].items()}
    return _PriceLine(entry["service"], entry["model"], since, int(entry.get("promptOver", -1)) + 1, rates)
