"""What a session costs, booked while it runs, and the budget that it may use (contract, sections 9.5 and 9.6)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from dawg_server.costs import Costs, Reservation, Usage, reported
from dawg_server.voice.dialect import events, usage

# The most that a minute can use: both sides talk all the time, and the whole history is read again uncached.
MINUTE = {"text_input_tokens": 10_000, "audio_input_tokens": 600, "audio_output_tokens": 1200}
SERVICE, TRANSCRIPTION = "openai-realtime", "transcription"
MS_PER_OUTPUT_TOKEN = 50  # of sound


class Meter:
    """Holds the money for the next minute back and books every bill. `total` is in USD."""

    def __init__(
        self,
        costs: Costs,
        reservation: Reservation,
        *,
        model: str,
        transcription_model: str,
        project_id: str | None,
        conversation_id: str,
    ) -> None:
        self.total = Decimal(0)
        self._costs, self._reservation = costs, reservation
        self._model, self._transcription_model = model, transcription_model
        self._project_id, self._conversation_id = project_id, conversation_id
        # Until an answer was billed: the instructions and the functions, generously.
        read = MINUTE["text_input_tokens"]
        self._last_input = usage.Usage(input_tokens=read, input_text_tokens=read)

    @staticmethod
    async def reserve(costs: Costs, user_id: str, model: str, *, minutes: float = 1) -> Reservation:
        """Raises `BudgetExceeded`, and `DependencyUnavailable` when the ledger cannot be read."""
        return await costs.reserve(user_id, SERVICE, costs.estimate(SERVICE, model, talk(minutes)))

    async def renew(self) -> None:
        """Holds the next minute back, for 15 minutes from now. Raises `BudgetExceeded`."""
        await self._reservation.renew(self._costs.estimate(SERVICE, self._model, MINUTE))

    async def book(self, bill: events.UsageReported) -> Decimal:
        """Never fails: what cannot be written now is written later."""
        if bill.of == "response":
            self._last_input = bill.usage
            cost = await self._write(SERVICE, self._model, reported.realtime(report(bill.usage)), bill.of_id)
        else:
            billed = reported.transcription(report(bill.usage))
            cost = await self._write(TRANSCRIPTION, self._transcription_model, billed, bill.of_id)
        return cost

    async def book_lost_answer(self, response_id: str, received_ms: int) -> Decimal:
        """An answer whose bill never came, because its connection was lost: an estimate of what it cost.

        It read at least what the answer before it had read, and spoke at least what has arrived.
        """
        read = usage.Usage(
            input_tokens=self._last_input.input_tokens,
            input_text_tokens=self._last_input.input_text_tokens,
            input_audio_tokens=self._last_input.input_audio_tokens,
            output_tokens=received_ms // MS_PER_OUTPUT_TOKEN,
            output_audio_tokens=received_ms // MS_PER_OUTPUT_TOKEN,
        )
        return await self._write(SERVICE, self._model, reported.realtime(report(read)), response_id, estimated=True)

    async def remaining(self, user_id: str) -> dict[str, float | None]:
        status = await self._costs.status(user_id)
        return {"dailyUsd": status.daily.remaining, "monthlyUsd": status.monthly.remaining}

    async def settle(self) -> None:
        await self._reservation.settle()

    async def _write(
        self, service: str, model: str, billed: reported.Billed, request_id: str, **metadata: Any
    ) -> Decimal:
        spent = await self._reservation.book(
            Usage(
                service,
                model,
                "voice",
                billed,
                request_id,
                project_id=self._project_id,
                conversation_id=self._conversation_id,
                audio_in_seconds=billed.get("audio_seconds", 0.0),
                audio_out_seconds=billed.get("audio_output_tokens", 0.0) * MS_PER_OUTPUT_TOKEN / 1000,
                metadata=metadata,
            )
        )
        self.total += spent
        return spent


def talk(minutes: float) -> dict[str, float]:
    """The most that so many minutes can use: unit -> quantity."""
    return {unit: quantity * minutes for unit, quantity in MINUTE.items()}


def report(counted: usage.Usage) -> dict[str, Any]:
    """A bill in the shape in which the service told it."""
    if counted.seconds:
        return {"type": "duration", "seconds": counted.seconds}
    return {
        "input_tokens": counted.input_tokens,
        "output_tokens": counted.output_tokens,
        "input_token_details": {
            "text_tokens": counted.input_text_tokens,
            "audio_tokens": counted.input_audio_tokens,
            "image_tokens": counted.input_image_tokens,
            "cached_tokens_details": {
                "text_tokens": counted.cached_text_tokens,
                "audio_tokens": counted.cached_audio_tokens,
                "image_tokens": counted.cached_image_tokens,
            },
        },
        "output_token_details": {
            "text_tokens": counted.output_text_tokens,
            "audio_tokens": counted.output_audio_tokens,
        },
    }
