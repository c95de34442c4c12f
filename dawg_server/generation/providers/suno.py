"""Suno, through a keyed gateway: songs with vocals, also for a hummed melody, and instrumentals.

Nothing is bought twice. The task's id is stored before the first wait. When the answer to a purchase gets lost, or the
process dies between the purchase and its noting, the gateway offers no list to look in; it does call back the address
that the order named, which is secret and the job's own, and names the task. So the job waits for that call, and checks
it by reading the task. Without an address to be called at, or without a call, the job fails and says why: it is never
bought blindly again.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import structlog

from dawg_server import errors, logs
from dawg_server.generation import remarks
from dawg_server.generation.providers import suno_order
from dawg_server.generation.providers.base import AlreadyTaken, Charge, Outcome, Transient, Unanswered, Work
from dawg_server.generation.providers.download_takes import Source, TakeDownloader, is_short
from dawg_server.generation.providers.polling import Patience, to_its_end
from dawg_server.generation.providers.suno_api import SunoApi, failure, refusal
from dawg_server.generation.providers.webhook_hints import Listener, WebhookHints
from dawg_server.generation.vocals.singing import MelodySinger

NO_CALLBACK = "https://callback.invalid/"  # the gateway asks for an address also when it cannot reach us (RFC 2606)
REFUSED, REFUNDED = 400, 531  # codes of tasks that have failed
STAGES = {
    "PENDING": (3.0, "submitting", "Suno has taken the order."),
    "TEXT_SUCCESS": (25.0, "generating", "The words are written, the music is being made."),
    "FIRST_SUCCESS": (55.0, "generating", "The first of two takes is made."),
    "CALLBACK_EXCEPTION": (25.0, "generating", "The music is being made."),
}
GENERATED = 75.0  # percent of the provider's work
FIRST_CALL = 120.0  # seconds after which the gateway has surely called back for the first time; usual are 40

log: structlog.stdlib.BoundLogger = logs.get("main")
Song = Mapping[str, Any]


class SunoProvider:
    """`callback(job id)`: the secret address at which Suno may tell us that something has happened, or None."""

    name = "suno"

    def __init__(
        self,
        api: SunoApi,
        downloads: TakeDownloader,
        hints: WebhookHints,
        melodies: MelodySinger,
        *,
        callback: Callable[[str], str | None],
    ) -> None:
        self.patience = Patience(lost=FIRST_CALL)
        self.api, self._downloads, self._hints, self._melodies = api, downloads, hints, melodies
        self._callback = callback

    async def generate(self, work: Work) -> Outcome:
        if work.type == "vocals":
            return await self._melodies.sung(work, self._song)
        return await self._song(work)

    async def _song(self, work: Work) -> Outcome:
        order = suno_order.order(work.input)
        with self._hints.listen(work.job_id) as hints:
            ref = await self._purchase(work, order, hints)
            record = await self._ended(work, ref, hints)
        await work.book(_charge(ref, record))
        _check(record)
        made = [song for song in _songs(record) if _text(song, "audioUrl")]
        if not made:
            raise failure("there is no file in its answer", "no_output")
        sources = [Source(_text(song, "audioUrl"), order.title, _seconds(song)) for song in made]
        takes = await self._downloads.takes(work, sources, GENERATED, self.patience.copies)
        warnings = [*order.warnings, *([] if len(takes) > 1 else ["Suno has made one take instead of two."])]
        for source, take in zip(sources, takes, strict=True):
            if is_short(source, take):
                length = take.files[0].facts["duration"]
                warnings.append(f"Suno announced {source.duration:.1f} s, its file has {length:.1f} s.")
            warnings += remarks.deviations(work.input, take.files[0].facts["duration"], take.measured["bpm"])
        about = remarks.about(work.input, self.name, list(dict.fromkeys(warnings)))
        sung = {} if order.fields["instrumental"] else {"lyrics": _lyrics(order, made)}
        return Outcome(takes, {**about, **sung})

    async def cancel(self, work: Work) -> None:
        """The gateway has no way to stop a task: it goes on, and stays charged."""

    def estimate(self, type: str, input: Mapping[str, Any]) -> Charge:
        return Charge("", suno_order.MODEL, {"requests": 1})

    async def settle(self, ref: str) -> Charge | None:
        return _charge(ref, await self.api.record(ref))

    async def close(self) -> None:
        await self.api.close()

    async def _purchase(self, work: Work, order: suno_order.SunoOrder, hints: Listener) -> str:
        """The id of this job's task, bought if there is none yet."""
        if work.ref is not None:
            return work.ref
        work.report(0, "submitting", "Asking Suno.")
        state = dict(work.state)
        if state.get("intent"):
            return await self._lost(work, state, hints, state.get("hint"))
        state["intent"] = suno_order.MODEL
        await work.remember(None, state)
        try:
            return await to_its_end(self._buy(work, order, state))
        except Unanswered as lost:
            log.warning(
                "The answer to a purchase got lost.",
                action="purchase_unanswered",
                provider=self.name,
                job_id=work.job_id,
                reason=str(lost),
            )
            return await self._lost(work, state, hints, None)

    async def _buy(self, work: Work, order: suno_order.SunoOrder, state: dict[str, Any]) -> str:
        fields = {**order.fields, "callBackUrl": self._callback(work.job_id) or NO_CALLBACK}
        try:
            ref = await self.api.create(fields)
        except Transient:  # surely nothing was made, so the next attempt may buy
            await work.remember(None, {name: value for name, value in state.items() if name != "intent"})
            raise
        await work.remember(ref, state)
        return ref

    async def _lost(self, work: Work, state: dict[str, Any], hints: Listener, hint: str | None) -> str:
        """Waits for the call that names the task whose number got lost; raises when none comes."""
        if self._callback(work.job_id) is not None:
            work.report(0, "submitting", "Suno's answer got lost; waiting for its call.")
            ref = hint or await hints.wait(self.patience.lost)
            if ref is not None and await self._is_ours(work, ref):
                try:
                    await work.remember(ref, state)
                except AlreadyTaken:
                    raise _unknown() from None
                return ref
        raise _unknown()

    async def _is_ours(self, work: Work, ref: str) -> bool:
        record = await self.api.record(ref)
        try:
            asked = orjson.loads(record.get("param") or "{}")
        except orjson.JSONDecodeError:
            return False
        named = str(asked.get("callBackUrl")) if isinstance(asked, dict) else ""
        return hmac.compare_digest(named.encode(), str(self._callback(work.job_id)).encode())

    async def _ended(self, work: Work, ref: str, hints: Listener) -> Mapping[str, Any]:
        shown = False
        async for record in self.patience.readings(lambda: self.api.record(ref), hints):
            status = str(record.get("status"))
            if status in STAGES:
                work.report(*STAGES[status])
            songs = _songs(record)
            if songs and not shown:
                shown = True
                await work.preview(
                    [
                        {"streamUrl": _text(song, "streamAudioUrl"), "title": _text(song, "title")}
                        for song in songs
                        if _text(song, "streamAudioUrl").startswith("http")
                    ]
                )
            if status not in STAGES or (
                status == "CALLBACK_EXCEPTION" and songs and all(_text(song, "audioUrl") for song in songs)
            ):
                return record
        raise AssertionError("readings go on until they are not needed any more")


