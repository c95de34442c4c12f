"""Drums: a genre's grooves, with ghost notes, hat rolls, fills at section ends, builds and a last hit.

Symbols in drum patterns: `X` accent, `x` hit, `o` soft, `g` ghost, `?` perhaps a ghost, `!` perhaps a hit; `2`, `3`
and `4` are that many strokes within the step, `T` three within two steps.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from dawg_server.music import bar_grid, moods, patterns, score, style

KICK, RIM, SNARE, CLAP, CLOSED_HAT, FOOT_HAT, OPEN_HAT = 36, 37, 38, 39, 42, 44, 46
LOW_TOM, MID_TOM, CRASH, HIGH_TOM, RIDE, TAMBOURINE, COWBELL, SHAKER = 45, 47, 49, 50, 51, 54, 56, 82

_VELOCITIES = {"X": 118, "x": 98, "o": 72, "g": 42, "2": 84, "3": 80, "4": 76, "T": 86}
_STROKES = {"2": (2, 1), "3": (3, 1), "4": (4, 1), "T": (3, 2)}  # strokes, steps
_PERHAPS = {"?": (0.4, 46), "!": (0.45, 92)}  # chance, velocity
_HIT_BEATS = 0.25
_RINGING_BEATS = {CRASH: 3.0, RIDE: 1.0, OPEN_HAT: 0.5}
_ROLLS = ((3, 0.5), (4, 0.5), (6, 1.0), (3, 0.5), (2, 0.25))  # strokes, beats
_KEPT_IN_FILLS = frozenset({KICK, FOOT_HAT, RIDE})
_LOUD = 0.8  # sections with this energy open with a crash
_BREATH_BARS = 8  # long sections breathe with the end of a fill this often
_CYCLE_BARS = 4
_ROLL_BARS = (3, 1, 2, 0)  # of a cycle, in the order in which they get a roll
_ENERGY_PER_DENSITY = 0.12


def drums(
    bars: Sequence[bar_grid.Bar], style: style.GenreStyle, groove: style.Groove, mood: moods.Mood, rng: random.Random
) -> list[score.Note]:
    """The whole drum part, straight and unhumanised (`groove` does that).

    What is left to chance is drawn once for a cycle of four or eight bars of each section, by the section's name: a
    section that comes back is played as before, but for its fill.
    """
    dice = _Dice(rng.getrandbits(32))
    times: Counter[str] = Counter()
    notes: list[score.Note] = []
    for bar in bars:
        name = bar.section.name
        if bar.ending:
            notes += _last_hit(bar, style)
            continue
        if name == "build" and bar.section.beats > bar.beats:
            notes += _build(bar)
            continue
        played = groove_bar(bar, groove, mood.density, dice.of(name, "ghosts", bar.number % _CYCLE_BARS))
        if bar.number % _CYCLE_BARS in _ROLL_BARS[: round(_CYCLE_BARS * style.rolls * (1 + 0.6 * mood.density))]:
            played = _with_roll(played, bar, dice.of(name, "roll", bar.number % _CYCLE_BARS))
        if bar.left == 0:
            times[name] += 1
            long = bar.number >= _BREATH_BARS - 1
            played = _with_fill(played, bar, dice.of(name, "fill", times[name] if long else 0).choice(style.fills))
        elif (bar.number + 1) % _BREATH_BARS == 0:
            played = _with_fill(played, bar, dice.of(name, "breath", 0).choice(style.fills), bar.end - bar.metre.beat)
        if bar.number == 0 and bar.section.energy >= _LOUD and style.crash:
            played.append(score.Note(bar.start, _RINGING_BEATS[CRASH], style.crash, 112))
        notes += played
    return notes


def in_half_time(groove: style.Groove) -> bool:
    """Whether its backbeat is the third beat alone."""
    hits = {
        event.offset
        for lane in groove.lanes
        if lane.pitch in (SNARE, CLAP, RIM)
        for event in patterns.read(lane.pattern, 0)
        if event.symbol in "Xx"
    }
    return 2.0 in hits and not hits & {1.0, 3.0}


class _Dice:
    """Streams of chance by what they decide: the same question gets the same answer wherever it comes up."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def of(self, *question: object) -> random.Random:
        return random.Random(f"{self._seed}/{question}")


