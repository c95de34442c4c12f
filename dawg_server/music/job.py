"""One beat from request to files; runs in a worker process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from dawg_server.audio.analysis import key, track
from dawg_server.music import compose, midi, sound, topline
from dawg_server.music import score as scores

FORMATS: tuple[Literal["flac"], ...] = ("flac",)  # others are made of it when somebody asks for them
BIT_DEPTH: Literal[16, 24] = 16
SAME_TEMPO = 0.03  # a tempo this close to half or double of the score's is the score's, counted in another unit


def make(request: Mapping[str, Any], folder: str, report: Callable[[float, str], None]) -> dict[str, Any]:
    """Composes, plays, writes and measures. `report(fraction 0..1, compose/render/measure)`.

    With `part` (one of `score.STEMS`) that part of the piece is played alone; its tempo and key are those of the score.
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
        loop=not request.get("ending", True),  # a job that was accepted by an older version does not say
    )
    title = f"{request['genre'].title()} in {request['key']}"
    if part := request.get("part"):
        score = dataclasses.replace(score, parts=tuple(each for each in score.parts if each.stem == part))
        files, _, _ = _played(score, place, report)
        facts = {"bpm": score.bpm, "key": None if part == "drums" else score.key}
        return {
            "title": f"{title}: {part}",
            "files": files,
            "stems": {},
            "measured": facts,
            "sections": _sections(score),
            "chords": _chords(score),
            "drawn": dict(score.drawn),
        }
    files, stems, mix = _played(score, place, report)
    report(0.92, "measure")
    measured = track.measure_tempo_and_key(mix)
    return {
        "title": title,
        "files": files,
        "stems": stems,
        "measured": {
            "bpm": _in_the_scores_unit(measured["bpm"], score.bpm),
            "bpmConfidence": measured["bpmConfidence"],
            "key": key.spelt(measured["key"], measured["scale"]),
            "keyConfidence": measured["keyConfidence"],
        },
        "sections": _sections(score),
        "chords": _chords(score),
        "drawn": dict(score.drawn),
    }


def make_melody(request: Mapping[str, Any], folder: str, report: Callable[[float, str], None]) -> dict[str, Any]:
    """As `make`, for one melody: its `notes` besides, in beats and in seconds. Tempo and key are those of the score."""
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
    files, _, _ = _played(score, Path(folder), report)
    (part,) = score.parts
    beat = 60 / score.bpm
    return {
        "title": f"Melody in {score.key}",
        "files": files,
        "stems": {},
        "measured": {"bpm": score.bpm, "key": score.key},
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
    score: scores.Score, place: Path, report: Callable[[float, str], None]
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]], Path]:
    """(files of the mix and of its notes, stems by name, the mix to be measured)."""
    report(0.03, "render")
    rendered = sound.render(
        score,
        place,
        formats=FORMATS,
        stem_format="flac",
        bit_depth=BIT_DEPTH,
        report=lambda done, _: report(0.03 + 0.87 * done, "render"),
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
    }
    return [*files, {"path": str(midi_path), "format": "mid", "facts": {}}], stems, rendered.mix["flac"]


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


def _in_the_scores_unit(found: float | None, bpm: float) -> float | None:
    """A listener may count half or double time; the score settles which beat is meant, not how fast it is."""
    for factor in (1.0, 2.0, 0.5):
        if found is not None and abs(found * factor / bpm - 1) <= SAME_TEMPO:
            return round(found * factor, 1)
    return found
