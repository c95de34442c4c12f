"""The few words of a prompt that the engine understands; everything else in a prompt changes nothing.

- a mood from `moods.WORDS`: "dark", "dreamy", …
- an instrument: "piano", "guitar", "flute", … plays where its kind belongs (chords, melody or bass)
- "no" or "without" before drums, bass, chords, melody or an instrument leaves it out
- "soft", "gentle", "quiet" / "loud", "powerful"; "sparse", "simple" / "busy", "complex"; "dry" / "spacious";
  "clean" / "dusty", "vinyl", "distorted"; "straight" / "swing", "swung", "shuffle"
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dawg_server.music import moods

SWUNG = 0.62  # where "swing" puts the offbeat at least; a triplet would be 0.667

_STEM_WORDS = {
    "drums": "drums",
    "drum": "drums",
    "beat": "drums",
    "percussion": "drums",
    "bass": "bass",
    "bassline": "bass",
    "chords": "chords",
    "chord": "chords",
    "harmony": "chords",
    "melody": "melody",
    "lead": "melody",
    "melodies": "melody",
}

# Longer names stand before the names they contain.
_INSTRUMENT_WORDS = {
    "electric piano": ("chords", "electric piano"),
    "rhodes": ("chords", "electric piano"),
    "acoustic guitar": ("chords", "acoustic guitar"),
    "electric guitar": ("chords", "clean guitar"),
    "steel guitar": ("melody", "steel guitar"),
    "lead guitar": ("melody", "lead guitar"),
    "distorted guitar": ("chords", "overdriven guitar"),
    "overdriven guitar": ("chords", "overdriven guitar"),
    "guitar": ("chords", "acoustic guitar"),
    "piano": ("chords", "grand piano"),
    "strings": ("chords", "strings"),
    "violins": ("chords", "strings"),
    "organ": ("chords", "organ"),
    "pad": ("chords", "pad"),
    "pluck": ("chords", "pluck"),
    "supersaw": ("chords", "supersaw"),
    "flute": ("melody", "flute"),
    "saxophone": ("melody", "saxophone"),
    "sax": ("melody", "saxophone"),
    "vibraphone": ("melody", "vibraphone"),
    "music box": ("melody", "music box"),
    "choir": ("melody", "choir"),
    "bell": ("melody", "bell"),
    "bells": ("melody", "bell"),
    "synth": ("melody", "lead synth"),
    "808": ("bass", "808"),
    "upright bass": ("bass", "upright bass"),
    "double bass": ("bass", "upright bass"),
    "slap bass": ("bass", "finger bass"),
    "sub bass": ("bass", "sub bass"),
    "reese": ("bass", "reese bass"),
}

_LEANING_WORDS = {
    "soft": moods.Mood(energy=-0.4, brightness=-0.2),
    "gentle": moods.Mood(energy=-0.4, density=-0.2),
    "quiet": moods.Mood(energy=-0.5),
    "loud": moods.Mood(energy=0.4),
    "powerful": moods.Mood(energy=0.5),
    "sparse": moods.Mood(density=-0.6),
    "simple": moods.Mood(density=-0.4),
    "busy": moods.Mood(density=0.6),
    "complex": moods.Mood(density=0.5),
    "dry": moods.Mood(space=-0.6),
    "spacious": moods.Mood(space=0.5),
    "clean": moods.Mood(grit=-0.5),
    "dusty": moods.Mood(grit=0.5),
    "vinyl": moods.Mood(grit=0.5),
    "distorted": moods.Mood(grit=0.5),
}


@dataclass(frozen=True, slots=True)
class Steering:
    """What a prompt asked for. `swing` is None when the style decides."""

    mood: moods.Mood = moods.Mood()
    asked: tuple[tuple[str, str], ...] = ()
    without_stems: frozenset[str] = frozenset()
    without_instruments: frozenset[str] = frozenset()
    swing: float | None = None

    def instrument(self, stem: str) -> str | None:
        """The instrument asked for in a stem."""
        return next((name for asked_stem, name in self.asked if asked_stem == stem), None)


def read(prompt: str) -> Steering:
    """Understand what can be understood of a prompt."""
    text = " ".join(re.findall(r"[a-z0-9]+", prompt.lower()))
    stems, instruments = set[str](), set[str]()
    for word, stem in _STEM_WORDS.items():
        text, refused = re.subn(rf"\b(?:no|without)(?: any)? {word}\b(?! guitar| synth)", " ", text)
        if refused:
            stems.add(stem)
    for word, (_, name) in _INSTRUMENT_WORDS.items():
        text, refused = re.subn(rf"\b(?:no|without)(?: any)? {word}\b", " ", text)
        if refused:
            instruments.add(name)
    if len(stems) == len(set(_STEM_WORDS.values())):
        stems.discard("chords")
    return Steering(
        mood=moods.combine(moods.read(text), *(mood for word, mood in _LEANING_WORDS.items() if _has(text, word))),
        asked=_asked(text),
        without_stems=frozenset(stems),
        without_instruments=frozenset(instruments),
        swing=_swing(text),
    )


def _has(text: str, word: str) -> bool:
    return re.search(rf"\b{word}\b", text) is not None


def _asked(text: str) -> tuple[tuple[str, str], ...]:
    found = []
    for word, target in _INSTRUMENT_WORDS.items():
        text, times = re.subn(rf"\b{word}\b", " ", text)
        if times:
            found.append(target)
    return tuple(found)


def _swing(text: str) -> float | None:
    if any(_has(text, word) for word in ("swing", "swung", "shuffle")):
        return SWUNG
    return 0.5 if _has(text, "straight") else None
