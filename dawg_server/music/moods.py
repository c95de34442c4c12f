"""What a mood changes: a small vocabulary of words, each a set of leanings that add up.

Moods are free text (contract, section 9.1). Every known word in the text counts; unknown words change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mood:
    """Leanings, each -1..1 with 0 for none, and the instruments that a mood prefers where a style offers them.

    `valence` picks darker or brighter progressions, `energy` loudness and layers, `density` notes per bar, `register`
    the height of melodies (1 is an octave); `brightness`, `space` and `grit` shade the sound. `colour` is a mode that
    tints the key now and then: "phrygian" or "dorian" in minor, "mixolydian" in major.
    """

    valence: float = 0.0
    energy: float = 0.0
    density: float = 0.0
    brightness: float = 0.0
    space: float = 0.0
    grit: float = 0.0
    register: float = 0.0
    colour: str = ""
    prefers: tuple[str, ...] = ()


NEUTRAL = Mood()

WORDS: dict[str, Mood] = {
    # dark
    "dark": Mood(-0.7, 0.0, -0.1, -0.4, 0.1, 0.1, -0.4, "phrygian", ("bell", "choir", "pad", "reese bass")),
    "menacing": Mood(-0.9, 0.1, -0.3, -0.3, 0.2, 0.2, -0.7, "phrygian", ("choir", "strings", "reese bass")),
    "cold": Mood(-0.5, -0.2, -0.4, -0.1, 0.4, -0.1, 0.5, "", ("bell", "pluck", "pad", "sub bass")),
    "sad": Mood(-0.8, -0.3, -0.3, -0.3, 0.2, 0.0, -0.2, "", ("grand piano", "strings")),
    "melancholic": Mood(-0.7, -0.2, -0.2, -0.2, 0.2, 0.0, -0.2, "", ("strings", "flute", "grand piano")),
    "wistful": Mood(-0.4, -0.1, -0.2, -0.1, 0.3, 0.0, 0.2, "", ("flute", "strings", "clean guitar")),
    "mysterious": Mood(-0.5, -0.1, -0.2, -0.2, 0.4, 0.0, 0.0, "phrygian", ("vibraphone", "bell", "pad")),
    # hard
    "aggressive": Mood(-0.5, 0.5, 0.4, 0.3, -0.2, 0.5, -0.3, "phrygian", ("square lead", "lead guitar", "reese bass")),
    "angry": Mood(-0.6, 0.5, 0.4, 0.2, -0.2, 0.5, -0.2, "phrygian", ("overdriven guitar", "square lead")),
    "heavy": Mood(-0.4, 0.4, 0.1, -0.1, -0.1, 0.5, -0.6, "", ("lead guitar", "reese bass", "wobble bass")),
    "intense": Mood(-0.3, 0.5, 0.5, 0.2, 0.0, 0.2, 0.0, "", ("strings", "supersaw", "reese bass")),
    "neurofunk": Mood(-0.6, 0.4, 0.5, 0.1, -0.1, 0.5, -0.5, "phrygian", ("reese bass", "square lead")),
    "industrial": Mood(-0.7, 0.3, 0.2, -0.1, 0.1, 0.7, -0.6, "phrygian", ("square lead", "house stab", "reese bass")),
    "gritty": Mood(-0.4, 0.2, 0.0, -0.3, -0.2, 0.6, -0.3, "dorian", ("upright bass", "organ", "strings")),
    "raw": Mood(-0.3, 0.2, -0.2, -0.1, -0.4, 0.5, -0.2, "", ("upright bass", "grand piano", "picked bass")),
    # high spirits
    "hype": Mood(0.0, 0.5, 0.5, 0.3, 0.0, 0.1, 0.3, "", ("square lead", "lead synth", "808")),
    "energetic": Mood(0.2, 0.4, 0.3, 0.2, 0.0, 0.0, 0.2, "", ("lead synth", "supersaw", "square lead")),
    "upbeat": Mood(0.5, 0.3, 0.3, 0.2, 0.0, 0.0, 0.2, "", ("grand piano", "clean guitar", "saxophone")),
    "catchy": Mood(0.4, 0.2, 0.1, 0.3, 0.0, 0.0, 0.4, "", ("pluck", "bell")),
    "bright": Mood(0.7, 0.2, 0.1, 0.5, 0.1, -0.1, 0.6, "", ("bell", "pluck", "acoustic guitar")),
    "uplifting": Mood(0.7, 0.3, 0.1, 0.3, 0.3, -0.1, 0.4, "", ("strings", "supersaw", "grand piano")),
    "happy": Mood(0.9, 0.2, 0.2, 0.3, 0.0, -0.1, 0.3, "", ("acoustic guitar", "bell")),
    "hopeful": Mood(0.5, 0.0, 0.0, 0.2, 0.2, 0.0, 0.3, "", ("strings", "grand piano", "flute")),
    "festival": Mood(0.5, 0.5, 0.4, 0.3, 0.3, 0.1, 0.2, "", ("supersaw", "square lead")),
    "euphoric": Mood(0.8, 0.4, 0.2, 0.4, 0.5, 0.0, 0.6, "", ("supersaw", "pad", "choir")),
    "groovy": Mood(0.2, 0.1, 0.5, 0.0, -0.1, 0.1, 0.0, "dorian", ("electric piano", "organ", "finger bass")),
    "funky": Mood(0.2, 0.2, 0.6, 0.1, -0.2, 0.1, 0.0, "dorian", ("organ", "clean guitar", "finger bass")),
    "epic": Mood(-0.1, 0.5, 0.1, 0.1, 0.6, 0.0, 0.0, "", ("strings", "choir")),
    # calm
    "chill": Mood(0.1, -0.3, -0.2, -0.2, 0.1, 0.1, 0.0, "", ("electric piano", "vibraphone")),
    "relaxed": Mood(0.3, -0.4, -0.4, -0.1, 0.1, 0.0, -0.1, "", ("clean guitar", "electric piano")),
    "calm": Mood(0.2, -0.5, -0.4, -0.2, 0.3, -0.1, 0.0, "", ("pad", "grand piano", "flute")),
    "peaceful": Mood(0.4, -0.5, -0.4, -0.1, 0.4, -0.1, 0.2, "", ("pad", "flute", "acoustic guitar")),
    "dreamy": Mood(0.2, -0.2, -0.2, 0.0, 0.6, 0.0, 0.5, "", ("music box", "pad", "bell")),
    "intimate": Mood(0.0, -0.4, -0.4, -0.2, -0.1, 0.0, -0.3, "", ("flute", "acoustic guitar")),
    "minimal": Mood(0.0, -0.2, -0.7, 0.0, 0.0, -0.1, 0.0, "", ("pluck", "sub bass")),
    "hypnotic": Mood(-0.2, 0.0, 0.1, -0.1, 0.4, 0.1, 0.0, "", ("pluck", "bell")),
    "deep": Mood(-0.3, -0.2, -0.2, -0.4, 0.3, 0.0, -0.5, "dorian", ("electric piano", "sub bass", "pad")),
    "liquid": Mood(0.4, -0.1, 0.0, 0.0, 0.4, -0.2, 0.2, "", ("electric piano", "pad", "sub bass", "flute")),
    # warm
    "warm": Mood(0.4, -0.1, 0.0, -0.2, 0.1, 0.1, -0.1, "", ("acoustic guitar", "upright bass", "organ")),
    "smooth": Mood(0.2, -0.2, -0.1, -0.2, 0.2, -0.1, -0.1, "", ("electric piano", "saxophone", "vibraphone")),
    "sensual": Mood(-0.2, -0.3, -0.2, -0.3, 0.3, 0.0, -0.3, "dorian", ("pad", "saxophone", "electric piano")),
    "romantic": Mood(0.3, -0.2, -0.1, -0.1, 0.3, -0.1, 0.1, "", ("strings", "grand piano")),
    "heartfelt": Mood(0.2, -0.2, -0.1, 0.0, 0.2, 0.0, 0.2, "", ("grand piano", "steel guitar", "strings")),
    "emotional": Mood(-0.2, 0.0, 0.0, 0.0, 0.4, 0.0, 0.2, "", ("grand piano", "strings")),
    "melodic": Mood(0.3, 0.0, 0.2, 0.1, 0.4, -0.2, 0.4, "", ("supersaw", "bell", "lead synth")),
    "soulful": Mood(0.1, 0.0, 0.1, -0.1, 0.1, 0.1, 0.0, "dorian", ("organ", "electric piano", "finger bass")),
    "nostalgic": Mood(0.0, -0.1, -0.1, -0.4, 0.2, 0.3, 0.1, "", ("music box", "vibraphone", "steel guitar")),
    # eras and schools
    "classic": Mood(0.1, 0.1, 0.1, -0.1, -0.1, 0.2, 0.0, "mixolydian", ("grand piano", "organ", "upright bass")),
    "golden era": Mood(0.2, 0.1, 0.2, -0.2, 0.0, 0.4, 0.3, "dorian", ("vibraphone", "saxophone", "upright bass")),
    "modern": Mood(-0.1, 0.1, -0.2, 0.3, 0.1, -0.2, 0.2, "", ("pluck", "bell", "808", "sub bass")),
    "jazzy": Mood(0.2, 0.0, 0.2, -0.1, 0.0, 0.1, 0.1, "dorian", ("saxophone", "electric piano", "upright bass")),
    "bebop": Mood(0.1, 0.3, 0.7, 0.1, -0.2, 0.1, 0.3, "", ("saxophone", "grand piano")),
    "fusion": Mood(0.0, 0.3, 0.4, 0.3, 0.1, 0.1, 0.1, "dorian", ("electric piano", "clean guitar", "finger bass")),
    "indie": Mood(0.1, -0.1, -0.1, 0.1, 0.3, 0.1, 0.2, "mixolydian", ("clean guitar", "organ", "finger bass")),
}

_LIMIT = 1.0
_LEANINGS = ("valence", "energy", "density", "brightness", "space", "grit", "register")


def read(text: str, without: Collection[str] = ()) -> Mood:
    """The sum of all known moods in a text but those of `without`; the first one that has a colour gives it."""
    plain = re.sub(r"[^a-z]+", " ", text.lower())
    # Sorted by place in the text, so that the first word's instruments come first.
    found = sorted(
        (match.start(), word)
        for word in WORDS
        if word not in without and (match := re.search(rf"\b{word}(?:ly|er|ness)?\b", plain))
    )
    return combine(*(WORDS[word] for _, word in found))


def scaled(mood: Mood, factor: float) -> Mood:
    """The leanings alone, all of them times `factor`."""
    return Mood(**{name: factor * getattr(mood, name) for name in _LEANINGS})


def combine(*moods: Mood) -> Mood:
    """Add leanings, each held within -1..1, and line up preferences in order."""
    sums = {name: sum(getattr(mood, name) for mood in moods) for name in _LEANINGS}
    held = {name: max(-_LIMIT, min(_LIMIT, value)) for name, value in sums.items()}
    return Mood(
        **held,
        colour=next((mood.colour for mood in moods if mood.colour), ""),
        prefers=tuple(dict.fromkeys(name for mood in moods for name in mood.prefers)),
    )
