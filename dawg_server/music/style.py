"""What a genre's style is made of: grooves, bass lines, chord layers and leads, written as patterns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lane:
    """One drum's pattern (`rhythm` explains the symbols); it plays where the section's energy is in the range."""

    pitch: int
    pattern: str
    energy: float = 0.45
    until: float = 1.01


Groove = tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class BassLine:
    """A bass: patterns from sparse to busy (`bass` explains the symbols), or "walk" for a walking line.

    `low` is the lowest root, a MIDI number; `slides` is the chance that a long note glides, per bar.
    """

    instruments: tuple[str, ...]
    patterns: tuple[str, ...]
    low: int = 33
    energy: float = 0.45
    slides: float = 0.0
    gain_db: float = 0.0


@dataclass(frozen=True, slots=True)
class ChordLayer:
    """Chords as one instrument plays them: patterns from sparse to busy (`comping` explains the symbols).

    `size` counts stacked thirds (3 triad, 4 seventh, 5 ninth); `voicing` is one of `voicing.KINDS`.
    """

    instruments: tuple[str, ...]
    patterns: tuple[str, ...]
    voicing: str = "close"
    size: int = 3
    low: int = 53
    high: int = 76
    energy: float = 0.0
    until: float = 1.01
    gain_db: float = 0.0
    pan: float = 0.0
    stem: str = "chords"


@dataclass(frozen=True, slots=True)
class Lead:
    """A melody: one-bar rhythm cells from sparse to busy (`x` note, `-` held, `.` rest) and plans such as "ABAC".

    A plan orders motifs over a four-bar phrase, `.` is a bar of rest. `solo_cells` are for sections named "solo".
    """

    instruments: tuple[str, ...]
    cells: tuple[str, ...]
    plans: tuple[str, ...]
    low: int = 65
    high: int = 84
    pentatonic: bool = True
    leap: float = 0.12
    energy: float = 0.6
    gain_db: float = 0.0
    pan: float = 0.0
    solo_cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GenreStyle:
    """A genre as the composer plays it.

    `swing` is where the second of two notes falls within their pair (0.5 straight, 0.667 triplet) and `swing_grid` the
    length of each in beats; `loose_ms` is the spread of human timing, `snare_lag_ms` how far behind the beat the
    backbeat sits; `rolls` is the chance of a hat roll per bar. Progressions go from dark to bright; `cadences` are the
    chords (minor, major) before a new section, "" for none. `crash` is the percussion pitch that opens a loud section
    (0: none); `effects` are among "riser", "impact" and "vinyl noise".
    """

    genre: str
    form: str
    kit: str
    grooves: tuple[Groove, ...]
    fills: tuple[Groove, ...]
    bass: BassLine
    layers: tuple[ChordLayer, ...]
    leads: tuple[Lead, ...]
    minor: tuple[str, ...]
    major: tuple[str, ...]
    cadences: tuple[str, str] = ("VII", "V")
    swing: float = 0.5
    swing_grid: float = 0.25
    loose_ms: float = 3.0
    snare_lag_ms: float = 0.0
    rolls: float = 0.0
    crash: int = 49
    effects: tuple[str, ...] = ()
    brightness: float = 0.5
    space: float = 0.35
    grit: float = 0.15
    drums_gain_db: float = 0.0
