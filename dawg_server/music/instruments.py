"""The instruments that scores and tracks can name, with their General MIDI programs (0 to 127)."""

from __future__ import annotations

PROGRAMS = {
    "808": 38,
    "sub bass": 38,
    "log drum": 117,
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
    "nylon guitar": 24,
    "muted guitar": 28,
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
    "trumpet": 56,
    "brass": 61,
    "music box": 10,
    "riser": 97,
    "impact": 127,
    "vinyl noise": 122,
}

KITS = (
    "kit",  # the usual one
    "kit trap",
    "kit lofi",
    "kit boom bap",
    "kit house",
    "kit acoustic",
    "kit jazz",
    "kit dnb",
    "kit techno",
    "kit dubstep",
    "kit rnb",
    "kit country",
)
DEFAULT = "grand piano"
NAMES = (*PROGRAMS, *KITS)
UNPITCHED = frozenset({"riser", "impact", "vinyl noise"})


def program(instrument: str) -> int:
    """The General MIDI program closest to an instrument; drum kits and unknown names get 0."""
    return PROGRAMS.get(instrument, 0)


def of_program(program: int, name: str, *, drums: bool = False) -> str:
    """The instrument closest to a General MIDI program (0 to 127); of several, the one that `name` speaks of."""
    spoken = spoken_of(name)
    if drums:
        return spoken if spoken in KITS else "kit"
    exact = [known for known, each in PROGRAMS.items() if each == program]
    if spoken in exact:
        return spoken
    return exact[-1] if exact else _FAMILIES[program // 8]


def kind(instrument: str) -> str:
    return "drums" if instrument in KITS else "noise" if instrument in UNPITCHED else "pitched"


def spoken_of(text: str) -> str | None:
    """The instrument that the name of a track or a clip speaks of."""
    text = text.lower()
    if named := [known for known in PROGRAMS if known in text]:
        return max(named, key=len)
    return next((instrument for word, instrument in _WORDS.items() if word in text), None)


_FAMILIES = (  # of eight programs each
    "grand piano",
    "vibraphone",
    "organ",
    "clean guitar",
    "finger bass",
    "strings",
    "strings",
    "brass",
    "saxophone",
    "flute",
    "lead synth",
    "pad",
    "pad",
    "pluck",
    "bell",
    "impact",
)
_WORDS = {  # the first that occurs decides
    "drum": "kit",
    "kit": "kit",
    "beat": "kit",
    "percussion": "kit",
    "hat": "kit",
    "kick": "kit",
    "snare": "kit",
    "bass": "finger bass",
    "rhodes": "electric piano",
    "organ": "organ",
    "guitar": "clean guitar",
    "string": "strings",
    "violin": "strings",
    "pad": "pad",
    "pluck": "pluck",
    "bell": "bell",
    "flute": "flute",
    "sax": "saxophone",
    "choir": "choir",
    "lead": "lead synth",
    "synth": "lead synth",
    "chord": "electric piano",
    "melody": "lead synth",
}
