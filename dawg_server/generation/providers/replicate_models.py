"""Which model does what at Replicate, and in which words it is asked: `replicate_models.json`, read once.

A version's field names are a contract with that version alone, so versions are pinned beside them.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dawg_server.generation.providers import prompts

UNKNOWN_LENGTH = 240.0  # seconds; a song, for the estimate of a separation


@dataclass(frozen=True, slots=True)
class ReplicateOrder:
    """One purchase: what is asked of which version. `warnings` say where it differs from the request."""

    model: str
    version: str
    input: dict[str, Any]
    warnings: tuple[str, ...] = ()
    duration: float | None = None  # seconds of audio that will come


@functools.cache
def models() -> Mapping[str, Any]:
    text = importlib.resources.files(__package__).joinpath("replicate_models.json").read_text("utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


def model_for(type: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = models()["stems" if type == "stems" else "music"]
    return found


def music_order(request: Mapping[str, Any]) -> ReplicateOrder:
    """An instrumental from MusicGen, which makes one piece of limited length."""
    model = model_for("music")
    asked = request.get("duration") or model["max_seconds"]
    duration = min(asked, model["max_seconds"])
    words, cut = prompts.describe(request, model["max_prompt"], "instrumental")
    warnings = []
    if duration < asked:
        warnings.append(f"{asked:g} s were asked for; MusicGen makes at most {model['max_seconds']} s at once.")
    if cut:
        warnings.append("Your words were too many for MusicGen and were cut.")
    values = {"prompt": words, "duration": round(duration), "seed": request["seed"]}
    return ReplicateOrder(
        model["model"], model["version"], _fields(model, values) | model["fixed"], tuple(warnings), round(duration)
    )


def stems_order(request: Mapping[str, Any], audio_url: str) -> ReplicateOrder:
    """A separation by Demucs of the audio behind a link that Replicate can read."""
    model = model_for("stems")
    quality = model["qualities"][request["quality"]]
    six = model["six_stems"]
    name = six["model"] if set(request["stemTypes"]) & set(six["names"]) else quality["model"]
    values = {
        "audio": audio_url,
        "model": name,
        "shifts": quality["shifts"],
        "format": model["formats"][request["outputFormat"]],
    }
    return ReplicateOrder(model["model"], model["version"], _fields(model, values) | model["fixed"])


def predict_seconds(type: str, request: Mapping[str, Any]) -> float:
    """The most seconds of computing that a job should take, for the estimate of its cost."""
    expected = model_for(type)["predict_seconds"]
    length = request.get("duration") or (UNKNOWN_LENGTH if type == "stems" else model_for("music")["max_seconds"])
    if type != "stems":
        length = min(length, model_for("music")["max_seconds"])
    return float(expected["start"] + expected["per_second"] * length)


def _fields(model: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return {model["fields"][name]: value for name, value in values.items()}
