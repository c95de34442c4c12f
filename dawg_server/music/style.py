"""What a genre is made of, as its file in `styles/` says it: grooves, bass patterns, chord layers, leads, line-ups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lane:
    """One drum's pattern (`rhythm` explains the symbols); it plays where the section's energy is in the range."""

    pitch: int
    pattern: str
    energy: float = 0.45
    until: float = 1.01


Fill = tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class Groove:
    """A drum pattern with the name under which a report says that it was drawn."""

    name: str
    lanes: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class BassPattern:
    """What the bass plays in calm and in loud sections (`bass` explains the symbols), or "walk" for a walking line."""

    name: str
    calm: str
    loud: str


@dataclass(frozen=True, slots=True)
class BassLine:
    """`low` is the lowest root, a MIDI number; `slides` the chance that a long note glides, for each bar of a cycle."""

    patterns: tuple[BassPattern, ...]
    low: int = 33
    energy: float = 0.45
    slides: float = 0.0
    gain_db: float = 0.0


@dataclass(frozen=True, slots=True)
class ChordLayer:
    """Chords as one role plays them: patterns from sparse to busy (`comping` explains the symbols).

    `size` counts stacked thirds (3 triad, 4 seventh, 5 ninth); `voicing` is one of `voicing.KINDS`.
    """

    patterns: tuple[str, ...]
    voicing: str = "close"
    size: int = 3
    low: int = 53
    high: int = 76
    energy: float = 0.0
    until: float = 1.01
    gain_db: float = 0.0
    pan: float = 0.0


@dataclass(frozen=True, slots=True)
class Lead:
    """A melody: one-bar rhythm cells from sparse to busy (`x` note, `-` held, `.` rest) and plans such as "ASAZ".

    A plan orders two-bar ideas over eight bars (`melody` explains the letters). `solo_cells` are for sections named
    "solo". `scale` is "diatonic" or "pentatonic".
    """

    cells: tuple[str, ...]
    plans: tuple[str, ...]
    low: int = 65
    high: int = 84
    scale: str = "diatonic"
    energy: float = 0.6
    gain_db: float = 0.0
    pan: float = 0.0
    solo_cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LineUp:
    """Who plays: an instrument for "bass" and for some of the style's layers and leads. Other roles are silent."""

    name: str
    instruments: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GenreStyle:
    """A genre as the composer plays it.

    `swing` is where the second of two notes falls within their pair (0.5 straight, 0.667 triplet) and `swing_grid` the
    length of each in beats; `loose_ms` is the spread of human timing, `snare_lag_ms` how far behind the beat the
    backbeat sits; `rolls` is how many bars of eight have a hat roll, 0..1. Progressions go from dark to bright;
    `contrasts` (in minor, in major) are those of bridges, `farewells` of outros; `cadences` are the chords before a new
    section, "" for none, `turnarounds` the progressions of sections of that name, "" for the piece's own. `crash` is
    the percussion pitch that opens a loud section (0: none);
    `effects` are among "riser", "impact" and "vinyl noise"; `forms` names a family of `arrangement.FORMS`.
    """

    genre: str
    forms: str
    kits: tuple[str, ...]
    grooves: tuple[Groove, ...]
    fills: tuple[Fill, ...]
    bass: BassLine
    layers: Mapping[str, ChordLayer]
    leads: Mapping[str, Lead]
    lineups: tuple[LineUp, ...]
    minor: tuple[str, ...]
    major: tuple[str, ...]
    contrasts: tuple[tuple[str, ...], tuple[str, ...]]
    farewells: tuple[str, str]
    cadences: tuple[str, str] = ("VII", "V")
    turnarounds: tuple[str, str] = ("", "")
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

    def progressions(self, minor: bool) -> tuple[str, ...]:
        return self.minor if minor else self.major
