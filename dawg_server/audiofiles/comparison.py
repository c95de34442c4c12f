"""Several clips together: what each is, how every two fit, what stands between them (contract, section 9.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from dawg_server.audio.analysis import clips

MAX_CLIPS = 10
LOCAL = "local analysis only"
NO_MODEL = "No order of sections is suggested: this server has no language model for that, and a guess would be none."
PROMPT_TOKENS, PROMPT_TOKENS_PER_CLIP, ANSWER_TOKENS = 800, 200, 1000  # contract, section 9.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A clip to compare. `seconds` long; `suggested_type` vocal, instrument or None; `metadata` finds its own out."""

    id: str
    name: str
    seconds: float
    suggested_type: str | None
    metadata: Callable[[], Coroutine[Any, Any, dict[str, Any]]]


async def compare(
    candidates: Sequence[Candidate], *, detect_conflicts: bool, suggest_arrangement: bool
) -> dict[str, Any]:
    """`{clips, relationships, conflicts, arrangementSuggestions, aiRecommendations, cost}`.

    An arrangement needs a language model; without one there are no suggestions, and the recommendations say so.
    """
    found = await _all([each.metadata() for each in candidates])
    summaries = [
        clips.summarize(each.id, each.name, metadata, each.seconds, each.suggested_type)
        for each, metadata in zip(candidates, found, strict=True)
    ]
    compared = clips.compare(summaries)
    advice = list(dict.fromkeys(conflict["suggestion"] for conflict in compared["conflicts"]))
    if best := _best(compared["relationships"], summaries):
        advice.insert(0, best)
    if suggest_arrangement and len(candidates) > 1:
        advice.append(NO_MODEL)
    return {
        "clips": summaries,
        "relationships": compared["relationships"],
        "conflicts": compared["conflicts"] if detect_conflicts else [],
        "arrangementSuggestions": [],
        "aiRecommendations": advice,
        "cost": {"totalCost": 0, "inputTokens": 0, "outputTokens": 0, "breakdown": LOCAL},
    }


def tokens(count: int, include_arrangement: bool) -> tuple[int, int]:
    """(to the model, from it) for so many clips."""
    if not include_arrangement:
        return 0, 0
    return PROMPT_TOKENS + PROMPT_TOKENS_PER_CLIP * count, ANSWER_TOKENS


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
