"""Melodies: one two-bar idea, repeated, sequenced and answered.

An idea is a rhythm and a line in scale steps: steps for the most part and one leap, which is filled. A plan says what
happens to it over eight bars, two bars a letter: `A` literally, `S` moved along the scale to where its chords want it,
`B` its rhythm with another line, `C` another idea, `Z` its first bar and a cadence, `.` rest. Only the first beat of a
bar, and the middle of one for a long note, has to be a chord tone. The loud sections' idea is made of the calm ones':
its first bar is the same, higher.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

from dawg_server.music import bar_grid, moods, patterns, score, style, theory

_IDEA_BARS = 2
_PLAN_BARS = 8
_CANDIDATES = 12  # lines that are tried for an idea
_SPAN_STEPS = 8  # from the lowest to the highest note of an idea
_REPEATED = 0.17  # share of notes that are those before them
_LEAPS = ((2, 0.58), (3, 0.26), (4, 0.09), (5, 0.04), (7, 0.03))  # scale steps, weight
_TURN = 0.27  # chance that a step turns back
_TURNS = 0.4  # share of moves that turn back
_THIN = 0.5  # chance that a sparse mood drops a weak note, at density -1
_LONG_BEATS = 1.0
_HIGHER = 2  # scale steps by which a loud section's idea lies above its calm one
_LOUD = 0.8


@dataclass(frozen=True, slots=True)
class Idea:
    """For each of two bars a rhythm cell, and for each note of both its scale steps above the first one."""

    cells: tuple[str, str]
    line: tuple[int, ...]

    def counts(self, metre: patterns.Metre) -> tuple[int, int]:
        first, second = (len(patterns.read(cell, place, metre)) for place, cell in enumerate(self.cells))
        return first, second


@dataclass(frozen=True, slots=True)
class _Theme:
    plan: str
    ideas: dict[str, Idea]
    start: float  # the pitch that its first note is near to


def lead(
    bars: Sequence[bar_grid.Bar], lead: style.Lead, key: theory.MusicalKey, mood: moods.Mood, rng: random.Random
) -> list[score.Note]:
    """The lead's notes, straight and unhumanised. A section that returns brings its theme back."""
    writer = _LineWriter(lead, key, mood, rng)
    notes: list[score.Note] = []
    for place, bar in enumerate(bars):
        if bar.ending:
            if notes:
                notes.append(_last_note(bar, lead, key, notes[-1].pitch))
        elif bar.section.energy >= lead.energy:
            notes += writer.bar(bars[place : place + _IDEA_BARS])
    return notes


