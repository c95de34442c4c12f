"""One beat from request to files; runs in a worker process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from dawg_server.audio.analysis import track
from dawg_server.music import compose, midi, sound

FORMATS: tuple[Literal["wav", "flac", "mp3"], ...] = ("wav", "flac", "mp3")
BIT_DEPTH: Literal[16, 24] = 16
SAME_TEMPO = 0.03  # a tempo this close to half or double of the score's is the score's, counted in another unit


def make(request: Mapping[str, Any], folder: str, report: Callable[[float, str], None]) -> dict[str, Any]:
    """Composes, plays, writes and measures. `report(fraction 0..1, compose/render/measure)`."""
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
    report(0.03, "render")
    rendered = sound.render(
        score,
        place,
        formats=FORMATS,
        bit_depth=BIT_DEPTH,
        report=lambda done, _: report(0.03 + 0.87 * done, "render"),
    )
    midi_path = place / "score.mid"
    midi.write_midi(score, midi_path)
    report(0.92, "measure")
    measured = track.measure_tempo_and_key(rendered.mix["wav"])
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
    return {
        "title": f"{request['genre'].title()} in {request['key']}",
        "files": [*files, {"path": str(midi_path), "format": "mid", "facts": {}}],
        "stems": {
            name: {"path": str(path), "format": path.suffix.lstrip("."), "facts": stem_facts}
            for name, path in rendered.stems.items()
        },
        "measured": {
            "bpm": _in_the_scores_unit(measured["bpm"], score.bpm),
            "bpmConfidence": measured["bpmConfidence"],
            "key": _spelt(measured["key"], measured["scale"]),
            "keyConfidence": measured["keyConfidence"],
        },
        "sections": [
            {
                "name": section.name,
                "start": section.start_beat * 60 / score.bpm,
                "duration": section.beats * 60 / score.bpm,
            }
            for section in score.sections
        ],
    }


def _in_the_scores_unit(found: float | None, bpm: float) -> float | None:
    """A listener may count half or double time; the score settles which beat is meant, not how fast it is."""
    for factor in (1.0, 2.0, 0.5):
        if found is not None and abs(found * factor / bpm - 1) <= SAME_TEMPO:
            return round(found * factor, 1)
    return found


def _spelt(tonic: str | None, scale: str | None) -> str | None:
    """The key as the contract writes it: `F` and `minor` are `Fm`."""
    return f"{tonic}m" if tonic and scale == "minor" else tonic
