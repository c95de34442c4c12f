"""Lyrics for the rest of the server: analysed off the event loop, told to those who work on the same song."""

from __future__ import annotations

import asyncio
from typing import Any

from bus import events
from bus.local import LocalBus
from dawg_server.lyrics import advice, analysis, genres, organize, validation


class Lyrics:
    """What `/lyrics`, the socket events and the assistants use. Every answer says how it was made (`method`)."""

    def __init__(self, bus: LocalBus) -> None:
        self._bus = bus

    async def analyze(self, lyrics: str, genre: str | None = None, structure: str | None = None) -> dict[str, Any]:
        """The analysis of contract section 9.2. Raises `ValidationError` for an unknown genre."""
        return await asyncio.to_thread(analysis.analyze, lyrics, genre, structure)

    async def recommend(self, structure: object, genre: str, lyrics: str | None) -> tuple[str, list[dict[str, Any]]]:
        """(the genre as it was understood, at least one recommendation)."""
        profile = genres.resolve(genre)
        return profile.name, await asyncio.to_thread(advice.recommendations, structure, genre, lyrics)

    async def organize(self, lyrics: str) -> dict[str, Any]:
        return await asyncio.to_thread(organize.organize, lyrics)

    async def validate(self, lyrics: str) -> dict[str, Any]:
        return await asyncio.to_thread(validation.validate, lyrics)

    async def tell(self, found: dict[str, Any], *, project_id: str, track_id: str, user_id: str, username: str) -> None:
        """The three events about an analysis, to the project's room and to the one who asked."""
        about: dict[str, Any] = {"project_id": project_id, "user_id": user_id, "username": username, "to_user": True}
        told = {"trackId": track_id}
        labels = found["structure"]["sections"]
        await self._bus.publish(events.LyricsAnalyzed(**about, fields=told | {"analysis": found}))
        await self._bus.publish(events.LyricsSectionLabelsUpdated(**about, fields=told | {"sectionLabels": labels}))
        if found["recommendations"]:
            better = told | {"recommendations": found["recommendations"]}
            await self._bus.publish(events.LyricsRecommendations(**about, fields=better))


