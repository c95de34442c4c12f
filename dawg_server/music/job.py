"""One beat from request to files; runs in a worker process."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from dawg_server.music import compose, instruments, midi, sound, topline
from dawg_server.music import score as scores

FORMATS: tuple[Literal["flac"], ...] = ("flac",)  # others are made of it when somebody asks for them
COMPOUND = ("6/8", "9/8", "12/8")  # metres whose beats are dotted quarters
BIT_DEPTH: Literal[16, 24] = 16


def make(request: Mapping[str, Any], folder: str, report: Callable[[float, str], None]) -> dict[str, Any]:
    """Composes, plays and writes. `report(fraction 0..1, compose/render)`. `prompt` is text, or what was read in it.

    Tempo, key, sections, chords and bars are those of the score. With `part` (one of `score.STEMS`) that part of the
    piece is played alone; with `as` "midi" the notes of the `parts` come too.
    """
    place = Path(folder)
    report(0.0, "compose")
    score = compose.compose(
        genre=request["genre"],
        bpm=request["bpm"],
        key=request["key"],
        mood=request["mood"],
        duration=request["duration"],
        seed=request["seed"],
        prompt=request["prompt"],
        beats_per_bar=request.get("beatsPerBar", 4.0),
        compound=request.get("timeSignature") in COMPOUND,
        loop=not request.get("ending", True),  # a job that was accepted by an older version does not say
    )
    title = f"{request['genre'].title()} in {request['key']}"
    if part := request.get("part"):
        title = f"{title}: {part}"
        score = dataclasses.replace(score, parts=tuple(each for each in score.parts if each.stem == part))
    files, stems = _played(score, place, report, request.get("loudness"))
    made = {
        "title": title,
        "files": files,
        "stems": {} if part else stems,
        "measured": _facts(score, key=None if part == "drums" else score.key),
        "sections": _sections(score),
        "chords": _chords(score),
        "drawn": dict(score.drawn),
        "grid": _grid(score, request.get("timeSignature", "4/4")),
    }
    return made | ({"parts": _parts(score)} if request.get("as") == "midi" else {})


def make_melody(request: Mapping[str, Any], folder: str, report: Callable[[float, str], None]) -> dict[str, Any]:
    """As `make`, for one melody: its `notes` besides, in beats and in seconds."""
    report(0.0, "compose")
    score = topline.write(
        genre=request["genre"],
        key=request["key"],
        bpm=request["bpm"],
        bars=request["bars"],
        mood=request["mood"],
        complexity=request["complexity"],
        seed=request["seed"],
        beats_per_bar=request["beatsPerBar"],
        syllables=request["syllables"],
    )
    files, _ = _played(score, Path(folder), report)
    (part,) = score.parts
    beat = 60 / score.bpm
    return {
        "title": f"Melody in {score.key}",
        "files": files,
        "stems": {},
        "measured": _facts(score, key=score.key),
        "sections": _sections(score),
        "chords": _chords(score),
        "instrument": part.instrument,
        "notes": [
            {
                **dataclasses.asdict(note),
                "startTime": round(note.start * beat, 6),
                "durationSeconds": round(note.duration * beat, 6),
            }
            for note in part.notes
        ],
    }


def _played(
    score: scores.Score, place: Path, report: Callable[[float, str], None], loudness: float | None = None
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """(files of the mix and of its notes, stems by name)."""
    report(0.03, "render")
    rendered = sound.render(
        score,
        place,
        formats=FORMATS,
        stem_format="flac",
        bit_depth=BIT_DEPTH,
        loudness_target=loudness,
        report=lambda done, _: report(0.03 + 0.97 * done, "render"),
    )
    midi_path = place / "score.mid"
    midi.write_midi(score, midi_path)
    facts = {
        "duration": rendered.duration,
        "sample_rate": rendered.rate,
        "channels": 2,
        "bit_depth": BIT_DEPTH,
        "lufs": round(rendered.lufs, 2),
        "true_peak_db": round(rendered.true_peak, 2),
    }
    files = [{"path": str(rendered.mix[name]), "format": name, "facts": facts} for name in FORMATS]
    stem_facts = facts | {"lufs": None, "true_peak_db": None}
    stems = {
        name: {"path": str(path), "format": path.suffix.lstrip("."), "facts": stem_facts}
        for name, path in rendered.stems.items()
        if any(part.stem == name for part in score.parts)
    }
    return [*files, {"path": str(midi_path), "format": "mid", "facts": {}}], stems


def _sections(score: scores.Score) -> list[dict[str, Any]]:
    """In seconds."""
    return [
        {
            "name": section.name,
            "start": section.start_beat * 60 / score.bpm,
            "duration": section.beats * 60 / score.bpm,
        }
        for section in score.sections
    ]


def _chords(score: scores.Score) -> list[dict[str, Any]]:
    """In seconds, as sections."""
    beat = 60 / score.bpm
    return [
        {"symbol": each.symbol, "start": each.start_beat * beat, "duration": each.beats * beat} for each in score.chords
    ]


def _facts(score: scores.Score, key: str | None) -> dict[str, Any]:
    return {"bpm": score.bpm, "bpmConfidence": 1.0, "key": key, "keyConfidence": None if key is None else 1.0}


def _grid(score: scores.Score, signature: str) -> dict[str, Any]:
    """Where the bar lines are."""
    bar = score.beats_per_bar * 60 / score.bpm
    return {
        "timeSignature": signature,
        "beatsPerBar": score.beats_per_bar,
        "secondsPerBar": bar,
        "bars": math.ceil(score.duration / bar - 1e-6),
    }


def _parts(score: scores.Score) -> list[dict[str, Any]]:
    """What has notes, for tracks that play them: `gainDb` and `pan` beside the genre's balance; beats in `notes`."""
    trims = dict(score.trims)
    return [
        {
            "stem": part.stem,
            "instrument": part.instrument,
            "gainDb": part.gain_db + trims.get(part.stem, 0.0),
            "pan": part.pan,
            "notes": [dataclasses.asdict(note) for note in part.notes],
        }
        for part in score.parts
        if part.instrument not in instruments.UNPITCHED
    ]
