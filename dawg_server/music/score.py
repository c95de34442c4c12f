"""What the composer hands to the sound: a frozen description of a piece, in beats and MIDI numbers.

A beat is a quarter note (`60 / bpm` seconds). Drum parts use General MIDI percussion pitches.
"""

from __future__ import annotations

from dataclasses import dataclass

STEMS = ("drums", "bass", "chords", "melody")


@dataclass(frozen=True, slots=True)
class Note:
    """One note: `start` and `duration` in beats, `pitch` a MIDI number, `velocity` 1..127."""

    start: float
    duration: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Slide:
    """A pitch glide: over `duration` beats from `start` on, the sounding note moves between two MIDI numbers."""

    start: float
    duration: float
    from_pitch: int
    to_pitch: int


@dataclass(frozen=True, slots=True)
class Part:
    """One instrument's notes, sorted by start. `stem` is one of `STEMS`; `pan` is -1 (left) to 1 (right).

    A slide bends the note of the same part that sounds at its start; that note's `pitch` is the slide's `from_pitch`.
    """

    stem: str
    instrument: str
    notes: tuple[Note, ...]
    gain_db: float = 0.0
    pan: float = 0.0
    slides: tuple[Slide, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoreSection:
    """A stretch of the piece, such as "verse" or "drop"; `energy` is 0..1."""

    name: str
    start_beat: float
    beats: float
    energy: float


@dataclass(frozen=True, slots=True)
class ScoreChord:
    """A chord under a stretch of the piece, such as "Cm7/G" (`theory.parse_chord`)."""

    symbol: str
    start_beat: float
    beats: float


@dataclass(frozen=True, slots=True)
class Score:
    """A whole piece.

    `duration`: seconds asked for; `key`: as stored, such as "F#m";
    `brightness`, `space` (amount of reverb) and `grit` (saturation and record noise): 0..1. A `loop` is whole bars long
    and goes on into its own beginning; `trims` are decibels by stem, beside the genre's balance. The beats of a
    `compound` metre are dotted quarters. `drawn`: by what, which of its genre's file it has (`faces.Face.drawn`).
    """

    genre: str
    mood: str
    bpm: float
    key: str
    beats_per_bar: float
    duration: float
    seed: int
    sections: tuple[ScoreSection, ...]
    parts: tuple[Part, ...]
    brightness: float
    space: float
    grit: float
    loop: bool = False
    trims: tuple[tuple[str, float], ...] = ()
    chords: tuple[ScoreChord, ...] = ()
    compound: bool = False
    drawn: tuple[tuple[str, str], ...] = ()
