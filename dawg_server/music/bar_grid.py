"""The frame that every part is written into: bars, each with its section, its place in it and its chords."""

from __future__ import annotations

from dataclasses import dataclass

from dawg_server.music import patterns, score, theory

ENDING = "ending"  # name of the last section: one final hit and the tonic chord


@dataclass(frozen=True, slots=True)
class Span:
    """A chord and how long it lasts, in beats."""

    start: float
    beats: float
    chord: theory.Chord


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: `number` counts from 0 within its section, `left` are the bars that follow in the section.

    `ahead` is the next bar's chord.
    """

    start: float
    beats: float
    section: score.ScoreSection
    number: int
    left: int
    metre: patterns.Metre
    harmony: tuple[Span, ...]
    ahead: theory.Chord

    @property
    def end(self) -> float:
        """Where the next bar begins, in beats."""
        return self.start + self.beats

    @property
    def ending(self) -> bool:
        """Whether this is the last chord of the piece."""
        return self.section.name == ENDING

    def chord_at(self, beat: float) -> theory.Chord:
        """The chord that sounds at a beat of the piece; past the bar's end, the one ahead."""
        if beat >= self.end - 1e-6:
            return self.ahead
        return next((span.chord for span in reversed(self.harmony) if span.start <= beat + 1e-6), self.harmony[0].chord)

    def boundary_after(self, beat: float) -> float:
        """Where the chord that sounds at `beat` ends."""
        return next((span.start for span in self.harmony if span.start > beat + 1e-6), self.end)


def metre(beats_per_bar: float, *, compound: bool = False, half_time: bool = False) -> patterns.Metre:
    """The beats of a 4/4 pattern that a bar borrows: 3 is a waltz (1 3 4), 5 is 3 + 2, 7 is 4 + 3.

    `beats_per_bar` counts quarter notes. `compound` beats are dotted quarters: 6/8 has 3 quarters and two beats, of
    which the second is the backbeat, also of a pattern in half time.
    """
    if compound:
        count = max(1, round(beats_per_bar / 1.5))
        pair = (0, 2) if half_time else (0, 1)
        return patterns.Metre({1: (0,), 2: pair, 3: (0, 1, 3), 4: (0, 1, 2, 3)}.get(count) or pair * (count // 2), True)
    whole = int(beats_per_bar + 0.999)
    groups = {1: (0,), 2: (0, 1), 3: (0, 1, 3), 4: (0, 1, 2, 3)}
    borrowed: tuple[int, ...] = ()
    while whole:
        size = whole if whole <= 4 else 3 if whole % 3 == 0 or whole == 5 else 4
        borrowed += groups[size]
        whole -= size
    return patterns.Metre(borrowed)
