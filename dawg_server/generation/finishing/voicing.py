"""Which instrument plays the notes of a track: the one that its name speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server.music import instruments

DEFAULT = "grand piano"
DRUMS = "kit"  # the embedded engine's usual kit
_WORDS = {  # the first that occurs decides
    "drum": DRUMS,
    "kit": DRUMS,
    "beat": DRUMS,
    "percussion": DRUMS,
    "hat": DRUMS,
    "kick": DRUMS,
    "snare": DRUMS,
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


def instrument(track: Mapping[str, Any], clip: Mapping[str, Any]) -> str:
    """The name of an instrument of the embedded engine; `metadata.instrument` of the track wins when it is one."""
    wanted = (track.get("metadata") or {}).get("instrument")
    if isinstance(wanted, str) and (wanted.lower() in instruments.PROGRAMS or wanted.lower().startswith(DRUMS)):
        return wanted.lower()
    for name in (str(clip.get("name") or ""), str(track.get("name") or "")):
        text = name.lower()
        named = [known for known in instruments.PROGRAMS if known in text]
        if named:
            return max(named, key=len)
        found = next((sound for word, sound in _WORDS.items() if word in text), None)
        if found:
            return found
    return DEFAULT
