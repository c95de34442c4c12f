"""What a prompt's refusals and amounts do to a style and to finished parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from dawg_server.music import instruments, prompt_form, prompt_words, score
from dawg_server.music.prompt_record import Amount, Exclusion, PromptHints
from dawg_server.music.style import GenreStyle

LESS_DB, MORE_DB = -8.0, 4.0  # of a stem or an instrument
SOFTER, HARDER = 0.2, 1.2  # of a drum piece's velocities; 0.2 is 9 dB less of a recorded hat
DOUBLED_PAN = 0.35  # of an instrument that doubles another
_EARLY_BEATS = 0.1  # by which human timing may bring a note before its section


def styled(style: GenreStyle, hints: PromptHints) -> GenreStyle:
    """The style without the fills, rolls and effects that are refused."""
    events = hints.without("event")
    effects = style.effects
    if "drop" in events:
        events |= {"riser", "impact"}
    elif any(step.name == "drop" for step in hints.form.steps):
        effects = tuple(dict.fromkeys((*effects, "riser", "impact")))
    return dataclasses.replace(
        style,
        fills=((),) if "fill" in events else style.fills,
        rolls=0.0 if "roll" in events else style.rolls,
        effects=tuple(name for name in effects if name not in events),
    )


def obeyed(
    parts: Sequence[score.Part], hints: PromptHints, sections: Sequence[score.ScoreSection], beats_per_bar: float
) -> list[score.Part]:
    """The parts with every instrument that is asked for, without what is refused, as soft or loud as asked."""
    parts = _orchestrated(parts, hints)
    kept = [_without(part, hints, sections, beats_per_bar) for part in parts if part.stem not in hints.without("stem")]
    if hints.only:
        kept = [_alone(part, hints.only, sections, beats_per_bar) for part in kept]
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


def _orchestrated(parts: Sequence[score.Part], hints: PromptHints) -> list[score.Part]:
    """Who is asked for and has no part yet takes one over in that stem from nobody who is asked for, or doubles one."""
    made = list(parts)
    for stem, instrument in hints.asked:
        if any(part.instrument == instrument for part in made):
            continue
        named = {name for _, name in hints.asked}
        places = [place for place, part in enumerate(made) if part.stem == stem and part.notes and _pitched(part)]
        free = [place for place in places if made[place].instrument not in named]
        if free:
            made[free[0]] = dataclasses.replace(made[free[0]], instrument=instrument, slides=())
        elif places:
            part = made[places[0]]
            made.append(dataclasses.replace(part, instrument=instrument, pan=-part.pan or DOUBLED_PAN, slides=()))
    return made


def _pitched(part: score.Part) -> bool:
    return instruments.kind(part.instrument) == "pitched"


def _alone(
    part: score.Part, only: Sequence[Exclusion], sections: Sequence[score.ScoreSection], beats_per_bar: float
) -> score.Part:
    """What of a part is left where only some are to play."""
    notes = part.notes
    for place in dict.fromkeys(each.section for each in only):
        spans = prompt_form.spans(place, sections, beats_per_bar)
        mine = [each for each in only if each.section == place and _concerns(part, each.kind, each.name)]
        whole = any(each.kind != "piece" for each in mine)
        pitches = {pitch for each in mine if each.kind == "piece" for pitch in prompt_words.PIECES[each.name]}
        if not whole:
            notes = tuple(note for note in notes if note.pitch in pitches or not _within(note, spans))
    return _with(part, notes)


def _without(
    part: score.Part, hints: PromptHints, sections: Sequence[score.ScoreSection], beats_per_bar: float
) -> score.Part:
    notes = part.notes
    for each in hints.refused:
        if _concerns(part, each.kind, each.name):
            pitches = prompt_words.PIECES[each.name] if each.kind == "piece" else range(128)
            spans = prompt_form.spans(each.section, sections, beats_per_bar)
            notes = tuple(note for note in notes if note.pitch not in pitches or not _within(note, spans))
    return _with(part, notes)


def _with(part: score.Part, notes: tuple[score.Note, ...]) -> score.Part:
    slides = tuple(slide for slide in part.slides if any(_begins_in(slide, note) for note in notes))
    return dataclasses.replace(part, notes=notes, slides=slides)


def _within(note: score.Note, spans: Sequence[tuple[float, float]]) -> bool:
    """A note that sounds on into a span is in none of it."""
    place = note.start + _EARLY_BEATS
    return any(begin <= place < end for begin, end in spans)


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
