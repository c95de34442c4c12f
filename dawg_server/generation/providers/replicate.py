"""Replicate as a provider: MusicGen for instrumentals, Demucs for stems.

Nothing is bought twice. Before a purchase its exact words are stored as an intention; after it the prediction's id is,
before the first wait. When a process dies or an answer gets lost in between, the account's list of predictions shows
whether one with these words was made, and it is taken over. Replicate forgets the words of a prediction an hour after
its end: an intention older than that is not bought again, but fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import structlog

from dawg_server import errors, logs
from dawg_server.costs import reported
from dawg_server.generation import remarks
from dawg_server.generation.providers import replicate_models as models
from dawg_server.generation.providers.base import AlreadyTaken, Charge, LocalTake, Outcome, Transient, Unanswered, Work
from dawg_server.generation.providers.download_takes import Source, TakeDownloader
from dawg_server.generation.providers.polling import Patience, to_its_end
from dawg_server.generation.providers.replicate_api import Prediction, ReplicateApi, failure
from dawg_server.generation.providers.webhook_hints import WebhookHints

ENDED = ("succeeded", "failed", "canceled", "aborted")
SUBMITTED, GENERATED = 3.0, 75.0  # percent of the provider's work
REMEMBERED = datetime.timedelta(minutes=50)  # how long Replicate surely knows what a prediction was asked
CLOCKS_DIFFER = datetime.timedelta(minutes=2)
LOOK_AGAIN = 3.0  # seconds after which a purchase whose answer got lost is looked for once more
CANCEL_TRIES = 3
SAME_LENGTH = 0.05  # seconds
_PERCENT = re.compile(r"(\d{1,3})%\|")

log: structlog.stdlib.BoundLogger = logs.get("main")


class Sources(Protocol):
    """Where stored recordings come from."""

    async def fetch(self, audio_id: str, target: Path) -> None:
        """Copies the recording to a local path; raises `errors.NotFound`."""


class ReplicateProvider:
    """`webhook`: where Replicate may tell us that something has happened, if it can reach us."""

    name = "replicate"

    def __init__(
        self,
        api: ReplicateApi,
        downloads: TakeDownloader,
        sources: Sources,
        hints: WebhookHints,
        *,
        webhook: str | None,
    ) -> None:
        self.patience = Patience(lost=LOOK_AGAIN)
        self.api, self._downloads, self._sources, self._hints = api, downloads, sources, hints
        self._webhook = webhook

    async def generate(self, work: Work) -> Outcome:
        with self._hints.listen(work.job_id) as hints:
            ref, state = await self._purchase(work)
            prediction = await self._ended(work, ref, hints)
        await work.book(_charge(prediction, state["intent"]["model"]))
        if prediction["status"] == "aborted":  # never began, so nothing was charged: it may be bought anew
            await work.remember(None, _without_intent(state))
            raise Transient("Replicate had no machine in time.")
        _check(prediction)
        if work.type == "stems":
            return await self._stems(work, prediction["output"])
        return await self._music(work, prediction["output"], state["intent"])

    async def cancel(self, work: Work) -> None:
        if work.ref is not None:
            await self._cancel(work.ref)

    def estimate(self, type: str, input: Mapping[str, Any]) -> Charge:
        seconds = models.predict_seconds(type, input)
        return Charge("", models.model_for(type)["model"], {"predict_seconds": seconds})

    async def settle(self, ref: str) -> Charge | None:
        prediction = await self.api.read(ref)
        if prediction["status"] not in ENDED:
            prediction = await self._cancel(ref)
        return _charge(prediction, str(prediction.get("model"))) if prediction["status"] in ENDED else None

    async def close(self) -> None:
        await self.api.close()

    async def _purchase(self, work: Work) -> tuple[str, dict[str, Any]]:
        """The id of the prediction of this job, bought if there is none yet, and what was remembered with it."""
        state = dict(work.state)
        if work.ref is not None:
            return work.ref, state
        work.report(0, "submitting", "Asking Replicate.")
        if "intent" in state:
            ref = await self._find(work, state)
            if ref is not None:
                return ref, state
        else:
            state["intent"] = await self._intent(work)
        state["since"] = datetime.datetime.now(datetime.UTC).isoformat()
        await work.remember(None, state)
        return await to_its_end(self._buy(work, state)), state

    async def _buy(self, work: Work, state: dict[str, Any]) -> str:
        intent = state["intent"]
        webhook = f"{self._webhook}?job={work.job_id}" if self._webhook else None
        try:
            prediction = await self.api.create(intent["version"], intent["input"], webhook)
            ref = str(prediction["id"])
            await work.remember(ref, state)
        except (Unanswered, KeyError) as lost:
            log.warning(
                "The answer to a purchase got lost; it is looked for.",
                action="purchase_unanswered",
                provider=self.name,
                job_id=work.job_id,
                reason=str(lost),
            )
            found = await self._find(work, state)
            if found is None:
                await asyncio.sleep(self.patience.lost)
                found = await self._find(work, state)
            if found is None:
                raise Transient("Replicate did not answer, and has made nothing.") from None
            return found
        return ref

    async def _find(self, work: Work, state: dict[str, Any]) -> str | None:
        """The prediction that was bought with this intention, now remembered; None when there surely is none."""
        since = datetime.datetime.fromisoformat(state["since"])
        if datetime.datetime.now(datetime.UTC) - since > REMEMBERED:
            raise _unknown()
        intent = state["intent"]
        try:
            async for prediction in self.api.recent():
                if datetime.datetime.fromisoformat(prediction["created_at"]) < since - CLOCKS_DIFFER:
                    return None
                if _asked_the_same(prediction, intent):
                    with contextlib.suppress(AlreadyTaken):
                        await work.remember(str(prediction["id"]), state)
                        log.info(
                            "A purchase whose answer got lost was found.",
                            action="purchase_found",
                            provider=self.name,
                            job_id=work.job_id,
                            ref=prediction["id"],
                        )
                        return str(prediction["id"])
        except Unanswered:
            raise _unknown() from None
        return None

    async def _intent(self, work: Work) -> dict[str, Any]:
        if work.type == "stems":
            source = work.folder / "source"
            await self._sources.fetch(work.input["audioFileId"], source)
            order = models.stems_order(work.input, await self.api.upload(source))
        else:
            order = models.music_order(work.input)
        return {
            "model": order.model,
            "version": order.version,
            "input": order.input,
            "warnings": list(order.warnings),
            "duration": order.duration,
        }

    async def _ended(self, work: Work, ref: str, hints: Any) -> Prediction:
        async for prediction in self.patience.readings(lambda: self.api.read(ref), hints):
            _report(work, prediction)
            if prediction["status"] in ENDED:
                return prediction
        raise AssertionError("readings go on until they are not needed any more")

    async def _cancel(self, ref: str) -> Prediction:
        for tries_left in reversed(range(CANCEL_TRIES)):
            try:
                return await self.api.cancel(ref)
            except Transient:
                if not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    async def _music(self, work: Work, output: Any, intent: Mapping[str, Any]) -> Outcome:
        url = output[0] if isinstance(output, list) and output else output
        if not isinstance(url, str):
            raise failure("there is no file in its answer", "no_output")
        title = work.input.get("title") or f"{(work.input.get('genre') or 'Instrumental').title()} by MusicGen"
        takes = await self._downloads.takes(work, [Source(url, title)], GENERATED, self.patience.copies)
        made = work.input | {"duration": intent["duration"]}
        found = remarks.deviations(made, takes[0].files[0].facts["duration"], takes[0].measured["bpm"])
        return Outcome(takes, remarks.about(work.input, self.name, [*intent["warnings"], *found]))

    async def _stems(self, work: Work, output: Any) -> Outcome:
        names = models.model_for("stems")["outputs"]
        urls = output if isinstance(output, Mapping) else {}
        wanted = {type: urls.get(names[type]) for type in dict.fromkeys(work.input["stemTypes"])}
        missing = [type for type, url in wanted.items() if not isinstance(url, str)]
        if missing:
            raise failure(f"there is no {' and no '.join(missing)} in its answer", "no_output")
        sources = [Source(str(url), type) for type, url in wanted.items()]
        takes = await self._downloads.takes(work, sources, GENERATED, self.patience.copies)
        extra = {"provider": self.name, "method": models.model_for("stems")["model"], "quality": work.input["quality"]}
        return Outcome(takes, {**extra, "warnings": _of_other_length(work, takes)})


def _of_other_length(work: Work, takes: tuple[LocalTake, ...]) -> list[str]:
    asked = float(work.input["duration"])
    lengths = ((take.title, take.files[0].facts["duration"]) for take in takes)
    return [
        f"The stem {title} has {length:.2f} s, the recording has {asked:.2f} s."
        for title, length in lengths
        if abs(length - asked) > SAME_LENGTH
    ]


def _asked_the_same(prediction: Prediction, intent: Mapping[str, Any]) -> bool:
    asked = prediction.get("input")
    return (
        prediction.get("version") == intent["version"]
        and isinstance(asked, Mapping)
        and all(asked.get(name) == value for name, value in intent["input"].items())
    )


def _report(work: Work, prediction: Prediction) -> None:
    if prediction["status"] == "starting":
        work.report(SUBMITTED, "submitting", "Replicate gets a machine ready.")
        return
    drawn = _PERCENT.findall(str(prediction.get("logs") or "")[-2000:])
    done = min(int(drawn[-1]), 100) / 100 if drawn else 0.0
    work.report(SUBMITTED + (GENERATED - SUBMITTED) * done, "generating", "Replicate is at work.")


def _check(prediction: Prediction) -> None:
    """Raises when the prediction has ended without files."""
    status = prediction["status"]
    if status == "failed":
        raise failure(str(prediction.get("error") or "it gave no reason"), "failed")
    if status == "canceled":
        raise failure("the work was cancelled there, by hand or at its time limit", "canceled")
    if prediction.get("data_removed") or prediction.get("output") is None:
        raise failure("its files were deleted before they could be copied", "data_removed")


def _charge(prediction: Prediction, model: str) -> Charge:
    metrics = prediction.get("metrics")
    billed = reported.replicate(metrics if isinstance(metrics, Mapping) else {})
    return Charge(str(prediction["id"]), model, billed, {"status": prediction["status"]})


def _without_intent(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name not in ("intent", "since", "hint")}


def _unknown() -> errors.ProviderFailed:
    return failure(
        "its answer got lost, and whether it has made and charged anything cannot be found out any more; it "
        "was not asked again",
        "unanswered",
    )
