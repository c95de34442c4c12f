"""How many sessions a user may have and how long, what one costs, booked while it runs, and what ends it for that."""

from __future__ import annotations

import asyncio
import functools
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dawg_server import errors, logs
from dawg_server.costs import Costs, Reservation, Usage, periods, reported
from dawg_server.database import voice_sessions
from dawg_server.database.pool import Database
from dawg_server.voice.browser import BrowserSocket, SessionEvents
from dawg_server.voice.dialect import events
from dawg_server.voice.transcript import WriteQueue
from dawg_server.wire import timestamp

BEAT = 30.0  # seconds between two looks at budget and minutes
MAX_MISSED = 4  # beats without an answer of the database, after which the session has to end
# The most that a minute can use: both sides talk all the time, and the whole history is read again uncached.
MINUTE = {"text_input_tokens": 10_000, "audio_input_tokens": 600, "audio_output_tokens": 1200}
SERVICE, TRANSCRIPTION = "openai-realtime", "transcription"
MS_PER_OUTPUT_TOKEN = 50  # of sound

log = logs.get("voice")
Refuse = Callable[[errors.DawgError], None]
"""Lets the current response end, and nothing more begin."""


@dataclass(frozen=True, slots=True)
class VoiceLimits:
    """Per user, except `idle_seconds` and `recycle_seconds`, which are per session."""

    sessions: int
    seconds_per_day: float
    idle_seconds: float
    recycle_seconds: float


@dataclass(frozen=True, slots=True)
class SessionGrant:
    """A row of `voice_sessions`, and how many seconds were left of its user's day when it was made."""

    id: str
    user_id: str
    seconds_left: float


class UsageMeter:
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
        self._last_input = events.TokenUsage(input_tokens=read, input_text_tokens=read)

    @staticmethod
    async def reserve(costs: Costs, user_id: str, model: str, *, minutes: float = 1) -> Reservation:
        """Raises `BudgetExceeded`, and `DependencyUnavailable` when the ledger cannot be read."""
        return await costs.reserve(user_id, SERVICE, costs.estimate(SERVICE, model, _most_of(minutes)))

    async def renew(self) -> None:
        """Holds the next minute back, for 15 minutes from now. Raises `BudgetExceeded`."""
        await self._reservation.renew(self._costs.estimate(SERVICE, self._model, MINUTE))

    async def book(self, bill: events.UsageReported) -> Decimal:
        """Never fails: what cannot be written now is written later."""
        if bill.of == "response":
            self._last_input = bill.usage
            return await self._write(SERVICE, self._model, reported.realtime(bill.usage.as_reported()), bill.of_id)
        billed = reported.transcription(bill.usage.as_reported())
        return await self._write(TRANSCRIPTION, self._transcription_model, billed, bill.of_id)

    async def book_lost_response(self, response_id: str, received_ms: int) -> Decimal:
        """A response whose bill never came, because its connection was lost: an estimate of what it cost.

        It read at least what the response before it had read, and spoke at least what has arrived.
        """
        read = events.TokenUsage(
            input_tokens=self._last_input.input_tokens,
            input_text_tokens=self._last_input.input_text_tokens,
            input_audio_tokens=self._last_input.input_audio_tokens,
            output_tokens=received_ms // MS_PER_OUTPUT_TOKEN,
            output_audio_tokens=received_ms // MS_PER_OUTPUT_TOKEN,
        )
        return await self._write(
            SERVICE, self._model, reported.realtime(read.as_reported()), response_id, estimated=True
        )

    async def book_lost_transcription(self, item_id: str, spoken_ms: int) -> Decimal:
        """Words whose transcript, and with it the bill, was lost with the connection."""
        billed = {"audio_seconds": spoken_ms / 1000}
        return await self._write(TRANSCRIPTION, self._transcription_model, billed, item_id, estimated=True)

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


