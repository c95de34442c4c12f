"""Bass lines, from patterns or walking, with gliding notes where the style slides.

Symbols in bass patterns: `R` root, `8` its octave, `5` fifth, `3` third, `7` seventh or the note below the root, `r` a
short soft root, `a` a scale step towards the next chord, `T` the key's tonic whatever the chord, `t` a soft one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from dawg_server.music import bar_grid, moods, patterns, score, style, theory

WALK = "walk"
_SLIDE_BEATS = 0.5
_SHORTEST_SLIDING_BEATS = 1.0
_LOUD, _LOUD_PER_DENSITY = 0.8, 0.12  # the energy from which on a section has the loud pattern
_CYCLE_BARS = 8
_PLAIN, _ORNAMENTS = -0.5, frozenset("873rta")  # a mood that is this sparse leaves them out off the beat
_VELOCITIES = {"R": 108, "8": 98, "5": 98, "3": 96, "7": 94, "r": 66, "a": 92, "T": 104, "t": 72}


def line(
    bars: Sequence[bar_grid.Bar],
    bass: style.BassLine,
    pattern: style.BassPattern,
    key: theory.MusicalKey,
    mood: moods.Mood,
    rng: random.Random,
) -> tuple[list[score.Note], list[score.Slide]]:
    """The bass part and its glides, straight and unhumanised. A section that comes back glides as before."""
    notes: list[score.Note] = []
    slides: list[score.Slide] = []
    cycle = rng.getrandbits(32)
    loud = _LOUD - _LOUD_PER_DENSITY * mood.density
    for bar in bars:
        if bar.section.energy < bass.energy:
            continue
        if bar.ending:
            root = theory.pitch_in(bar.harmony[0].chord.bass, bass.low)
            notes.append(score.Note(bar.start, bar.beats, root, 104))
            continue
        chosen = pattern.loud if bar.section.energy >= loud else pattern.calm
        played = (
            _walk(bar, bass.low, key, notes, rng)
            if chosen == WALK
            else _patterned(bar, chosen, bass.low, key, mood.density)
        )
        notes += played
        if bass.slides:
            again = random.Random(f"{cycle}/{bar.section.name}/{bar.number % _CYCLE_BARS}")
            if again.random() < bass.slides:
                slides += _slide(bar, played, bass.low, key, again)
    return notes, slides


def _patterned(bar: bar_grid.Bar, pattern: str, low: int, key: theory.MusicalKey, density: float) -> list[score.Note]:
    notes = []
    for event in patterns.read(pattern, bar.number, bar.metre):
        if event.offset >= bar.beats:
            break
        if density <= _PLAIN and event.symbol in _ORNAMENTS and event.offset % bar.metre.beat:
            continue
        start = bar.start + event.offset
        end = min(start + event.beats, bar.end)
        while start < end - 1e-6:  # a held note follows the chord when it changes
            stop = min(end, bar.boundary_after(start))
            pitch = _pitch(event.symbol, bar, start, low, key)
            length = (stop - start) * (0.5 if event.symbol == "r" else 0.95)
            notes.append(score.Note(start, length, pitch, _VELOCITIES[event.symbol]))
            start = stop
    return notes


def _pitch(symbol: str, bar: bar_grid.Bar, beat: float, low: int, key: theory.MusicalKey) -> int:
    chord = bar.chord_at(beat)
    root = theory.pitch_in(chord.root, low)
    if symbol in "Tt":
        return theory.pitch_in(key.tonic, low)
    if symbol == "8":
        return theory.pitch_in(chord.bass, low) + 12
    if symbol == "5":
        fifth = root + chord.intervals[2]
        return fifth if fifth <= low + 14 else fifth - 12
    if symbol == "3":
        return root + chord.intervals[1]
    if symbol == "7":
        seventh = root + (chord.intervals[3] if len(chord.intervals) > 3 else 12) - 12
        return seventh if seventh >= low - 2 else seventh + 12
    if symbol == "a":
        return _approach(theory.pitch_in(bar.ahead.bass, low), root, key)
    return theory.pitch_in(chord.bass, low)


def _approach(target: int, origin: int, key: theory.MusicalKey) -> int:
    """The scale's neighbour of the target, on the side where the line comes from."""
    steps = (1, 2) if origin > target else (-1, -2)
    return next((target + step for step in steps if (target + step) % 12 in key.scale), target + steps[0])


def _walk(
    bar: bar_grid.Bar, low: int, key: theory.MusicalKey, before: list[score.Note], rng: random.Random
) -> list[score.Note]:
    """Quarter notes: the root on a change, then chord and scale tones on the way to the next root."""
    high = low + 19
    notes: list[score.Note] = []
    here = before[-1].pitch if before else low + 7
    pulse = bar.metre.beat
    for beat in range(math.ceil(bar.beats / pulse - 1e-6)):
        start = bar.start + beat * pulse
        chord = bar.chord_at(start)
        changed = any(abs(span.start - start) < 1e-6 for span in bar.harmony)
        last_of_chord = bar.boundary_after(start) - start <= pulse + 1e-6
        target = theory.nearest(here, theory.ladder((bar.chord_at(bar.boundary_after(start)).bass,), low, high))
        if changed:
            here = theory.nearest(here, theory.ladder((chord.bass,), low, high))
        elif last_of_chord:
            step = target + 1 if rng.random() < 0.2 else _approach(target, here, key)
            here = step if step != here else _approach(target, 2 * target - here, key)  # from the other side
        else:
            tones = theory.ladder(chord.tones if rng.random() < 0.65 else key.scale, low, high)
            ahead = 1 if target > here or here < low + 5 else -1
            near = [tone for tone in tones if 0 < (tone - here) * ahead <= 5]
            here = rng.choice(near or [tone for tone in tones if 0 < abs(tone - here) <= 7])
        here = max(low - 1, min(high, here))
        notes.append(score.Note(start, min(0.92 * pulse, bar.end - start), here, 98 if beat % 2 else 104))
        if last_of_chord and rng.random() < 0.12 and bar.end - start >= 1:  # a skipped eighth pushes into the next bar
            notes[-1] = score.Note(start, 0.45, here, 100)
            notes.append(score.Note(start + 0.5, 0.4, here, 76))
    return notes


def _slide(
    bar: bar_grid.Bar, notes: list[score.Note], low: int, key: theory.MusicalKey, rng: random.Random
) -> list[score.Slide]:
    long_notes = [note for note in notes if note.duration >= _SHORTEST_SLIDING_BEATS * 0.9]
    if not long_notes:
        return []
    note = rng.choice(long_notes)
    ahead = theory.pitch_in(bar.ahead.bass, low)
    options = [note.pitch + 12, note.pitch + 7, note.pitch + 12, ahead if ahead != note.pitch else note.pitch + 5]
    target = rng.choice([pitch for pitch in options if pitch % 12 in key.scale] or [note.pitch + 12])
    length = min(_SLIDE_BEATS, note.duration / 2)
    # Halfway or at its end: an early glide is heard as a lick, a late one leads on.
    start = note.start + (note.duration - length if rng.random() < 0.6 else note.duration / 2)
    return [score.Slide(start, length, note.pitch, target)]
