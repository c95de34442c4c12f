"""The embedded engine as a provider: no key, no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dawg_server import errors
from dawg_server.audio.workers import Workers
from dawg_server.generation import remarks, requests
from dawg_server.generation.prompt_reading import PromptReading
from dawg_server.generation.providers.base import LocalFile, LocalTake, Outcome, Work
from dawg_server.music import prompt_hints
from dawg_server.music.recorded import cut

RENDER = "dawg_server.music.job:make"
MELODY = "dawg_server.music.job:make_melody"
STAGES = {
    "compose": ("generating", "Composing."),
    "render": ("generating", "Playing the instruments."),
}


class EmbeddedProvider:
    """Composes and plays in a worker process."""

    name = "embedded"

    def __init__(self, workers: Workers, reading: PromptReading) -> None:
        self._workers, self._reading = workers, reading

    async def generate(self, work: Work) -> Outcome:
        def report(fraction: float, stage: str) -> None:
            name, sentence = STAGES[stage]
            work.report(100 * fraction, name, sentence)

        alone = work.type == "melody"
        job = MELODY if alone else RENDER
        request, read = await self._settled(work)
        made: dict[str, Any] = await self._workers.run(job, request, str(work.folder), report=report)
        take = LocalTake(
            title=made["title"],
            files=tuple(_file(file) for file in made["files"]),
            stems={name: _file(file) for name, file in made["stems"].items()},
            measured=made["measured"],
        )
        wanted = ("genre", "mood", "bpm", "key", "duration", "bars", "ending", "prompt", "complexity", "lyrics", "seed")
        spoken = {"prompt": work.input["prompt"]} if "prompt" in work.input else {}
        extra: dict[str, Any] = {
            "genre": request["genre"],
            "mood": request["mood"],
            "provider": self.name,
            "seed": request["seed"],
            "requested": {name: request[name] for name in wanted if name in request} | spoken,
            "sounds": cut.kind(),
            "sections": made["sections"],
            "chords": made["chords"],
            "drawn": made.get("drawn", {}),
            **read,
            "warnings": [
                *read.get("warnings", ()),
                *remarks.beat_warnings(request, take.files[0].facts["duration"]),
            ],
            **{name: made[name] for name in ("grid", "parts") if name in made},
        }
        if "part" in work.input:
            extra["part"] = work.input["part"]
        if alone:
            extra |= {"notes": made["notes"], "instrument": made["instrument"], "lyrics": work.input["lyrics"]}
        return Outcome(takes=(take,), extra=extra)

    async def _settled(self, work: Work) -> tuple[dict[str, Any], dict[str, Any]]:
        """(the job's input as the reading of its prompt decides it, what the result says of the prompt)."""
        if "asked" not in work.input:
            return work.input, {}
        if not work.input["prompt"]:
            return work.input, {"understood": [], "ignored": []}
        hints, warnings = await self._reading.hints(work)
        try:
            made = requests.settle(work.input["asked"], hints)
        except errors.ValidationError as error:  # of what the model has read; the grammar's was settled before
            warnings = [f"The language model's reading cannot be made: {error.message}"]
            hints = prompt_hints.read(work.input["prompt"])
            made = requests.settle(work.input["asked"], hints)
        request = {**work.input, **made.request, "prompt": hints}
        mood = made.request["mood"] or ", ".join(hints.moods)
        read: dict[str, Any] = {
            "mood": mood,
            "settled": made.request,
            "warnings": warnings,
            "understood": made.understood,
            "ignored": made.ignored,
        }
        return request, read

    async def cancel(self, work: Work) -> None:
        """Nothing outside knows of the work: ending the task has ended the worker process."""


def _file(made: dict[str, Any]) -> LocalFile:
    return LocalFile(Path(made["path"]), made["format"], made["facts"])