def _check(record: Mapping[str, Any]) -> None:
    """Raises when the task has failed."""
    status = str(record.get("status"))
    if status in ("SUCCESS", "CALLBACK_EXCEPTION"):
        return
    words = str(record.get("errorMessage") or status)
    code = record.get("errorCode")
    if status == "SENSITIVE_WORD_ERROR" or code == REFUSED:
        raise refusal(words, status)
    raise failure(words, status)


def _charge(ref: str, record: Mapping[str, Any]) -> Charge:
    """A task costs as soon as it was taken, unless the gateway says that it has given the credits back."""
    refunded = record.get("errorCode") == REFUNDED
    return Charge(ref, suno_order.MODEL, {} if refunded else {"requests": 1}, {"status": str(record.get("status"))})


def _songs(record: Mapping[str, Any]) -> list[Song]:
    """Both dialects of the gateway: `sunoData` and `data`."""
    response = record.get("response")
    if not isinstance(response, Mapping):
        return []
    found = response.get("sunoData") or response.get("data") or []
    return [song for song in found if isinstance(song, Mapping)] if isinstance(found, list) else []


def _lyrics(order: suno_order.SunoOrder, songs: list[Song]) -> str | None:
    """The words that are sung: those of the order, else what Suno has written; None when it does not tell."""
    asked = order.fields["prompt"]
    if order.fields["customMode"]:
        return str(asked)
    told = next((words for song in songs if (words := _text(song, "prompt").strip())), "")
    return told if told and told != asked.strip() else None


def _text(song: Song, name: str) -> str:
    """A field in camelCase or in snake_case."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    value = song.get(name) or song.get(snake)
    return value if isinstance(value, str) else ""


def _seconds(song: Song) -> float | None:
    value = song.get("duration")
    return float(value) if isinstance(value, int | float) and value > 0 else None


def _unknown() -> errors.ProviderFailed:
    return failure(
        "its answer got lost, so whether it has made and charged a song cannot be found out; it was not asked again",
        "unanswered",
    )
