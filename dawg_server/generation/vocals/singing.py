"""A job of the type vocals: what comes before a song is bought, and what is said about it afterwards.

The melody, and words that were paid for, are kept in the job before the song is asked for, so that whoever takes over
neither listens nor pays for them again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from dawg_server import errors
from dawg_server.audio.workers import Workers
from dawg_server.generation.providers import prompts
from dawg_server.generation.providers.base import Outcome, Work
from dawg_server.generation.providers.polling import to_its_end
from dawg_server.generation.vocals import lyricist, phrases, words
from dawg_server.generation.vocals.lyricist import Lyricist

HEAR = "dawg_server.generation.vocals.listening:hear"
SURE = 0.25  # confidence from which a hummed tempo is passed on; voices alone seldom give more than 0.5
SHARE = 15.0  # percent of the work that comes before the song
MAX_TITLE = 80  # characters
NOT_FOLLOWED = (
    "The notes themselves were not given to the singer: its gateway documents no way to hand a melody over that could "
    "be relied upon. The song was asked for in the melody's key and, where that is clear, its tempo; the tune is new."
)

Sing = Callable[[Work], Awaitable[Outcome]]


class Recordings(Protocol):
    async def fetch(self, audio_id: str, target: Path) -> None: ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """`melody` as `listening.hear` tells it; `words` as remembered: `text` (None: the singer writes), `by`, `why`."""

    melody: Mapping[str, Any]
    words: Mapping[str, Any]


class MelodySinger:
    """Goes around a provider that sings."""

    def __init__(self, recordings: Recordings, workers: Workers, lyricist: Lyricist) -> None:
        self._recordings, self._workers, self._lyricist = recordings, workers, lyricist

    async def sung(self, work: Work, sing: Sing) -> Outcome:
        """`sing` makes a song of a request such as `songs.music` makes. Raises `MelodyTooShort`, and as `sing`."""
        melody = work.state.get("melody") or await self._heard(work)
        work = replace(work, state={**work.state, "melody": melody})
        written = await self._written(work)
        work = replace(work, state={**work.state, "words": written})
        prepared = Prepared(melody, written)

        def report(percent: float, stage: str, message: str) -> None:
            work.report(SHARE + percent * (1 - SHARE / 100), stage, message)

        outcome = await sing(replace(work, input=_song(work.input, prepared), report=report))
        return _told(work.input, prepared, outcome)

    async def _heard(self, work: Work) -> dict[str, Any]:
        work.report(0, "preparing", "Fetching the melody.")
        source = work.folder / "melody"
        await self._recordings.fetch(work.input["audioFileId"], source)
        work.report(2, "analyzing", "Writing the melody down.")
        found: dict[str, Any] = await self._workers.run(HEAR, str(source), work.input["offset"], work.input["seconds"])
        await work.remember(None, {**work.state, "melody": found})
        return found

    async def _written(self, work: Work) -> dict[str, Any]:
        """The words. Asked of the model once in the life of a job, whatever becomes of the answer."""
        if work.input["lyrics"]:
            return {"text": work.input["lyrics"], "by": "caller"}
        known: dict[str, Any] | None = work.state.get("words")
        if known is not None:
            return known if "by" in known else _left("The answer of the model got lost and is not paid twice")
        if not self._lyricist.available:
            return _left("ANTHROPIC_API_KEY is not set")
        work.report(8, "generating", "Writing words for the melody.")
        await work.remember(None, {**work.state, "words": {}})
        return await to_its_end(self._write(work))

    async def _write(self, work: Work) -> dict[str, Any]:
        melody = work.state["melody"]
        wanted = phrases.syllables(melody["melodyInfo"]["notes"])[: lyricist.MAX_PHRASES]
        brief = {name: work.input[name] for name in ("prompt", "genre", "mood", "theme") if work.input[name]}
        try:
            made = await self._lyricist.write(work, brief, wanted)
        except errors.DawgError as error:
            written = _left(error.message.rstrip("."))
        else:
            written = {
                "text": made.text,
                "by": "claude",
                "theme": made.theme,
                "mood": made.mood,
                "lines": len(wanted),
                "misfits": len(made.misfits(wanted)),
            }
        await work.remember(None, {**work.state, "words": written})
        return written


def _left(reason: str) -> dict[str, Any]:
    """The words are left to the singer."""
    return {"text": None, "by": "singer", "why": reason}


def _tempo(melody: Mapping[str, Any]) -> float | None:
    clear = melody["bpm"] and (melody["bpmConfidence"] or 0) >= SURE
    return float(melody["bpm"]) if clear else None


def _song(request: Mapping[str, Any], prepared: Prepared) -> dict[str, Any]:
    """The request for a song with vocals, as `generation.songs.music` resolves them."""
    theme = request["theme"] or prepared.words.get("theme")
    about = f"{request['prompt'].rstrip('. ')}. About {theme}" if theme else request["prompt"]
    return {
        "prompt": about,
        "genre": request["genre"],
        "mood": request["mood"] or prepared.words.get("mood"),
        "bpm": _tempo(prepared.melody),
        "key": prepared.melody["melodyInfo"]["key"],
        "lyrics": prepared.words["text"],
        "instrumental": False,
        "title": (request["theme"] or request["prompt"])[:MAX_TITLE],
    }


def _told(request: Mapping[str, Any], prepared: Prepared, outcome: Outcome) -> Outcome:
    """The outcome, with what was heard and written for it."""
    made = prepared.words
    lyrics = made["text"] or outcome.extra.get("lyrics")
    warnings = list(outcome.extra.get("warnings", ()))
    if made["by"] == "singer" and lyrics is None:
        warnings.append("The singer has not told which words it has written.")
    if made.get("misfits"):
        warnings.append(f"{made['misfits']} of {made['lines']} lines have clearly more or fewer syllables than notes.")
    return Outcome(
        outcome.takes,
        {
            **outcome.extra,
            "lyrics": lyrics,
            "melodyInfo": prepared.melody["melodyInfo"],
            "lyricsInfo": {
                **words.describe(lyrics),
                "genre": request["genre"],
                "theme": request["theme"] or made.get("theme"),
                "mood": request["mood"] or made.get("mood"),
                "writtenBy": made["by"],
            },
            "processingSteps": _steps(prepared, len(outcome.takes)),
            "melodyFollowed": False,
            "warnings": [*warnings, NOT_FOLLOWED],
        },
    )


def _steps(prepared: Prepared, takes: int) -> list[str]:
    """What was really done, in order."""
    info, bpm, made = prepared.melody["melodyInfo"], _tempo(prepared.melody), prepared.words
    lines = len(phrases.phrases(info["notes"]))
    key = f"in {prompts.spoken_key(info['key'])}" if info["key"] else "in no clear key"
    tempo = f"at {bpm:g} bpm" if bpm else "at no clear tempo"
    authors = {
        "caller": "Your words were taken as they are.",
        "claude": f"Claude wrote a line for each of {made.get('lines')} phrases, by their number of notes.",
        "singer": f"Suno wrote the words. {made.get('why')}.",
    }
    passed = [*(["key"] if info["key"] else []), *(["tempo"] if bpm else []), "genre and description"]
    return [
        f"The melody was written down from the recording: {info['numNotes']} notes in {lines} phrases, {key}, {tempo}.",
        authors[made["by"]],
        f"Suno was given {'the words, ' if made['text'] else ''}the {', '.join(passed)}, and has sung {_takes(takes)}.",
    ]


def _takes(number: int) -> str:
    return "one take" if number == 1 else f"{number} takes"
