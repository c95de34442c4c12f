"""How clips fit together: relationships and conflicts of every pair. Needs no numpy."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any, Literal

Kinship = Literal["same", "related", "apart"]

# Differences of tempo in bpm, after folding; differences of energy 0..1.
TEMPO_ALIKE, TEMPO_NEAR, TEMPO_FAR = 2.0, 5.0, 20.0
ENERGY_ALIKE, ENERGY_FAR = 0.2, 0.5
FAMILIES = {
    "country": "roots",
    "folk": "roots",
    "pop": "band",
    "rock": "band",
    "indie": "band",
    "rnb": "urban",
    "hip-hop": "urban",
    "jazz": "jazz",
}
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
_KEY = re.compile(r"\s*([A-Ga-g])([#♯b♭]?)\s*(.*?)\s*$")


def summarize(
    clip_id: str, clip_name: str, metadata: dict[str, Any], duration: float, suggested_type: str | None = None
) -> dict[str, Any]:
    """One entry of `clips[]` from track metadata. `duration` in seconds; `suggested_type`
    vocal or instrument says what the clip is, otherwise the measurement does."""
    rhythm, style = metadata.get("rhythmCharacteristics") or {}, metadata.get("style") or {}
    vocal = metadata.get("vocalCharacteristics")
    return {
        "clipId": clip_id,
        "clipName": clip_name,
        "bpm": rhythm.get("bpm"),
        "key": rhythm.get("key"),
        "scale": rhythm.get("scale"),
        "energy": style.get("energy"),
        "isVocal": suggested_type == "vocal" if suggested_type else vocal is not None,
        "duration": duration,
        "vocalCharacteristics": vocal,
        "rhythmCharacteristics": rhythm,
        "style": style,
    }


def compare(clips: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """`{relationships, conflicts}` of entries as `summarize` makes them, looking at every pair."""
    pairs = list(itertools.combinations(clips, 2))
    return {
        "relationships": [relationship(one, other) for one, other in pairs],
        "conflicts": [conflict for one, other in pairs for conflict in conflicts(one, other)],
    }


def relationship(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """What is unknown adds nothing to the score, which begins at 0.5."""
    score, reasons = 0.5, []

    def add(points: float, reason: str) -> None:
        nonlocal score
        score += points
        reasons.append(reason)

    tempo = tempo_difference(one.get("bpm"), other.get("bpm"))
    if tempo is not None:
        if tempo <= TEMPO_ALIKE:
            add(0.3, f"The tempos match ({_tempos(one, other)}).")
        elif tempo <= TEMPO_NEAR:
            add(0.1, f"The tempos are close ({_tempos(one, other)}).")
        elif tempo > TEMPO_FAR:
            add(-0.2, f"The tempos are far apart ({_tempos(one, other)}).")
    keys = kinship(_key(one), _key(other))
    if keys == "same":
        add(0.3, f"Both are in {_key_name(one)}.")
    elif keys == "related":
        add(0.2, f"{_key_name(one)} and {_key_name(other)} are related keys.")
    elif keys == "apart":
        add(-0.1, f"{_key_name(one)} and {_key_name(other)} are not related keys.")
    energy = _difference(one.get("energy"), other.get("energy"))
    if energy is not None:
        if energy <= ENERGY_ALIKE:
            add(0.1, "Their energy is alike.")
        elif energy > ENERGY_FAR:
            add(0.05, "Their energy contrasts.")
    if one.get("isVocal") is not None and other.get("isVocal") is not None and one["isVocal"] != other["isVocal"]:
        add(0.1, "A voice goes with an instrument.")
    score = round(min(1.0, max(0.0, score)), 4)
    return {
        "clipId1": one["clipId"],
        "clipId2": other["clipId"],
        "relationshipType": _relationship_type(score),
        "score": score,
        "reasons": reasons,
    }


def conflicts(one: dict[str, Any], other: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that stands between two clips, whatever their relationship is called."""
    found: list[dict[str, Any]] = []

    def add(kind: str, severity: str, description: str, suggestion: str) -> None:
        found.append(
            {
                "clipIds": [one["clipId"], other["clipId"]],
                "conflictType": kind,
                "severity": severity,
                "description": description,
                "suggestion": suggestion,
            }
        )

    tempo = tempo_difference(one.get("bpm"), other.get("bpm"))
    if tempo is not None and tempo > TEMPO_FAR:
        add(
            "tempo-mismatch",
            "high",
            f"{_names(one, other)} are {_tempos(one, other)}.",
            "Stretch one of them to the other's tempo.",
        )
    if kinship(_key(one), _key(other)) == "apart":
        add(
            "key-clash",
            "medium",
            f"{_names(one, other)} are in {_key_name(one)} and {_key_name(other)}.",
            "Transpose one of them, or keep them from sounding together.",
        )
    energy = _difference(one.get("energy"), other.get("energy"))
    if energy is not None and energy > ENERGY_FAR:
        add(
            "energy-mismatch",
            "low",
            f"{_names(one, other)} have an energy of {one['energy']} and {other['energy']}.",
            "Put them into different sections, or level them with volume and compression.",
        )
    families = _family(one), _family(other)
    if None not in families and families[0] != families[1]:
        add(
            "style-clash",
            "low",
            f"{_names(one, other)} are {one['style']['genre']} and {other['style']['genre']}.",
            "Choose sounds that belong to both, or make the contrast the idea.",
        )
    return found


