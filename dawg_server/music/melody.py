"""Melodies: a few motifs, repeated and varied over four-bar phrases that ask and answer.

A motif is a rhythm and a contour in scale steps; on each chord it starts from a chord tone, strong notes are chord
tones, a question ends away from the tonic and an answer ends on it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from dawg_server.music import bar_grid, moods, patterns, score, style, theory

_PHRASE_BARS = 4
_SHAPES = ("arch", "fall", "wave", "rise")
_STEPS = ((-2, 2), (-1, 5), (0, 2), (1, 5), (2, 2))  # scale steps, weight
_LEAPS = (-4, -3, 3, 4)
_SPAN_STEPS = 5  # a motif stays this close to its first note
_THIN = 0.45  # chance that a sparse mood drops a weak note, at density -1


@dataclass(frozen=True, slots=True)
class Motif:
    """A one-bar rhythm cell and one scale step, relative to the motif's first note, for each of its notes."""

    cell: str
    contour: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Theme:
    plan: str
    motifs: dict[str, Motif]


def lead(
    bars: Sequence[bar_grid.Bar], lead: style.Lead, key: theory.MusicalKey, mood: moods.Mood, rng: random.Random
) -> list[score.Note]:
    """The lead's notes, straight and unhumanised. A section that returns brings its theme back."""
    themes: dict[str, _Theme] = {}
    notes: list[score.Note] = []
    for bar in bars:
        if bar.ending:
            if notes:
                notes.append(_last_note(bar, lead, key, notes[-1].pitch))
            continue
        if bar.section.energy < lead.energy:
            continue
        name = bar.section.name
        solo = name == "solo"
        if name not in themes or (solo and bar.number % _PHRASE_BARS == 0):
            themes[name] = _theme(lead.solo_cells if solo and lead.solo_cells else lead.cells, lead, bar, mood, rng)
        notes += _bar(bar, themes[name], lead, key, mood, notes[-1].pitch if notes else None, rng)
    return notes


def _theme(cells: Sequence[str], lead: style.Lead, bar: bar_grid.Bar, mood: moods.Mood, rng: random.Random) -> _Theme:
    busy = (mood.density + 1) / 2 * 0.6 + bar.section.energy * 0.4  # 0..1
    place = busy * (len(cells) - 1)
    order = sorted(range(len(cells)), key=lambda index: (abs(index - place + rng.uniform(-1, 1)), index))
    motifs = {
        letter: _motif(cells[order[turn % len(order)]], bar.metre, lead.leap, rng) for turn, letter in enumerate("ABC")
    }
    return _Theme(rng.choice(lead.plans), motifs)