class _LineWriter:
    """The ideas of a piece, and where its line is."""

    def __init__(self, lead: style.Lead, key: theory.MusicalKey, mood: moods.Mood, rng: random.Random) -> None:
        self._lead, self._key, self._mood, self._rng = lead, key, mood, rng
        shift = 12 if mood.register >= 0.5 else -12 if mood.register <= -0.5 else 0
        self._low, self._high = lead.low + shift, lead.high + shift
        self._centre = self._low + (self._high - self._low) * (0.45 + 0.2 * mood.register)
        scale = key.pentatonic if lead.scale == "pentatonic" else key.scale
        self._degrees = tuple((tone - key.tonic) % 12 for tone in scale)
        self._themes: dict[str, _Theme] = {}
        self._thinned = rng.getrandbits(32)
        self._before: int | None = None
        self._anchor = 0  # scale step of the first note of the idea that is played

    def bar(self, bars: Sequence[bar_grid.Bar]) -> list[score.Note]:
        """The first of the bars, which are two where another follows."""
        bar = bars[0]
        name, solo = bar.section.name, bar.section.name == "solo"
        if name not in self._themes or (solo and bar.number % _PLAN_BARS == 0):
            self._themes[name] = self._theme(bar, solo)
        theme = self._themes[name]
        unit = bar.number // _IDEA_BARS
        letter = theme.plan[unit % len(theme.plan)]
        if bar.left < _IDEA_BARS and letter != "." and bar.number >= _IDEA_BARS:
            letter = "Z"  # a section closes
        if letter == ".":
            return []
        idea = theme.ideas["B" if letter == "B" else "C" if letter == "C" else "A"]
        place = bar.number % _IDEA_BARS
        if place == 0:
            self._anchor = self._placed(bars, idea, theme, letter)
        return self._played(bar, idea, place, closing=letter == "Z" and place == _IDEA_BARS - 1)

    def _theme(self, bar: bar_grid.Bar, solo: bool) -> _Theme:
        lead, rng = self._lead, self._rng
        cells = lead.solo_cells if solo and lead.solo_cells else lead.cells
        loud = bar.section.energy >= _LOUD
        kin = next((theme for name, theme in self._themes.items() if name != "solo"), None)
        busy = (self._mood.density + 1) / 2 * 0.6 + bar.section.energy * 0.4  # 0..1
        place = busy * (len(cells) - 1)
        order = sorted(range(len(cells)), key=lambda index: (abs(index - place + rng.uniform(-1, 1)), index))
        near = [cells[index] for index in order]
        first, second = near[0], near[1 % len(near)]
        own = self._idea((first, second), bar.metre)
        start = self._centre + (2.0 if loud else 0.0)
        if kin is not None and not solo:
            opening = kin.ideas["A"].cells[0]
            tail = self._idea((opening, second), bar.metre)
            count = tail.counts(bar.metre)[0]
            shared = kin.ideas["A"].line[:count]
            own = Idea(tail.cells, (*shared, *(step - tail.line[count] + shared[-1] + 1 for step in tail.line[count:])))
            start = kin.start + (_HIGHER * 1.7 if loud else -_HIGHER * 1.7 if kin.start > self._centre else 0.0)
        other = self._idea((near[1 % len(near)], near[2 % len(near)]), bar.metre)
        varied = self._idea(own.cells, bar.metre)
        return _Theme(rng.choice(lead.plans), {"A": own, "B": varied, "C": other}, start)

    def _idea(self, cells: tuple[str, str], metre: patterns.Metre) -> Idea:
        count = sum(Idea(cells, ()).counts(metre))
        lines = [_line(count, self._rng) for _ in range(_CANDIDATES)]
        return Idea(cells, min(lines, key=_strangeness))

    def _placed(self, bars: Sequence[bar_grid.Bar], idea: Idea, theme: _Theme, letter: str) -> int:
        """Where the idea starts, so that its strong notes are chord tones: a literal repeat stays where it was."""
        bar, metre = bars[0], bars[0].metre
        strong: list[tuple[int, theory.Chord]] = []
        passed = 0
        for place, each in enumerate(bars):
            events = patterns.read(idea.cells[place], place, metre)
            strong += [
                (passed + index, each.chord_at(each.start + event.offset))
                for index, event in enumerate(events)
                if _strong(event, metre)
            ]
            passed += len(events)
        goal = theme.start if self._before is None else (2 * theme.start + self._before) / 3
        wanted = self._step_near(goal)
        literal = self._anchor if letter in "AZ" and self._before is not None and bar.number else wanted

        def cost(anchor: int) -> float:
            missed = sum(
                self._pitch(anchor + idea.line[index], chord) % 12 not in self._tones(chord)
                for index, chord in strong
                if index < len(idea.line)
            )
            leap = 0.0
            if self._before is not None:
                away = abs(self._pitch(anchor, bar.harmony[0].chord) - self._before)
                leap = 0.0 if away <= 2 else 0.12 * away if away < 7 else 0.4 * away
            top, bottom = anchor + max(idea.line), anchor + min(idea.line)
            outside = max(0, top - self._step_near(self._high)) + max(0, self._step_near(self._low) - bottom)
            return 2.0 * missed + 0.5 * abs(anchor - literal) + leap + 2.0 * outside

        return min(range(wanted - 5, wanted + 6), key=lambda anchor: (cost(anchor), abs(anchor - literal), anchor))

    def _played(self, bar: bar_grid.Bar, idea: Idea, place: int, closing: bool) -> list[score.Note]:
        passed = idea.counts(bar.metre)[0] if place else 0
        events = [each for each in patterns.read(idea.cells[place], place, bar.metre) if each.offset < bar.beats]
        thinned = random.Random(f"{self._thinned}/{bar.section.name}/{bar.number % _PLAN_BARS}")
        notes: list[score.Note] = []
        for index, event in enumerate(events):
            last = index == len(events) - 1
            strong = _strong(event, bar.metre)
            if self._mood.density < 0 and not strong and not last and thinned.random() < -_THIN * self._mood.density:
                continue
            start = bar.start + event.offset
            chord = bar.chord_at(start)
            step = self._anchor + idea.line[min(passed + index, len(idea.line) - 1)]
            pitch = self._pitch(step, chord)
            if last and closing:
                pitch = self._cadence(pitch, chord, bar)
            elif strong and pitch % 12 not in self._tones(chord):
                pitch = self._stood(pitch, chord)
            length = min(event.beats, bar.end - start) * (0.94 if event.beats >= 0.5 else 0.85)
            notes.append(score.Note(start, length, pitch, _velocity(event, index, bar)))
            self._before = pitch
        return notes

    def _tones(self, chord: theory.Chord) -> tuple[int, ...]:
        return chord.of_size(3).tones

    def _stood(self, pitch: int, chord: theory.Chord) -> int:
        """The chord tone next to a pitch, on the side where the line comes from."""
        tones = theory.ladder(self._tones(chord), self._low - 5, self._high + 5)
        before = pitch if self._before is None else self._before
        return min(tones, key=lambda tone: (abs(tone - pitch) + 0.3 * abs(tone - before), tone))

    def _step_near(self, pitch: float) -> int:
        """The scale step, counted from the tonic at MIDI number 0 on, that is next to a pitch."""
        octave, count = int(pitch // 12) - 1, len(self._degrees)
        steps = range(octave * count, (octave + 3) * count)
        return min(steps, key=lambda step: (abs(self._plain(step) - pitch), step))

    def _plain(self, step: int) -> int:
        octave, degree = divmod(step, len(self._degrees))
        return 12 * octave + self._key.tonic + self._degrees[degree]

    def _pitch(self, step: int, chord: theory.Chord) -> int:
        """A scale step, bent where the chord has a note beside it (the leading tone of a dominant in minor)."""
        pitch = self._plain(step)
        tones = chord.of_size(4).tones
        if pitch % 12 in tones:
            return pitch
        foreign = [tone for tone in tones if tone not in self._key.scale]
        return next((pitch + bend for bend in (1, -1) for tone in foreign if (pitch + bend) % 12 == tone), pitch)

    def _cadence(self, pitch: int, chord: theory.Chord, bar: bar_grid.Bar) -> int:
        """A question ends away from the tonic, an answer on it, if the chord has it."""
        answer = bar.left == 0 or bar.number % (2 * _PLAN_BARS) >= _PLAN_BARS
        fifth, second = (self._key.tonic + 7) % 12, (self._key.tonic + 2) % 12
        tones = chord.of_size(4).tones
        wanted = tuple(tone for tone in ((self._key.tonic,) if answer else (fifth, second)) if tone in tones)
        before = pitch if self._before is None else self._before
        near = theory.ladder(wanted or tones, self._low - 5, self._high + 5)
        found = theory.nearest(before, near)
        return (
            found if abs(found - before) <= 5 else theory.nearest(before, theory.ladder(tones, self._low, self._high))
        )


def _line(count: int, rng: random.Random) -> tuple[int, ...]:
    """Scale steps of so many notes, from 0 on: steps, some repeats, and a leap for every eight notes, each filled."""
    leaps = set(rng.sample(range(1, max(2, count)), min(max(1, round(count / 5)), max(1, count - 1))))
    line, direction, filling = [0], rng.choice((-1, 1)), 0
    for place in range(1, count):
        if place in leaps:
            size = rng.choices([size for size, _ in _LEAPS], [weight for _, weight in _LEAPS])[0]
            direction = -1 if line[-1] > 2 else 1 if line[-1] < -2 else rng.choice((-1, 1))
            line.append(line[-1] + direction * size)
            direction, filling = -direction, min(2, size - 1)
            continue
        if not filling and rng.random() < _REPEATED:
            line.append(line[-1])
            continue
        if filling:
            filling -= 1
        elif rng.random() < _TURN or abs(line[-1] + direction) > _SPAN_STEPS // 2 + 1:
            direction = -direction
        line.append(line[-1] + direction)
    return tuple(line)


def _strangeness(line: tuple[int, ...]) -> float:
    """How far a line is from what people sing: its span, its few pitches, its share of repeats and of turns."""
    moves = [after - before for before, after in itertools.pairwise(line)]
    going = [move for move in moves if move]
    turns = sum(before * after < 0 for before, after in itertools.pairwise(going))
    return (
        2.0 * max(0, max(line) - min(line) - _SPAN_STEPS)
        + max(0, min(5, len(line)) - len(set(line)))
        + abs(len(moves) - len(going) - _REPEATED * len(moves))
        + abs(turns - _TURNS * len(going))
    )


def _strong(event: patterns.Stroke, metre: patterns.Metre) -> bool:
    half = len(metre.borrowed) * metre.beat / 2
    return event.offset == 0 or (event.offset == half and event.beats >= _LONG_BEATS)


def _velocity(event: patterns.Stroke, index: int, bar: bar_grid.Bar) -> int:
    beat = bar.metre.beat
    accent = 8 if event.offset % (2 * beat) == 0 else 3 if event.offset % beat == 0 else 0
    return round((80 + accent + (4 if index == 0 else 0)) * (0.85 + 0.15 * bar.section.energy))


def _last_note(bar: bar_grid.Bar, lead: style.Lead, key: theory.MusicalKey, before: int) -> score.Note:
    pitch = theory.nearest(before, theory.ladder((key.tonic,), lead.low - 12, lead.high + 12))
    return score.Note(bar.start, bar.beats * 0.97, pitch, 88)