def tempo_difference(one: float | None, other: float | None) -> float | None:
    """bpm between two tempos, where half and double time count as the same tempo; None when one is unknown."""
    if one is None or other is None:
        return None
    return round(min(abs(one - other), abs(2 * one - other), abs(one - 2 * other)), 6)


def pitch_class(key: str | None, scale: str | None = None) -> tuple[int, str] | None:
    """(semitones above C, major or minor) of `F#` with a scale, or of `F#m`; None when either is unknown."""
    match = _KEY.match(key) if key else None
    if match is None:
        return None
    letter, accidental, mode = match.groups()
    if scale is None:
        scale = "major" if mode in ("", "M") else "minor" if mode.lower() in ("m", "min", "minor") else "major"
    return (_LETTERS[letter.upper()] + _ACCIDENTALS[accidental]) % 12, scale.lower()


def kinship(one: tuple[int, str] | None, other: tuple[int, str] | None) -> Kinship | None:
    """Same, related (relative major and minor, or a fifth apart in one mode), apart; None when one is unknown."""
    if one is None or other is None:
        return None
    if one == other:
        return "same"
    interval = (other[0] - one[0]) % 12
    if one[1] == other[1]:
        return "related" if interval in (5, 7) else "apart"
    return "related" if interval == (9 if one[1] == "major" else 3) else "apart"


def _key(clip: dict[str, Any]) -> tuple[int, str] | None:
    return pitch_class(clip.get("key"), clip.get("scale"))


def _key_name(clip: dict[str, Any]) -> str:
    key = _key(clip)
    return f"{clip['key']} {key[1]}" if key and clip.get("scale") else str(clip["key"])


def _relationship_type(score: float) -> str:
    if score >= 0.7:
        return "complementary"
    if score >= 0.5:
        return "matching"
    return "conflicting" if score <= 0.3 else "neutral"


def _family(clip: dict[str, Any]) -> str | None:
    style = clip.get("style") or {}
    return FAMILIES.get(style.get("genre") or "")


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else round(abs(one - other), 6)


def _tempos(one: dict[str, Any], other: dict[str, Any]) -> str:
    return f"{one['bpm']:g} and {other['bpm']:g} bpm"


def _names(one: dict[str, Any], other: dict[str, Any]) -> str:
    return f"“{one.get('clipName') or one['clipId']}” and “{other.get('clipName') or other['clipId']}”"
