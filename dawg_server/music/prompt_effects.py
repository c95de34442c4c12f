"""What a prompt's refusals and amounts do to a style and to finished parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from dawg_server.music import prompt_words, score
from dawg_server.music.prompt_hints import Amount, Exclusion, PromptHints
from dawg_server.music.style import GenreStyle

LESS_DB, MORE_DB = -8.0, 4.0  # of a stem or an instrument
SOFTER, HARDER = 0.5, 1.2  # of a drum piece's velocities; 0.5 is 9 dB less
_EARLY_BEATS = 0.1  # by which human timing may bring a note before its section


def styled(style: GenreStyle, hints: PromptHints) -> GenreStyle:
    """The style without the fills, rolls and effects that are refused."""
    events = hints.without("event")
    if "drop" in events:
        events |= {"riser", "impact"}
    return dataclasses.replace(
        style,
        fills=((),) if "fill" in events else style.fills,
        rolls=0.0 if "roll" in events else style.rolls,
        effects=tuple(name for name in style.effects if name not in events),
    )


def obeyed(parts: Sequence[score.Part], hints: PromptHints, sections: Sequence[score.ScoreSection]) -> list[score.Part]:
    """The parts without what is refused, and with drum pieces and instruments as soft or loud as asked."""
    kept = [_without(part, hints, sections) for part in parts if part.stem not in hints.without("stem")]
    return [_weighed(part, hints.amounts) for part in kept if part.notes]


def trims(parts: Sequence[score.Part], hints: PromptHints) -> tuple[tuple[str, float], ...]:
    """Decibels by stem: of what is asked for less or more, where it is the whole of its stem."""
    found: dict[str, float] = {}
    for amount in hints.amounts:
        for stem in score.STEMS:
            names = {part.instrument for part in parts if part.stem == stem} if amount.kind == "instrument" else {stem}
            if names == {amount.name}:
                found[stem] = LESS_DB if amount.sign < 0 else MORE_DB
    return tuple(found.items())


def _without(part: score.Part, hints: PromptHints, sections: Sequence[score.ScoreSection]) -> score.Part:
    notes = part.notes
    for each in hints.refused:
        if _concerns(part, each.kind, each.name):
            spans = [(section.start_beat, section.beats) for section in sections if section.name == each.section]
            notes = tuple(note for note in notes if not _refused(note, each, spans))
    slides = tuple(slide for slide in part.slides if any(_begins_in(slide, note) for note in notes))
    return dataclasses.replace(part, notes=notes, slides=slides)


def _refused(note: score.Note, refusal: Exclusion, spans: Sequence[tuple[float, float]]) -> bool:
    if refusal.kind == "piece" and note.pitch not in prompt_words.PIECES[refusal.name]:
        return False
    place = note.start + _EARLY_BEATS
    return refusal.section is None or any(start <= place < start + beats for start, beats in spans)


def _begins_in(slide: score.Slide, note: score.Note) -> bool:
    return note.pitch == slide.from_pitch and note.start <= slide.start < note.start + note.duration


def _concerns(part: score.Part, kind: str, name: str) -> bool:
    if kind == "piece":
        return part.stem == "drums" and part.instrument.startswith("kit ")
    return (kind == "stem" and name == part.stem) or (kind in ("instrument", "event") and name == part.instrument)


def _weighed(part: score.Part, amounts: Sequence[Amount]) -> score.Part:
    for amount in amounts:
        if amount.kind == "piece" and _concerns(part, amount.kind, amount.name):
            pitches = prompt_words.PIECES[amount.name]
            factor = SOFTER if amount.sign < 0 else HARDER
            notes = (
                dataclasses.replace(note, velocity=max(1, min(127, round(note.velocity * factor))))
                if note.pitch in pitches
                else note
                for note in part.notes
            )
            part = dataclasses.replace(part, notes=tuple(notes))
        elif amount.kind == "instrument" and amount.name == part.instrument:
            part = dataclasses.replace(part, gain_db=part.gain_db + (LESS_DB if amount.sign < 0 else MORE_DB))
    return part