class SessionBilling:
    """Bills as they come, the budget, and the minutes of the day, of one session."""

    def __init__(
        self,
        database: Database,
        grant: SessionGrant,
        meter: UsageMeter,
        queue: WriteQueue,
        socket: BrowserSocket,
        allowed: VoiceLimits,
    ) -> None:
        self.limits = allowed
        self._database, self._grant = database, grant
        self._meter, self._queue, self._events = meter, queue, SessionEvents(socket)
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def cost(self) -> float:
        """USD so far."""
        return float(self._meter.total)

    def bill(self, bill: events.UsageReported, session_id: str, refuse: Refuse) -> None:
        self._queue.put(functools.partial(self._book, bill, session_id, refuse))

    def lost(self, responses: Mapping[str, int], utterances: Mapping[str, int]) -> None:
        """Milliseconds of sound by response and by utterance, whose bills never came."""

        async def book() -> None:
            for response_id, received_ms in responses.items():
                await self._meter.book_lost_response(response_id, received_ms)
            for item_id, spoken_ms in utterances.items():
                await self._meter.book_lost_transcription(item_id, spoken_ms)

        if responses or utterances:
            self._queue.put(book)

    async def watch(self, refuse: Refuse) -> None:
        """Runs until it is cancelled, or has refused."""
        missed = 0
        pause = min(BEAT, self._grant.seconds_left)
        while True:
            await asyncio.sleep(pause)
            try:
                await voice_sessions.seen(self._database, self._grant.id)
                talk = await voice_sessions.talk(self._database, self._grant.user_id)
                left = self.limits.seconds_per_day - talk.seconds
                if left <= 0:
                    raise _day_is_over(self.limits)
                pause = min(BEAT, left)
                await self._meter.renew()
                missed = 0
            except errors.DependencyUnavailable as error:
                missed += 1
                if missed < MAX_MISSED:
                    continue
                refuse(error)
                return
            except errors.RateLimited as error:
                refuse(error)
                return

    async def close(self) -> None:
        """Everything is booked when this returns, or waits in the ledger's folder."""
        await self._queue.close()
        await self._meter.settle()
        try:
            await voice_sessions.end(self._database, self._grant.id)
        except errors.DependencyUnavailable:
            log.warning("The end of a voice session could not be written.", action="voice_end_unwritten")

    async def _book(self, bill: events.UsageReported, session_id: str, refuse: Refuse) -> None:
        cost = await self._meter.book(bill)
        if bill.of == "response":
            self._events.usage(
                session_id,
                bill,
                cost=float(cost),
                total=self.cost,
                seconds=self.seconds,
                remaining=await self._remaining(),
            )
        try:
            await self._meter.renew()
        except errors.BudgetExceeded as error:
            refuse(error)

    async def _remaining(self) -> dict[str, float | None] | None:
        """None when the ledger cannot be read just now."""
        try:
            return await self._meter.remaining(self._grant.user_id)
        except errors.DependencyUnavailable:
            return None


def secret_usage(model: str, grant_id: str, project_id: str | None, seconds: int) -> Usage:
    """The most that calls of a browser's own can use, which nobody will report."""
    return Usage(
        SERVICE,
        model,
        "voice-secret",
        _most_of(seconds / 60),
        grant_id,
        project_id=project_id,
        metered=False,
        metadata={"estimated": True, "seconds": seconds},
    )


def _most_of(minutes: float) -> dict[str, float]:
    """The most that so many minutes can use: unit -> quantity."""
    return {unit: quantity * minutes for unit, quantity in MINUTE.items()}


async def open_session(
    database: Database, user_id: str, limits: VoiceLimits, *, reserved_seconds: int | None = None
) -> SessionGrant:
    """Takes one of the user's places. Raises `SessionLimit`.

    `reserved_seconds` are taken at once, for calls whose real length will never be known.
    """
    id = str(uuid.uuid4())
    async with database.transaction() as connection:
        talk = await voice_sessions.lock(connection, user_id)
        if talk.open >= limits.sessions:
            raise _too_many(talk, limits)
        if talk.seconds >= limits.seconds_per_day:
            raise _day_is_over(limits)
        if talk.seconds + (reserved_seconds or 0) > limits.seconds_per_day:
            raise _day_is_too_short(limits, talk.seconds, reserved_seconds or 0)
        await voice_sessions.insert(connection, id, user_id, reserved_seconds=reserved_seconds)
    return SessionGrant(id, user_id, limits.seconds_per_day - talk.seconds)


def _too_many(talk: voice_sessions.TalkTime, limits: VoiceLimits) -> errors.SessionLimit:
    sentence, seconds = "End one of them first.", 10.0
    if talk.reserved == talk.open:
        seconds = talk.reserved_seconds
        sentence = (
            f"They are calls of browsers, which this server cannot end; one is over in {seconds / 60:.0f} minutes."
        )
    return errors.SessionLimit(
        f"You have {talk.open} voice sessions already. {sentence}",
        details={"limit": limits.sessions, "unit": "sessions"},
        retry_after=seconds,
    )


def _day_is_over(limits: VoiceLimits) -> errors.SessionLimit:
    minutes = limits.seconds_per_day / 60
    return _out_of_minutes(
        minutes,
        f"You have talked for {minutes:g} minutes today, which is all that a day has. It begins anew at midnight UTC.",
    )


def _day_is_too_short(limits: VoiceLimits, talked: float, wanted: float) -> errors.SessionLimit:
    left = (limits.seconds_per_day - talked) / 60
    return _out_of_minutes(
        limits.seconds_per_day / 60,
        f"A call of the browser's own counts with the {wanted / 60:g} minutes that it can last, and {left:.0f} minutes "
        "are left of your day. Talk through this server instead (start-realtime), or ask again after midnight UTC.",
    )


def _out_of_minutes(minutes: float, sentence: str) -> errors.SessionLimit:
    now = periods.now()
    resets_at = periods.next_day(now)
    return errors.SessionLimit(
        sentence,
        details={"limit": minutes, "unit": "minutes", "resetsAt": timestamp(resets_at)},
        retry_after=(resets_at - now).total_seconds(),
    )
