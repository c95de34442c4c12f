"""How a performance leans: swing, human timing and velocity; and the last check that notes fit the piece."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Iterable
from dataclasses import dataclass

from dawg_server.music import score

SHORTEST_BEATS = 1 / 32
_TICKS_PER_BEAT = 480  # as in a MIDI file, which then says exactly what the score says
_LENGTHS_PER_BEAT = 96  # few different lengths: a synthesiser can use a sound again
_SNARES = frozenset({37, 38, 39, 40})
_STEADY = frozenset({35, 36})  # the kick carries the tempo: it stays on the grid


@dataclass(frozen=True, slots=True)
class Timing:
    """`swing` and `grid` as in `style.Style`; `loose` and `snare_lag` in beats; `end` is where the piece ends."""

    swing: float
    grid: float
    loose: float
    snare_lag: float
    end: float


def warp(beat: float, swing: float, grid: float) -> float:
    """Move a straight position to where swing puts it: the middle of each pair of grid steps goes to `swing`."""
    pair = 2 * grid
    base, phase = divmod(beat, pair)
    half = phase / pair
    swung = half * swing / 0.5 if half <= 0.5 else swing + (half - 0.5) * (1 - swing) / 0.5
    return (base + swung) * pair


def perform(
    notes: Iterable[score.Note], timing: Timing, rng: random.Random, *, drums: bool = False
) -> list[score.Note]:
    """Swing and loosen notes, hold them inside the piece, and sort and untangle them."""
    played = []
    for note in notes:
        start = warp(note.start, timing.swing, timing.grid)
        length = warp(note.start + note.duration, timing.swing, timing.grid) - start
        if not (drums and note.pitch in _STEADY):
            # Bounded, so that no note leaves its place.
            start += max(-2.0, min(2.0, rng.gauss(0, 1))) * timing.loose
        if drums and note.pitch in _SNARES:
            start += timing.snare_lag
        start = _on_tick(min(max(0.0, start), timing.end - SHORTEST_BEATS))
        velocity = max(1, min(127, round(note.velocity + rng.uniform(-4, 4))))
        played.append(score.Note(start, _length(min(length, timing.end - start)), note.pitch, velocity))
    return untangle(played)


def _on_tick(beats: float) -> float:
    return round(beats * _TICKS_PER_BEAT) / _TICKS_PER_BEAT


def _length(beats: float) -> float:
    return max(SHORTEST_BEATS, math.floor(beats * _LENGTHS_PER_BEAT + 1e-6) / _LENGTHS_PER_BEAT)


def untangle(notes: Iterable[score.Note]) -> list[score.Note]:
    """Sorted notes without two of one pitch at once: the earlier one ends, a doubled one goes."""
    kept: list[score.Note] = []
    last: dict[int, int] = {}
    for note in sorted(notes, key=lambda note: (note.start, note.pitch, -note.velocity)):
        if note.pitch in last:
            before = kept[last[note.pitch]]
            gap = note.start - before.start
            if gap < SHORTEST_BEATS:
                continue
            if before.duration > gap:
                kept[last[note.pitch]] = score.Note(before.start, _length(gap), before.pitch, before.velocity)
        last[note.pitch] = len(kept)
        kept.append(note)
    return kept


def glide(slides: Iterable[score.Slide], played: list[score.Note]) -> list[score.Slide]:
    """Keep the slides that still lie within a note of their pitch after swing and human timing."""
    kept = []
    for slide in slides:
        for note in played:
            end = note.start + note.duration
            if note.pitch == slide.from_pitch and note.start <= slide.start < end:
                kept.append(dataclasses.replace(slide, duration=min(slide.duration, end - slide.start)))
                break
    return kept
