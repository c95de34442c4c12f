"""Several clips together: what each is, how every two fit, what stands between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from dawg_server import errors
from dawg_server.audio.analysis import clips
from dawg_server.audiofiles import arrangement
from dawg_server.claude.small import BillingContext, SmallModel, UsageSummary

MAX_CLIPS = 10
LOCAL = "local analysis only"
ONE_CLIP = "No arrangement is suggested, as that takes at least two clips."
PROMPT_TOKENS, PROMPT_TOKENS_PER_CLIP, ANSWER_TOKENS = 800, 200, 1000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A clip to compare. `seconds` long; `suggested_type` vocal, instrument or None; `metadata` finds its own out."""

    id: str
    name: str
    seconds: float
    suggested_type: str | None
    metadata: Callable[[], Coroutine[Any, Any, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class ComparisonRequest:
    """What is asked about clips, and who pays for what a model says of them."""

    by: BillingContext
    detect_conflicts: bool = True
    suggest_arrangement: bool = False


class Comparison:
    """`{clips, relationships, conflicts, arrangementSuggestions, aiRecommendations, cost, warnings}` of clips."""

    def __init__(self, model: SmallModel) -> None:
        self._model = model

    async def compare(self, candidates: Sequence[Candidate], asked: ComparisonRequest) -> dict[str, Any]:
        """An arrangement is paid for, so a request for one is refused at once when it cannot be served.

        When the model fails later than that, everything that was measured is there, and `warnings` say what is not.
        Raises `ProviderUnconfigured`, `RateLimited`, `BudgetExceeded`, and whatever measuring a clip raises.
        """
        if not asked.suggest_arrangement:
            return _shown(await _measured(candidates), asked)
        if len(candidates) < 2:
            return _shown(await _measured(candidates), asked, warnings=[ONE_CLIP])
        return await self._arranged(candidates, asked)

    async def _arranged(self, candidates: Sequence[Candidate], asked: ComparisonRequest) -> dict[str, Any]:
        wanted, summary = arrangement.request(len(candidates)), UsageSummary()
        found: dict[str, Any] | None = None
        arranged: dict[str, Any] = {}
        warnings = []
        try:
            async with self._model.reserved(asked.by, wanted, arrangement.MAX_DATA, summary) as request:
                found = await _measured(candidates)
                ids = [each.id for each in candidates]
                data = arrangement.about(found["clips"], found)
                arranged = await request.structured(data, lambda values: arrangement.understood(values, ids))
        except errors.DawgError as error:
            if found is None:
                raise
            warnings.append(f"No arrangement is suggested. {error.message}")
        return _shown(found, asked, warnings=warnings, cost=summary.shown(LOCAL)) | arranged


def tokens(count: int, include_arrangement: bool) -> tuple[int, int]:
    """(to the model, from it) for so many clips."""
    if not include_arrangement:
        return 0, 0
    return PROMPT_TOKENS + PROMPT_TOKENS_PER_CLIP * count, ANSWER_TOKENS


async def _measured(candidates: Sequence[Candidate]) -> dict[str, list[dict[str, Any]]]:
    """`{clips, relationships, conflicts}`."""
    found = await _all([each.metadata() for each in candidates])
    summaries = [
        clips.summarize(each.id, each.name, metadata, each.seconds, each.suggested_type)
        for each, metadata in zip(candidates, found, strict=True)
    ]
    return {"clips": summaries, **clips.compare(summaries)}


def _shown(
    found: dict[str, list[dict[str, Any]]],
    asked: ComparisonRequest,
    *,
    warnings: Sequence[str] = (),
    cost: dict[str, Any] | None = None,
) -> dict[str, Any]:
    advice = list(dict.fromkeys(conflict["suggestion"] for conflict in found["conflicts"]))
    if best := _best(found["relationships"], found["clips"]):
        advice.insert(0, best)
    return {
        **found,
        "conflicts": found["conflicts"] if asked.detect_conflicts else [],
        "arrangementSuggestions": [],
        "aiRecommendations": advice,
        "cost": cost or UsageSummary().shown(LOCAL),
        "warnings": list(warnings),
    }


async def _all(work: Sequence[Coroutine[Any, Any, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Every result, or the first error; nothing goes on after that."""
    tasks = [asyncio.create_task(each, name="clip-analysis") for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _best(relationships: list[dict[str, Any]], summaries: list[dict[str, Any]]) -> str | None:
    fitting = [each for each in relationships if each["relationshipType"] == "complementary"]
    if not fitting:
        return None
    best = max(fitting, key=lambda each: float(each["score"]))
    names = {each["clipId"]: each["clipName"] for each in summaries}
    return f"“{names[best['clipId1']]}” and “{names[best['clipId2']]}” go together best of all."
