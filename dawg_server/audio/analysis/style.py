"""Genre, mood and feel, judged by what was measured, or the genre that somebody named."""

from __future__ import annotations

import functools
import json
import math
import re
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

import numpy as np

from dawg_server.audio import arrays
from dawg_server.audio.analysis import chroma, key, onsets, spectrum, tempo

GENRES = ("country", "pop", "rock", "rnb", "hip-hop", "indie", "folk", "jazz", "other")
SUB_HZ = 110.0  # kick and bass live below
LEAST_LIKELIHOOD = 0.3  # mean agreement with a genre's profile, 0..1; what fits no genre better is "other"

# The names that are answered, and common spellings, without blanks and marks: (genre, subgenre).
_NAMES: dict[str, tuple[str, str | None]] = {
    **{re.sub(r"[^a-z]", "", name): (name, None) for name in GENRES},
    "randb": ("rnb", None),
    "rb": ("rnb", None),
    "soul": ("rnb", "soul"),
    "rap": ("hip-hop", None),
    "trap": ("hip-hop", "trap"),
    "drill": ("hip-hop", "drill"),
    "boombap": ("hip-hop", "boom bap"),
    "lofi": ("hip-hop", "lo-fi"),
    "house": ("other", "house"),
    "techno": ("other", "techno"),
    "drumandbass": ("other", "drum and bass"),
    "dnb": ("other", "drum and bass"),
    "db": ("other", "drum and bass"),
    "drumnbass": ("other", "drum and bass"),
    "dandb": ("other", "drum and bass"),
    "edm": ("other", "edm"),
    "electronic": ("other", "edm"),
    "dubstep": ("other", "dubstep"),
}


@dataclass(frozen=True)
class Traits:
    """What genres differ in. `bpm`, `swing` None = unknown; `percussion` 0..1 share of untuned sound; `sub` 0..1 share
    of energy below SUB_HZ; `brightness` and `roughness` 0..1 as in timbre; `activity` onsets per second; `four` 0..1
    how evenly the low drum marks every beat; `loudness` mean level of the sounding parts in dBFS."""

    bpm: float | None
    swing: float | None
    percussion: float
    sub: float
    brightness: float
    roughness: float
    activity: float
    four: float | None
    loudness: float


def traits(
    spectra: spectrum.Spectra,
    found: onsets.Onsets,
    pulse: tempo.Tempo | None,
    swing: float | None,
    pitch_classes: chroma.Chroma,
    brightness: float,
    roughness: float,
) -> Traits:
    total = float(spectra.power.sum())
    low = float(spectra.power[: round(SUB_HZ * spectrum.WINDOW / spectrum.RATE)].sum())
    audible = spectra.audible
    power = float((spectra.rms[audible].astype(float) ** 2).mean())
    return Traits(
        bpm=pulse.bpm if pulse else None,
        swing=swing,
        percussion=1 - pitch_classes.tonality,
        sub=low / max(total, 1e-12),
        brightness=brightness,
        roughness=roughness,
        activity=found.per_second,
        four=_four_on_the_floor(found, pulse),
        loudness=10 * math.log10(power + 1e-12),
    )


def describe(
    measured: Traits, heard_key: key.KeyEstimate | None, pulse: tempo.Tempo | None, genre: str | None, mood: str | None
) -> dict[str, Any]:
    """The `style` of track metadata. A `genre` or `mood` that somebody named wins over the measured one."""
    named = named_genre(genre)
    judged, subgenre = named or measured_genre(measured)
    energy, valence = _energy(measured), _valence(measured, heard_key)
    return {
        "genre": judged,
        "subgenre": subgenre or _subgenre(judged, measured),
        "mood": mood.strip() if mood and mood.strip() else _mood(energy, valence),
        "energy": round(energy, 3),
        "danceability": _danceability(measured, pulse),
        "valence": None if valence is None else round(valence, 3),
        "source": "suggested" if named else "measured",
    }


def named_genre(text: str | None) -> tuple[str, str | None] | None:
    """(genre, subgenre) of a name as people write it; None for names that are none of a genre."""
    return _NAMES.get(re.sub(r"[^a-z]", "", text.lower().replace("&", "and"))) if text else None


def measured_genre(measured: Traits) -> tuple[str | None, str | None]:
    """(genre, subgenre) of the profile that agrees best, each trait compared by a bell curve; None without a pulse.

    The profiles (mean and spread of each trait) were measured on the embedded engine's music of every genre."""
    if measured.bpm is None:
        return None, None
    likelihoods = {name: _agreement(measured, profile) for name, profile in _profiles().items()}
    best = max(likelihoods, key=lambda name: likelihoods[name])
    if likelihoods[best] < LEAST_LIKELIHOOD:
        return "other", None
    genre, _, subgenre = best.partition("/")
    return genre, subgenre or None


