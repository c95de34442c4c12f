"""The embedded engine as a provider: no key, no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dawg_server.audio.workers import Workers
from dawg_server.generation import requests
from dawg_server.generation.providers.base import LocalFile, LocalTake, Outcome, Work
from dawg_server.music.recorded import cut

RENDER = "dawg_server.music.job:make"
MELODY = "dawg_server.music.job:make_melody"
STAGES = {
    "compose": ("generating", "Composing."),
    "render": ("generating", "Playing the instruments."),
    "measure": ("analyzing", "Measuring the result."),
}


class EmbeddedProvider:
    """Composes and plays in a worker process."""

    name = "embedded"

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def generate(self, work: Work) -> Outcome:
        def report(fraction: float, stage: str) -> None:
            name, sentence = STAGES[stage]
            work.report(100 * fraction, name, sentence)

        alone = work.type == "melody"
        job = MELODY if alone else RENDER
        made: dict[str, Any] = await self._workers.run(job, work.input, str(work.folder), report=report)
        take = LocalTake(
            title=made["title"],
            files=tuple(_file(file) for file in made["files"]),
            stems={name: _file(file) for name, file in made["stems"].items()},
            measured=made["measured"],
        )
        wanted = ("genre", "mood", "bpm", "key", "duration", "bars", "ending", "prompt", "complexity", "lyrics", "seed")
        extra = {
            "genre": work.input["genre"],
            "mood": work.input["mood"],
            "provider": self.name,
            "seed": work.input["seed"],
            "requested": {name: work.input[name] for name in wanted if name in work.input},
            "warnings": requests.beat_warnings(work.input, take.files[0].facts["duration"], take.measured.get("bpm")),
            "sounds": cut.kind(),
            "sections": made["sections"],
            "chords": made["chords"],
            "drawn": made.get("drawn", {}),
        }
        if "part" in work.input:
            extra["part"] = work.input["part"]
        if alone:
            extra |= {"notes": made["notes"], "instrument": made["instrument"], "lyrics": work.input["lyrics"]}
        return Outcome(takes=(take,), extra=extra)

    async def cancel(self, work: Work) -> None:
        """Nothing outside knows of the work: ending the task has ended the worker process."""


def _file(made: dict[str, Any]) -> LocalFile:
    return LocalFile(Path(made["path"]), made["format"], made["facts"])
