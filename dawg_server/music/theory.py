"""Keys, scales and chords: the grammar that harmony, bass and melody share.

Pitch classes are 0 (C) to 11 (B); pitches are MIDI numbers (60 = middle C).
"""

from __future__ import annotations

import dataclasses
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
_CHORD = re.compile(r"([A-G])([#♯b♭]?)([^/\s]*(?:/9)?)(?:/([A-G])([#♯b♭]?))?")
_NUMERAL = re.compile(r"(b?)(VII|VI|IV|V|III|II|I)(o?)(sus2|sus4|6|7)?", re.IGNORECASE)
_QUALITIES: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {  # as they are written, and as else they are read
    "": ((0, 4, 7), ("maj", "M")),
    "m": ((0, 3, 7), ("min", "mi", "-")),
    "dim": ((0, 3, 6), ("o", "°")),
    "aug": ((0, 4, 8), ("+",)),
    "(b5)": ((0, 4, 6), ("maj(b5)",)),
    "5": ((0, 7, 12), ()),
    "sus2": ((0, 2, 7), ()),
    "sus4": ((0, 5, 7), ("sus",)),
    "6": ((0, 4, 7, 9), ("maj6", "M6")),
    "m6": ((0, 3, 7, 9), ("min6", "-6")),
    "7": ((0, 4, 7, 10), ("dom7",)),
    "maj7": ((0, 4, 7, 11), ("M7", "ma7", "Δ", "Δ7")),
    "m7": ((0, 3, 7, 10), ("min7", "mi7", "-7")),
    "mMaj7": ((0, 3, 7, 11), ("mM7", "m(maj7)", "-Δ7")),
    "dim7": ((0, 3, 6, 9), ("o7", "°7")),
    "m7b5": ((0, 3, 6, 10), ("ø", "ø7", "min7b5", "m7(b5)")),
    "mMaj7b5": ((0, 3, 6, 11), ()),
    "aug7": ((0, 4, 8, 10), ("7#5", "+7")),
    "augMaj7": ((0, 4, 8, 11), ("maj7#5",)),
    "7b5": ((0, 4, 6, 10), ()),
    "maj7b5": ((0, 4, 6, 11), ()),
    "7sus4": ((0, 5, 7, 10), ("7sus",)),
    "add9": ((0, 4, 7, 14), ("2", "add2")),
    "madd9": ((0, 3, 7, 14), ("m(add9)",)),
    "6/9": ((0, 4, 7, 9, 14), ("69",)),
    "m6/9": ((0, 3, 7, 9, 14), ("m69",)),
    "9": ((0, 4, 7, 10, 14), ()),
    "maj9": ((0, 4, 7, 11, 14), ("M9", "Δ9")),
    "m9": ((0, 3, 7, 10, 14), ("min9", "-9")),
    "mMaj9": ((0, 3, 7, 11, 14), ("mM9",)),
    "9sus4": ((0, 5, 7, 10, 14), ("9sus", "11sus")),
    "m9b5": ((0, 3, 6, 10, 14), ()),
    "7b9": ((0, 4, 7, 10, 13), ("7(b9)",)),
    "7#9": ((0, 4, 7, 10, 15), ("7(#9)",)),
    "7b5b9": ((0, 4, 6, 10, 13), ()),
    "9b5": ((0, 4, 6, 10, 14), ()),
    "maj9b5": ((0, 4, 6, 11, 14), ()),
    "7#11": ((0, 4, 7, 10, 18), ()),
    "maj7#11": ((0, 4, 7, 11, 18), ()),
    "11": ((0, 4, 7, 10, 14, 17), ()),
    "m11": ((0, 3, 7, 10, 14, 17), ("min11", "-11")),
    "13": ((0, 4, 7, 10, 14, 21), ()),
    "maj13": ((0, 4, 7, 11, 14, 21), ("M13",)),
    "m13": ((0, 3, 7, 10, 14, 21), ("min13",)),
}
_SPELLINGS = {spelling: name for name, (_, others) in _QUALITIES.items() for spelling in (name, *others)}
_NAMED = {intervals: name for name, (intervals, _) in _QUALITIES.items()}
_SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLATS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_FLAT_KEYS = frozenset({"F", "Dm", "Gm", "Cm", "Fm", "Bbm", "Ebm"})  # besides the major ones that are flat by name
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
    """A chord as a root pitch class and the semitones above it, in thirds: (0, 3, 7, 10) is a minor seventh.

    `over`: the pitch class in the bass, where it is not the root.
    """

    numeral: str
    root: int
    intervals: tuple[int, ...]
    over: int | None = None

    @property
    def bass(self) -> int:
        return self.root if self.over is None else self.over

    @property
    def tones(self) -> tuple[int, ...]:
        """The chord's pitch classes, root first."""
        return tuple((self.root + interval) % 12 for interval in self.intervals)

    def of_size(self, size: int) -> Chord:
        """The same chord with at most `size` notes."""
        return self if len(self.intervals) <= size else dataclasses.replace(self, intervals=self.intervals[:size])

    def symbol(self, key: MusicalKey) -> str:
        """Such as `Cm7/G`, with the accidentals of a key; of a chord without a name the triad below."""
        quality = next(found for size in (6, 4, 3) if (found := _NAMED.get(self.intervals[:size])) is not None)
        names = _FLATS if "b" in key.name or key.name in _FLAT_KEYS else _SHARPS
        return names[self.root] + quality + (f"/{names[self.over]}" if self.over is not None else "")


def parse_key(text: str) -> MusicalKey:
    """Read a key in any accepted spelling. Raises ValueError with a sentence for people."""
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
def parse_chord(text: str) -> tuple[str, Chord]:
    """(the symbol as it is stored, the chord) of `Cm7/G`, in any usual spelling. Raises ValueError."""
    match = _CHORD.fullmatch(text.strip())
    if match is None or (quality := _SPELLINGS.get(match[3].replace("♯", "#").replace("♭", "b"))) is None:
        raise ValueError("A chord is a letter A to G, perhaps with # or b, and its kind: 'C', 'F#m7', 'Bbmaj9/D'.")
    (root, name), over = _note(match[1], match[2]), _note(match[4], match[5]) if match[4] else None
    symbol = name + quality + (f"/{over[1]}" if over else "")
    return symbol, Chord("", root, _QUALITIES[quality][0], over[0] if over and over[0] != root else None)


def _note(letter: str, accidental: str) -> tuple[int, str]:
    plain = {"♯": "#", "♭": "b"}.get(accidental, accidental)
    return (_LETTERS[letter] + _ACCIDENTALS[plain]) % 12, letter + plain


@functools.lru_cache(maxsize=1024)
def chord(numeral: str, key: MusicalKey, size: int = 3) -> Chord:
    """Build the chord that a Roman numeral names in a key.

    Degrees count along the key's own scale, so `VI` in C minor is A flat; a leading `b` lowers the root (`bII`). The
    case decides the third (`IV` in minor is major), a trailing `o` diminishes, `sus2`, `sus4` and `6` are read, and `7`
    makes the seventh a minor one, as a blues has it on every chord.
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
    seventh = 10 if suffix == "7" else 11 if flat else stacked[3]
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
