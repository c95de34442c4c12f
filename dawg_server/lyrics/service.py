"""Lyrics for the rest of the server: analysed in a thread, published to everybody who has the project open.

Whatever is asked is answered. It is computed first; where a language model is configured it reads the song too, and
its answer, once it has been checked, is the one that is given. Why a configured model has no part in an answer is said
in `warnings`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from bus import events
from bus.local import LocalBus
from dawg_server import errors
from dawg_server.claude.small import BillingContext, SmallModel, UsageSummary
from dawg_server.claude.structured import StructuredRequest
from dawg_server.lyrics import advice, analysis, genres, organize, reading, sheet, structure

NOTHING_SUNG = "The language model was not asked, as there are no sung lines."

T = TypeVar("T")


class Lyrics:
    """What `/lyrics`, the socket events and the assistants use.

    Every answer says how it was made (`method`: computed or model), what it has cost (`cost`: all calls of the model,
    also those that came to nothing), and in `warnings` why a configured model has no part in it.
    """

    def __init__(self, bus: LocalBus, model: SmallModel) -> None:
        self._bus, self._model = bus, model

    async def analyze(
        self, lyrics: str, genre: str | None = None, suggested: str | None = None, *, by: BillingContext
    ) -> dict[str, Any]:
        """`analysis.analyze`, read by the model where there is one. Raises `ValidationError` for an unknown genre."""
        profile = genres.resolve(genre) if genre is not None else genres.OTHER
        sections = await asyncio.to_thread(structure.read, lyrics, structure.parse_suggested(suggested))
        computed = await asyncio.to_thread(analysis.of_sections, sections, profile, for_genre=genre is not None)
        found, told = await self._ask(
            by,
            reading.ANALYSIS if genre is None else reading.ANALYSIS_WITH_GENRE,
            lyrics,
            lambda: reading.about_analysis(lyrics, profile, suggested, sections),
            lambda values: reading.analyzed(values, lyrics, profile),
        )
        return {**(found or computed), **told}

    async def recommend(self, given: object, genre: str, lyrics: str | None, *, by: BillingContext) -> dict[str, Any]:
        """`{genre as it was understood, recommendations[] (at least one), method, cost, warnings}`."""
        profile = genres.resolve(genre)
        sections = await asyncio.to_thread(advice.sections_of, given, lyrics)
        computed = await asyncio.to_thread(advice.for_sections, sections, profile)
        found, told = await self._ask(
            by,
            reading.ADVICE,
            None,
            lambda: reading.about_advice(sections, given, profile, lyrics),
            lambda values: reading.advised(values, sections),
        )
        return {"genre": profile.name, "recommendations": found or computed, "method": _method(found), **told}

    async def organize(self, lyrics: str, *, by: BillingContext) -> dict[str, Any]:
        """`{organized: {verses[], chorus, bridge, suggestions[], structure}, method, cost, warnings}`."""
        computed = await asyncio.to_thread(organize.organize, lyrics)
        found, told = await self._ask(
            by, sheet.REQUEST, lyrics, lambda: sheet.about(lyrics), lambda values: sheet.sorted_out(values, lyrics)
        )
        return {"organized": found or computed, "method": _method(found), **told}

    async def validate(self, lyrics: str) -> dict[str, Any]:
        return await asyncio.to_thread(analysis.validate, lyrics)

    async def publish(
        self, found: dict[str, Any], *, project_id: str, track_id: str, user_id: str, username: str
    ) -> None:
        """The three events about an analysis, to the project's room and to the one who asked."""
        about: dict[str, Any] = {"project_id": project_id, "user_id": user_id, "username": username, "to_user": True}
        told = {"trackId": track_id}
        labels = found["structure"]["sections"]
        await self._bus.publish(events.LyricsAnalyzed(**about, fields=told | {"analysis": found}))
        await self._bus.publish(events.LyricsSectionLabelsUpdated(**about, fields=told | {"sectionLabels": labels}))
        if found["recommendations"]:
            better = told | {"recommendations": found["recommendations"]}
            await self._bus.publish(events.LyricsRecommendations(**about, fields=better))

    async def _ask(
        self,
        by: BillingContext,
        wanted: StructuredRequest,
        sung: str | None,
        about: Callable[[], str],
        understand: Callable[[dict[str, Any]], T],
    ) -> tuple[T | None, dict[str, Any]]:
        """(what the model says or None, `{cost, warnings}`). `sung`: words without which there is nothing to ask."""
        summary = UsageSummary()
        found: T | None = None
        warnings = []
        if self._model.configured:
            try:
                if sung is not None and not await asyncio.to_thread(reading.is_sung, sung):
                    warnings.append(NOTHING_SUNG)
                else:
                    data = await asyncio.to_thread(about)
                    async with self._model.reserved(by, wanted, len(data.encode()), summary) as request:
                        found = await request.structured(data, understand)
            except errors.DawgError as error:
                warnings.append(f"This was computed without the language model. {error.message}")
        return found, {"cost": summary.shown(), "warnings": warnings}


def _method(found: object) -> str:
    return reading.METHOD if found is not None else analysis.METHOD
