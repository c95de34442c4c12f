"""What moves notes that sound: the sustain pedal, pitch bend, the modulation wheel, volume and expression.

- Sustain (controller 64, down from 64 on): a note whose key is let go while the pedal is down sounds until that comes
  up, or until its key is struck again (MIDI 1.0 Detailed Specification, "Controller 64").
- Pitch bend: -8192 to 8191 is the range of the clip in semitones down and up.
- Modulation (controller 1): a vibrato of 5.5 Hz, up to 50 cents either way.
- Volume and expression (7 and 11): 40 log10(value / 127) dB each (General MIDI Level 2, section 3.3.5).

A sounding note is bent by playing its samples faster or slower, as samplers do. So it begins as it was struck, and its
key is let go when it is let go.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dawg_server.music.score import Note
from dawg_server.music.sound.tone import Samples, Signal

MODULATION, VOLUME, EXPRESSION, SUSTAIN = 1, 7, 11, 64
VIBRATO_HERTZ, VIBRATO_SEMITONES = 5.5, 0.5
SLEW = 0.005  # seconds in which a value is reached, so that steps do not click
AFTER = 0.5  # seconds after its end for which a note that is bent is heard

Play = Callable[[Sequence[Note]], Samples]
"""Notes in seconds to float32 `(frames, 2)` from time zero on."""


@dataclass(frozen=True, slots=True)
class Steps:
    """A value that holds from each of the times (seconds, sorted) on; `first` before them."""

    times: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    first: float = 0.0

    @classmethod
    def of(cls, events: Sequence[tuple[float, float]], first: float = 0.0) -> Steps:
        """`events`: (seconds, value), sorted."""
        return cls(tuple(time for time, _ in events), tuple(value for _, value in events), first)

    def at(self, time: float) -> float:
        place = bisect_right(self.times, time + 1e-9)
        return self.values[place - 1] if place else self.first

    def over(self, times: Signal) -> Signal:
        """At each of the times, each step taking `SLEW` seconds, or until the next one."""
        if not self.times:
            return np.full(len(times), self.first)
        starts = np.array(self.times)
        ends = np.minimum(starts + SLEW, np.append(starts[1:], np.inf))
        before = np.array((self.first, *self.values[:-1]))
        found: Signal = np.interp(
            times, np.stack((starts, ends), 1).ravel(), np.stack((before, np.array(self.values)), 1).ravel()
        )
        return found

    def rests(self, begin: float, end: float) -> bool:
        """Whether it is nothing all the time."""
        inner = self.values[bisect_right(self.times, begin) : bisect_right(self.times, end)]
        return not (self.at(begin) or any(inner))

    def since(self, time: float) -> Steps:
        """The same, counted from that time."""
        return dataclasses.replace(self, times=tuple(each - time for each in self.times))


@dataclass(frozen=True, slots=True)
class Controls:
    """`bend` in semitones, `modulation` and `pedal` 0..1, `gain` linear."""

    bend: Steps = Steps()
    modulation: Steps = Steps()
    pedal: Steps = Steps()
    gain: Steps = Steps(first=1.0)

    def since(self, time: float) -> Controls:
        return Controls(*(getattr(self, each.name).since(time) for each in dataclasses.fields(self)))

    def semitones(self, start: float, times: Signal) -> Signal:
        """By how much a note is bent at times (seconds) after its start."""
        moments = start + times
        found = self.bend.over(moments)
        if self.modulation.times:
            sway = np.sin(2 * np.pi * VIBRATO_HERTZ * moments) * VIBRATO_SEMITONES
            found = found + self.modulation.over(moments) * sway
        return found


def gains(volume: Sequence[tuple[float, float]], expression: Sequence[tuple[float, float]]) -> Steps:
    """The gain of two controllers together, each as (seconds, 0..127), sorted."""
    times = sorted({time for time, _ in (*volume, *expression)})
    one, other = (Steps.of([(time, (value / 127) ** 2) for time, value in each], 1.0) for each in (volume, expression))
    return Steps.of([(time, one.at(time) * other.at(time)) for time in times], 1.0)


def sustained(notes: Sequence[Note], pedal: Steps, end: float) -> list[Note]:
    """Notes in seconds as the pedal holds them, at most until `end`."""
    if not pedal.times:
        return list(notes)
    struck: dict[int, list[float]] = {}
    for note in notes:
        struck.setdefault(note.pitch, []).append(note.start)
    for starts in struck.values():
        starts.sort()
    ups = [time for time, value in zip(pedal.times, pedal.values, strict=True) if value < 0.5]
    found = []
    for note in notes:
        stop = note.start + note.duration
        if pedal.at(stop) >= 0.5:
            again = struck[note.pitch]
            place, up = bisect_right(again, note.start), bisect_right(ups, stop)
            stop = max(
                stop,
                min(
                    end,
                    again[place] if place < len(again) else end,
                    ups[up] if up < len(ups) else end,
                ),
            )
        found.append(dataclasses.replace(note, duration=stop - note.start))
    return found


def played(notes: Sequence[Note], controls: Controls, rate: int, play: Play) -> Samples:
    """Notes in seconds, each bent as the controls are while it sounds."""
    if not (controls.bend.times or controls.modulation.times):
        return play(notes)
    still: list[Note] = []
    moved: list[Note] = []
    for note in notes:
        stop = note.start + note.duration + AFTER
        quiet = controls.bend.rests(note.start, stop) and controls.modulation.rests(note.start, stop)
        (still if quiet else moved).append(note)
    placed = [(0, play(still))] if still else []
    for note in moved:
        placed.append((round(note.start * rate), _bent(note, controls, rate, play)))
    total = np.zeros((max((start + len(sound) for start, sound in placed), default=0), 2), np.float32)
    for start, sound in placed:
        total[start : start + len(sound)] += sound
    return total


def _bent(note: Note, controls: Controls, rate: int, play: Play) -> Samples:
    held = np.arange(max(1, round(note.duration * rate))) / rate
    travelled = float(np.exp2(controls.semitones(note.start, held) / 12).sum() / rate)
    sound = play([dataclasses.replace(note, start=0.0, duration=travelled)])
    if len(sound) < 4:
        return sound
    # At most this long, because nothing is bent further than two octaves and a half.
    speeds = np.exp2(controls.semitones(note.start, np.arange(min(len(sound) * 6, len(sound) + 60 * rate)) / rate) / 12)
    places = np.cumsum(speeds) - speeds
    places = places[places < len(sound) - 1]
    return _between(sound, places)


def _between(sound: Samples, places: Signal) -> Samples:
    """Samples between samples, on cubic curves through the four around them (Catmull and Rom)."""
    padded = np.concatenate((sound[:1], sound, sound[-1:], sound[-1:]))
    index = places.astype(np.int64)
    x = (places - index)[:, None].astype(np.float32)
    a, b, c, d = (padded[index + shift] for shift in range(4))
    slope, bow, turn = 0.5 * (c - a), a - 2.5 * b + 2 * c - 0.5 * d, 0.5 * (d - a) + 1.5 * (b - c)
    found: Samples = b + x * (slope + x * (bow + x * turn))
    return found
