"""From a provider's links to measured files in the job's folder."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dawg_server import errors
from dawg_server.audio.workers import Workers
from dawg_server.generation.providers.base import LocalFile, LocalTake, Transient, Work
from dawg_server.generation.providers.download import Downloader

MEASURE = "dawg_server.generation.providers.probe:measure"
SHORTFALL = 2.0  # seconds by which a file may be shorter than its provider said, before it counts as cut off
DOWNLOADED, MEASURED = 0.6, 1.0  # shares of the way


@dataclass(frozen=True, slots=True)
class Source:
    """A file at a provider. `duration`: seconds, as the provider says, when it does."""

    url: str
    title: str
    duration: float | None = None


class TakeDownloader:
    """Copies and measures; a copy that is cut off or holds something else is made again.

    One that stays shorter than announced is taken all the same in the end, for it was paid for; see `is_short`.
    """

    def __init__(self, downloader: Downloader, workers: Workers) -> None:
        self._downloader, self._workers = downloader, workers

    async def takes(
        self, work: Work, sources: Sequence[Source], begin: float, pauses: Sequence[float]
    ) -> tuple[LocalTake, ...]:
        """One take for each source; progress goes from `begin` percent to 100.

        `pauses`: seconds before each further try. Raises as `Downloader.fetch`.
        """
        span = (100.0 - begin) / len(sources)
        return tuple(
            [
                await self._take(work, source, work.folder / f"copy{number}", begin + number * span, span, pauses)
                for number, source in enumerate(sources)
            ]
        )

    async def _take(
        self, work: Work, source: Source, target: Path, begin: float, span: float, pauses: Sequence[float]
    ) -> LocalTake:
        for pause in (*pauses, None):
            try:
                take = await self._try(work, source, target, begin, span)
                if pause is None or not is_short(source, take):
                    return take
            except Transient:
                if pause is None:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("the last try returns or raises")

    async def _try(self, work: Work, source: Source, target: Path, begin: float, span: float) -> LocalTake:
        def report(done: float) -> None:
            work.report(begin + span * DOWNLOADED * done, "downloading", "Copying the audio.")

        report(0.0)
        await self._downloader.fetch(source.url, target, report)
        work.report(begin + span * DOWNLOADED, "analyzing", "Listening to the result.")
        heard = await self._measure(target, work.input.get("bpm"))
        work.report(begin + span * MEASURED, "analyzing", "Listened to the result.")
        file = LocalFile(target, heard["format"], heard["facts"])
        return LocalTake(title=source.title, files=(file,), measured=heard["measured"])

    async def _measure(self, path: Path, asked_bpm: float | None) -> dict[str, Any]:
        try:
            heard: dict[str, Any] = await self._workers.run(MEASURE, str(path), asked_bpm)
        except errors.UnsupportedMediaType:
            raise Transient("What the provider has sent cannot be read as audio.") from None
        return heard


def is_short(source: Source, take: LocalTake) -> bool:
    """Whether less arrived than the provider has announced."""
    return source.duration is not None and take.files[0].facts["duration"] < source.duration - SHORTFALL
