"""Keys, scales and chords: the grammar that harmony, bass and melody share.

Pitch classes are 0 (C) to 11 (B); pitches are MIDI numbers (60 = middle C).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
MINOR_SCALE = (0, 2, 3, 5, 7, 8, 10)  # natural minor
MAJOR_PENTATONIC = (0, 2, 4, 7, 9)
MINOR_PENTATONIC = (0, 3, 5, 7, 10)

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "b": -1}
_KEY = re.compile(r"([A-Ga-g])([#♯b♭]?)\s*(m|M|(?i:min|minor|maj|major))?")
_NUMERAL = re.compile(r"(b?)(VII|VI|IV|V|III|II|I)(o?)(sus2|sus4|6)?", re.IGNORECASE)
_DEGREES = {"I": 0, "II": 1, "III": 2, "IV": 3, "V": 4, "VI": 5, "VII": 6}


@dataclass(frozen=True, slots=True)
class MusicalKey:
    """A major or minor key; `name` is the stored spelling, such as `Bb` or `F#m`; `tonic` is a pitch class."""

    name: str
    tonic: int
    minor: bool

    @property
    def scale(self) -> tuple[int, ...]:
        """The seven pitch classes, from the tonic up (natural minor in minor)."""
        return tuple((self.tonic + step) % 12 for step in (MINOR_SCALE if self.minor else MAJOR_SCALE))

    @property
    def pentatonic(self) -> tuple[int, ...]:
        """The five pitch classes that fit every chord of the key, from the tonic up."""
        return tuple((self.tonic + step) % 12 for step in (MINOR_PENTATONIC if self.minor else MAJOR_PENTATONIC))


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord as a root pitch class and the semitones above it, in thirds: (0, 3, 7, 10) is a minor seventh."""

    numeral: str
    root: int
    intervals: tuple[int, ...]

    @property
    def tones(self) -> tuple[int, ...]:
        """The chord's pitch classes, root first."""
        return tuple((self.root + interval) % 12 for interval in self.intervals)

    def of_size(self, size: int) -> Chord:
        """The same chord with at most `size` notes."""
        return self if len(self.intervals) <= size else Chord(self.numeral, self.root, self.intervals[:size])


def parse_key(text: str) -> MusicalKey:
    """Read a key in any accepted spelling (contract, section 4.2). Raises ValueError with a sentence for people."""
    match = _KEY.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError("A key is a letter A to G, perhaps with # or b, perhaps minor or major: 'Cm', 'F# major'.")
    letter = match[1].upper()
    accidental = {"♯": "#", "♭": "b"}.get(match[2], match[2])
    mode = match[3] or ""
    minor = mode == "m" or mode.lower() in ("min", "minor")
    tonic = (_LETTERS[letter] + _ACCIDENTALS[accidental]) % 12
    return MusicalKey(f"{letter}{accidental}{'m' if minor else ''}", tonic, minor)


@functools.lru_cache(maxsize=1024)
def chord(numeral: str, key: MusicalKey, size: int = 3) -> Chord:
    """Build the chord that a Roman numeral names in a key.

    Degrees count along the key's own scale, so `VI` in C minor is A flat; a leading `b` lowers the root (`bII`). The
    case decides the third (`IV` in minor is major), a trailing `o` diminishes, `sus2`, `sus4` and `6` are read.
    `size` is the number of stacked thirds to keep: 3 triad, 4 seventh, 5 ninth; upper notes come from the scale.
    """
    match = _NUMERAL.fullmatch(numeral)
    if match is None:
        raise ValueError(f"{numeral!r} is not a chord numeral.")
    flat, roman, diminished, suffix = match.groups()
    degree = _DEGREES[roman.upper()]
    root = (key.scale[degree] - (1 if flat else 0)) % 12
    stacked = [(key.scale[(degree + 2 * third) % 7] - root) % 12 for third in range(5)]
    third = 4 if roman.isupper() else 3
    fifth = 6 if diminished or (not flat and stacked[2] == 6) else 7
    seventh = 11 if flat else stacked[3]
    ninth = 14 if flat else 12 + stacked[4]
    if suffix == "sus2":
        return Chord(numeral, root, (0, 2, 7))
    if suffix == "sus4":
        return Chord(numeral, root, (0, 5, 7))
    if suffix == "6":
        return Chord(numeral, root, (0, third, fifth, 9))
    intervals = (0, third, fifth, seventh, ninth)[:size]
    dominant = third == 4 and seventh == 10
    # A flat ninth bites over anything but a dominant.
    return Chord(numeral, root, intervals[:4] if ninth == 13 and not dominant else intervals)


def ladder(pitch_classes: tuple[int, ...], low: int, high: int) -> list[int]:
    """All pitches of these classes from `low` to `high`, rising."""
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in pitch_classes]


def nearest(target: float, pitches: list[int]) -> int:
    """The pitch closest to `target`; the lower one of two equally close."""
    return min(pitches, key=lambda pitch: (abs(pitch - target), pitch))


def pitch_in(pitch_class: int, low: int) -> int:
    """The lowest pitch of this class that is not below `low`."""
    return low + (pitch_class - low) % 12
