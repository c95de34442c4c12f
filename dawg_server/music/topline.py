"""A melody alone: its notes in key and metre, over the harmony of a genre, played by one instrument of that genre."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence

from dawg_server.music import clip, genres, moods, score, styles, theory

BARS_PER_LINE = 2
_ENERGY = 0.8  # of the one section


def write(
    *,
    genre: str,
    key: str,
    bpm: float,
    bars: int,
    mood: str = "",
    complexity: str = "medium",
    seed: int = 0,
    beats_per_bar: float = 4.0,
    syllables: Sequence[int] = (),
) -> score.Score:
    """A loop of `bars` (1..64). `mood` is free text (see `moods`), `complexity` as in `clip.part_notes`.

    `syllables` are those of lines to be sung: each line has `BARS_PER_LINE` bars, from the first on, and a note for
    each of its syllables. Raises ValueError with a sentence for people.
    """
    found = genres.find(genre)
    leaning = moods.read(mood)
    notes = clip.part_notes("melody", key, genre, bars, complexity, seed, beats_per_bar, leaning)
    assert found is not None  # or `part_notes` had raised
    style = styles.of(found.name)
    role, lead = next(iter(style.leads.items()))
    players = [each.instruments[role] for each in style.lineups if role in each.instruments]
    preferred = [name for name in leaning.prefers if name in players]
    instrument = (preferred or [random.Random(f"{seed}/topline").choice(players)])[0]
    beats = bars * beats_per_bar
    part = score.Part("melody", instrument, _sung(notes, syllables, BARS_PER_LINE * beats_per_bar), lead.gain_db)
    return score.Score(
        genre=found.name,
        mood=mood,
        bpm=bpm,
        key=theory.parse_key(key).name,
        beats_per_bar=beats_per_bar,
        duration=beats * 60 / bpm,
        seed=seed,
        sections=(score.ScoreSection("verse", 0.0, beats, _ENERGY),),
        parts=(part,),
        brightness=style.brightness,
        space=style.space,
        grit=style.grit,
        loop=True,
    )


def _sung(notes: Sequence[score.Note], syllables: Sequence[int], span: float) -> tuple[score.Note, ...]:
    """`span`: beats of a line."""
    sung: list[score.Note] = []
    for number, wanted in enumerate(syllables):
        line = [note for note in notes if number * span <= note.start < (number + 1) * span]
        sung += _with_count(line, wanted)
    return (*sung, *(note for note in notes if note.start >= len(syllables) * span))


def _with_count(line: list[score.Note], wanted: int) -> list[score.Note]:
    """The longest notes are repeated, or the shortest ones become part of those before them."""
    line = list(line)
    while line and len(line) < wanted:
        at = max(range(len(line)), key=lambda index: (line[index].duration, -index))
        note, half = line[at], line[at].duration / 2
        line[at : at + 1] = [
            dataclasses.replace(note, duration=half),
            dataclasses.replace(note, start=note.start + half, duration=half),
        ]
    while len(line) > max(1, wanted):
        at = min(range(1, len(line)), key=lambda index: (line[index].duration, index))
        before, gone = line[at - 1], line.pop(at)
        line[at - 1] = dataclasses.replace(before, duration=gone.start + gone.duration - before.start)
    return line