def groove_bar(bar: bar_grid.Bar, groove: style.Groove, density: float, rng: random.Random) -> list[score.Note]:
    """One bar of a groove: the lanes that the section's energy calls for."""
    energy = bar.section.energy + _ENERGY_PER_DENSITY * density
    loudness = 0.82 + 0.18 * min(1.0, energy)
    notes = []
    for lane in groove.lanes:
        if lane.energy <= energy < lane.until or (lane.until > 1 and energy >= lane.energy):
            notes += _lane(bar, lane, loudness, density, rng)
    return notes


def _lane(bar: bar_grid.Bar, lane: style.Lane, loudness: float, density: float, rng: random.Random) -> list[score.Note]:
    notes = []
    for event in patterns.read(lane.pattern, bar.number, bar.metre):
        if event.offset >= bar.beats:
            break
        at = bar.start + event.offset
        length = _RINGING_BEATS.get(lane.pitch, _HIT_BEATS)
        if event.symbol in _PERHAPS:
            chance, velocity = _PERHAPS[event.symbol]
            if rng.random() < chance * (1 + 0.7 * density):
                notes.append(score.Note(at, length, lane.pitch, round(velocity * loudness)))
        elif event.symbol in _STROKES:
            strokes, steps = _STROKES[event.symbol]
            gap = steps * event.step / strokes
            velocity = _VELOCITIES[event.symbol]
            notes += [
                score.Note(at + stroke * gap, gap, lane.pitch, round((velocity + 6 * stroke) * loudness))
                for stroke in range(strokes)
            ]
        else:
            notes.append(score.Note(at, length, lane.pitch, round(_VELOCITIES[event.symbol] * loudness)))
    return notes


def _with_roll(notes: list[score.Note], bar: bar_grid.Bar, rng: random.Random) -> list[score.Note]:
    if not any(note.pitch == CLOSED_HAT for note in notes):
        return notes
    strokes, beats = rng.choice(_ROLLS)
    slots = int(bar.beats / beats)
    start = bar.start + rng.randrange(slots // 2, slots) * beats  # rolls live in the second half of a bar
    kept = [n for n in notes if n.pitch != CLOSED_HAT or not start - 1e-6 <= n.start < start + beats - 1e-6]
    gap = beats / strokes
    falling = rng.random() < 0.5
    for stroke in range(strokes):
        swell = (strokes - stroke if falling else stroke + 1) / strokes
        kept.append(score.Note(start + stroke * gap, gap, CLOSED_HAT, round(58 + 44 * swell)))
    return kept


def _with_fill(
    notes: list[score.Note], bar: bar_grid.Bar, fill: style.Fill, not_before: float = 0.0
) -> list[score.Note]:
    """Replace the end of a bar with a fill; a fill begins with its first stroke."""
    strokes = [
        score.Note(bar.start + event.offset, _HIT_BEATS, lane.pitch, note.velocity)
        for lane in fill
        for event in patterns.read(lane.pattern, 0, bar.metre)
        if bar.start + event.offset >= not_before - 1e-6 and event.offset < bar.beats
        for note in [score.Note(0, 0, lane.pitch, _VELOCITIES[event.symbol])]
    ]
    if not strokes:
        return notes
    begin = min(note.start for note in strokes)
    return [n for n in notes if n.pitch in _KEPT_IN_FILLS or n.start < begin - 1e-6] + strokes


def _build(bar: bar_grid.Bar) -> list[score.Note]:
    """A snare roll that doubles its rate towards the drop; the kick leaves for the last bar."""
    count = bar.number + bar.left + 1
    notes = []
    beat = 0.0
    while beat < bar.beats - 1e-6:
        progress = (bar.number + beat / bar.beats) / count
        gap = 1.0 if progress < 0.25 else 0.5 if progress < 0.625 else 0.25
        velocity = round(56 + 60 * progress)
        notes.append(score.Note(bar.start + beat, gap, SNARE, velocity))
        if gap < 1.0 and beat % 1 == 0:
            notes.append(score.Note(bar.start + beat, _HIT_BEATS, CLAP, velocity))
        if beat % 1 == 0 and bar.left:
            notes.append(score.Note(bar.start + beat, _HIT_BEATS, KICK, 104))
        beat += gap
    return notes


def _last_hit(bar: bar_grid.Bar, style: style.GenreStyle) -> list[score.Note]:
    hit = [score.Note(bar.start, _HIT_BEATS, KICK, 104)]
    cymbal = style.crash or RIDE
    return [*hit, score.Note(bar.start, min(bar.beats, _RINGING_BEATS[CRASH]), cymbal, 96 if style.crash else 66)]