def _motif(cell: str, metre: tuple[int, ...], leap: float, rng: random.Random) -> Motif:
    count = sum(len(patterns.read(cell, number, metre)) for number in range(patterns.bars_in(cell)))
    shape = rng.choice(_SHAPES)
    contour = [0]
    for index in range(1, count):
        progress = index / count
        if rng.random() < leap:
            step = rng.choice(_LEAPS)
        else:
            leaning = {"arch": 1 if progress < 0.5 else -1, "fall": -1, "rise": 1, "wave": (-1) ** (index // 2)}[shape]
            weights = [weight * (1.8 if step * leaning > 0 else 1) for step, weight in _STEPS]
            step = rng.choices([step for step, _ in _STEPS], weights)[0]
        if len(contour) > 1 and abs(contour[-1] - contour[-2]) > 2:
            step = -1 if contour[-1] > contour[-2] else 1  # a leap is filled by a step back
        if step == 0 and len(contour) > 1 and contour[-1] == contour[-2]:
            step = rng.choice((-1, 1))
        if abs(contour[-1] + step) > _SPAN_STEPS:
            step = -step  # turn back rather than stick to the edge
        contour.append(contour[-1] + step)
    return Motif(cell, tuple(contour))


def _bar(
    bar: bar_grid.Bar,
    theme: _Theme,
    lead: style.Lead,
    key: theory.MusicalKey,
    mood: moods.Mood,
    before: int | None,
    rng: random.Random,
) -> list[score.Note]:
    place = bar.number % _PHRASE_BARS
    letter = theme.plan[place % len(theme.plan)]
    if letter == ".":
        return []
    motif = theme.motifs[letter]
    cell_bar = place % patterns.bars_in(motif.cell)
    passed = sum(len(patterns.read(motif.cell, number, bar.metre)) for number in range(cell_bar))
    events = [event for event in patterns.read(motif.cell, cell_bar, bar.metre) if event.offset < bar.beats]
    shift = 12 if mood.register >= 0.5 else -12 if mood.register <= -0.5 else 0
    low, high = lead.low + shift, lead.high + shift
    centre = low + (high - low) * (0.45 + 0.2 * mood.register)
    home = (2 * centre + before) / 3 if before is not None else centre
    anchor = theory.nearest(home, theory.ladder(bar.harmony[0].chord.of_size(3).tones, low, high))
    closing = place == _PHRASE_BARS - 1 or bar.left == 0
    answer = bar.number % (2 * _PHRASE_BARS) >= _PHRASE_BARS or bar.left == 0
    notes: list[score.Note] = []
    for index, event in enumerate(events):
        start = bar.start + event.offset
        last = index == len(events) - 1
        strong = event.offset % 1 == 0 or event.beats >= 1
        if mood.density < 0 and not strong and not last and rng.random() < -_THIN * mood.density:
            continue
        chord = bar.chord_at(start)
        steps = _ladder(chord, lead, key, low, high)
        at = steps.index(theory.nearest(anchor, steps)) + motif.contour[passed + index]
        pitch = steps[_folded(at, len(steps))]
        if last and closing:
            pitch = _cadence(pitch, chord, key, answer, low, high)
        elif strong:
            pitch = theory.nearest(pitch, theory.ladder(chord.of_size(_consonant(lead)).tones, low, high))
        if len(notes) > 1 and pitch == notes[-1].pitch == notes[-2].pitch:
            pitch = theory.nearest(centre, [tone for tone in _around(pitch, chord, lead, low, high) if tone != pitch])
        length = min(event.beats, bar.end - start) * (0.96 if event.beats > event.step else 0.85)
        notes.append(score.Note(start, length, pitch, _velocity(event, index, bar.section.energy)))
    return notes


def _folded(index: int, count: int) -> int:
    """An index beyond either end turns back into the range."""
    index = abs(index)
    return index if index < count else max(0, 2 * (count - 1) - index)


def _around(pitch: int, chord: theory.Chord, lead: style.Lead, low: int, high: int) -> list[int]:
    """The chord tones on both sides of a pitch."""
    tones = theory.ladder(chord.of_size(_consonant(lead)).tones, low, high)
    return sorted(tones, key=lambda tone: (abs(tone - pitch), tone))[:3]


def _consonant(lead: style.Lead) -> int:
    """How many chord notes a strong note may choose from: plain genres stay with the triad."""
    return 3 if lead.pentatonic else 4


def _ladder(chord: theory.Chord, lead: style.Lead, key: theory.MusicalKey, low: int, high: int) -> list[int]:
    """The scale, bent where the chord has a note outside it (the leading tone of a dominant in minor)."""
    scale = key.pentatonic if lead.pentatonic else key.scale
    foreign = tuple(tone for tone in chord.of_size(4).tones if tone not in key.scale)
    kept = tuple(tone for tone in scale if not any((tone - bent) % 12 in (1, 11) for bent in foreign))
    return theory.ladder(kept + foreign, low, high)


def _cadence(pitch: int, chord: theory.Chord, key: theory.MusicalKey, answer: bool, low: int, high: int) -> int:
    fifth, second = (key.tonic + 7) % 12, (key.tonic + 2) % 12
    tones = chord.of_size(4).tones
    wanted = (key.tonic,) if answer else (fifth, second)
    return theory.nearest(pitch, theory.ladder(tuple(tone for tone in wanted if tone in tones) or tones, low, high))


def _velocity(event: patterns.Stroke, index: int, energy: float) -> int:
    accent = 8 if event.offset % 2 == 0 else 3 if event.offset % 1 == 0 else 0
    return round((80 + accent + (4 if index == 0 else 0)) * (0.85 + 0.15 * energy))


def _last_note(bar: bar_grid.Bar, lead: style.Lead, key: theory.MusicalKey, before: int) -> score.Note:
    pitch = theory.nearest(before, theory.ladder((key.tonic,), lead.low - 12, lead.high + 12))
    return score.Note(bar.start, bar.beats * 0.97, pitch, 88)
