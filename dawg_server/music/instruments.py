"""The instruments that a score can name, with their General MIDI programs (0 to 127)."""

from __future__ import annotations

PROGRAMS = {
    "808": 38,
    "sub bass": 38,
    "finger bass": 33,
    "picked bass": 34,
    "upright bass": 32,
    "reese bass": 39,
    "synth bass": 38,
    "house bass": 39,
    "wobble bass": 87,
    "grand piano": 0,
    "electric piano": 4,
    "pad": 89,
    "pluck": 45,
    "supersaw": 90,
    "strings": 48,
    "acoustic guitar": 25,
    "clean guitar": 27,
    "overdriven guitar": 29,
    "organ": 16,
    "house stab": 62,
    "lead synth": 81,
    "bell": 14,
    "flute": 73,
    "square lead": 80,
    "vibraphone": 11,
    "lead guitar": 30,
    "steel guitar": 26,
    "saxophone": 66,
    "choir": 52,
    "music box": 10,
    "riser": 97,
    "impact": 127,
    "vinyl noise": 122,
}

UNPITCHED = frozenset({"riser", "impact", "vinyl noise"})


def program(instrument: str) -> int:
    """The General MIDI program closest to an instrument; drum kits and unknown names get 0."""
    return PROGRAMS.get(instrument, 0)