@functools.cache
def _profiles() -> dict[str, dict[str, tuple[float, float]]]:
    text = resources.files(__package__).joinpath("genres.json").read_text("utf-8")
    return {
        name: {trait: (mean, spread) for trait, (mean, spread) in profile.items()}
        for name, profile in json.loads(text).items()
    }


def _agreement(measured: Traits, profile: dict[str, tuple[float, float]]) -> float:
    values = asdict(measured)
    logarithms = []
    for trait, (mean, spread) in profile.items():
        value = values[trait]
        if value is None:
            logarithms.append(-0.5)
        elif trait == "bpm":
            # Half and double tempo are common mistakes of ears and estimators alike, so they cost little.
            octaves = min(abs(math.log2(value / mean) + shift) + 0.08 * abs(shift) for shift in (-1, 0, 1))
            logarithms.append(-0.5 * min(9.0, (octaves / spread) ** 2))
        else:
            logarithms.append(-0.5 * min(9.0, ((value - mean) / spread) ** 2))
    return math.exp(sum(logarithms) / len(logarithms))


def _four_on_the_floor(found: onsets.Onsets, pulse: tempo.Tempo | None) -> float | None:
    if pulse is None or len(pulse.beats) < 8:
        return None
    frames = (pulse.beats * spectrum.FRAME_RATE).round().astype(int).clip(3, max(len(found.low) - 4, 3))
    marked = np.array([float(found.low[frame - 3 : frame + 4].max(initial=0)) for frame in frames])
    usual = float(np.percentile(marked, 80))
    return float((marked > 0.4 * usual).mean()) if usual > 0.5 else 0.0


def _energy(measured: Traits) -> float:
    return (
        0.4 * arrays.ramp(measured.loudness, -36, -9)
        + 0.3 * arrays.ramp(measured.activity, 0, 9)
        + 0.15 * measured.brightness
        + 0.15 * arrays.ramp(measured.percussion, 0.2, 0.8)
    )


def _valence(measured: Traits, heard_key: key.KeyEstimate | None) -> float | None:
    """Major and fast sound happy, minor and slow sad (Gabrielsson & Lindström 2010)."""
    parts = []
    if heard_key is not None:
        sign = 1 if heard_key.scale == "major" else -1
        parts.append((0.5 + 0.5 * sign * heard_key.confidence, 0.5))
    if measured.bpm is not None:
        parts.append((arrays.ramp(measured.bpm, 55, 165), 0.3))
    if not parts:
        return None
    parts.append((measured.brightness, 0.2))
    return sum(value * weight for value, weight in parts) / sum(weight for _, weight in parts)


def _danceability(measured: Traits, pulse: tempo.Tempo | None) -> float | None:
    if pulse is None:
        return None
    comfortable = math.exp(-0.5 * (math.log2(pulse.bpm / 116) / 0.45) ** 2)
    value = 0.35 * pulse.confidence + 0.2 * pulse.stability + 0.25 * comfortable
    return round(value + 0.1 * (measured.four or 0.0) + 0.1 * arrays.ramp(measured.sub, 0, 0.4), 3)


def _mood(energy: float, valence: float | None) -> str | None:
    """The quarter of the circumplex of affect (Russell 1980), with a calm middle."""
    if valence is None:
        return None
    if energy >= 0.6:
        return "upbeat" if valence >= 0.55 else "energetic" if valence >= 0.4 else "aggressive"
    if energy >= 0.4:
        return "warm" if valence >= 0.55 else "mellow" if valence >= 0.4 else "dark"
    return "hopeful" if valence >= 0.55 else "calm" if valence >= 0.4 else "melancholic"


def _subgenre(genre: str | None, measured: Traits) -> str | None:
    bpm, swing, four = measured.bpm, measured.swing or 0.0, measured.four or 0.0
    if genre is None or bpm is None:
        return None
    slow = bpm < 88
    named = {
        "hip-hop": "boom bap" if swing > 0.25 else None,
        "pop": "ballad" if slow else "dance pop" if four > 0.8 and bpm > 112 else None,
        "rock": "ballad" if slow else "hard rock" if measured.brightness > 0.65 else None,
        "country": "ballad" if slow else "country swing" if swing > 0.5 else None,
        "jazz": "swing" if swing > 0.5 else "bebop" if bpm > 170 else None,
        "rnb": "slow jam" if slow else None,
    }
    return named.get(genre)
