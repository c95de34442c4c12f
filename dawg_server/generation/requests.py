"""Requests for music, resolved: who makes it, what is decided where the caller did not, and what is odd about it.

Which provider does a job, and what it can do, stands in section 5 of the contract.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from dawg_server import errors
from dawg_server.generation.providers.base import Provider
from dawg_server.music import genres, prompt_hints

ORDER = {
    "beat": ("replicate", "suno", "embedded"),
    "music": ("suno", "replicate", "embedded"),
    "stems": ("replicate", "local"),
    "vocals": ("suno",),
    "melody": ("embedded",),
    "part": ("embedded",),
}
KEYS = {"replicate": "REPLICATE_API_KEY", "suno": "SUNO_API_KEY"}
SINGERS = ("suno",)
SEEDS = 2**31
LONGEST = 300.0  # seconds
WHOLE_BARS = 0.02  # seconds by which a duration may miss whole bars that are meant
ENDING_FROM = 24.0  # seconds; a piece of whole bars that is shorter is a loop, unless an ending is asked for
DEFAULT_GENRE = "pop"
DEFAULT_KEY = "C"
DEFAULT_DURATION = 60.0  # seconds, for makers that have to know a length
NOBODY_SINGS_ALONE = (
    "No vocals are made alone here. Have a song sung with POST /api/generate/music {prompt, lyrics} (SUNO_API_KEY), or "
    'take the voice out of a recording with {audioFileId, stemTypes: ["vocals"]}.'
)
HALF_AND_DOUBLE = (1.0, 2.0, 0.5)  # counts of the same tempo
TEMPO_TOLERANCE = 0.03
LENGTH_TOLERANCE = 1.0  # seconds


class Providers:
    """The providers of this server. The embedded engine is never a substitute: it is chosen here or not at all."""

    def __init__(self, *providers: Provider) -> None:
        self.by_name: Mapping[str, Provider] = {provider.name: provider for provider in providers}

    def able(self, type: str, *, sung: bool = False) -> bool:
        """Whether a job of that type can be done here; `sung`: with vocals."""
        return any(name in self.by_name for name in _able(type, {"instrumental": not sung}))

    def choose(self, type: str, wanted: str, request: Mapping[str, Any]) -> str:
        """The name of the provider.

        Raises `ProviderUnconfigured` when the one that is needed has no key, and `ValidationError` when the wanted one
        cannot do this at all.
        """
        able = _able(type, request)
        if wanted == "auto":
            found = next((name for name in able if name in self.by_name), None)
            if found is None:
                raise errors.ProviderUnconfigured(_work(type, request), *(KEYS[name] for name in able if name in KEYS))
            return found
        if wanted not in able:
            sentence = f"cannot do this; {' or '.join(able)} can"
            raise errors.ValidationError(f"provider {wanted} {sentence}.", details={"provider": sentence})
        if wanted not in self.by_name:
            raise errors.ProviderUnconfigured(f"Generating with {wanted}", *([KEYS[wanted]] if wanted in KEYS else []))
        return wanted

    def after(self, type: str, refused: str, request: Mapping[str, Any]) -> str | None:
        """Whom to ask instead of one that has refused and charged nothing; only `auto` asks anybody else."""
        able = _able(type, request)
        if request.get("provider", "auto") != "auto" or refused not in able:
            return None
        following = able[able.index(refused) + 1 :]
        return next((name for name in following if name in self.by_name and name != "embedded"), None)


class Length(NamedTuple):
    """`bars` is None for a duration that is not whole bars; `duration` in seconds; without an `ending` it is a loop."""

    bars: int | None
    duration: float
    ending: bool


def length(
    bpm: float, duration: float, bars: int | None = None, ending: bool | None = None, beats_per_bar: float = 4.0
) -> Length:
    """What is made of `bars`, or of a `duration` where there are none. Raises `ValidationError` beyond 300 s."""
    bar = beats_per_bar * 60.0 / bpm
    whole = max(1, round(duration / bar))
    if bars is None and (ending is False or abs(whole * bar - duration) <= WHOLE_BARS):
        ending = duration >= ENDING_FROM if ending is None else ending
        bars = whole if whole * bar <= LONGEST else whole - 1
    if bars is None:
        return Length(None, duration, True)
    if bars * bar > LONGEST + 1e-6:
        most = int(LONGEST / bar + 1e-9)
        raise errors.ValidationError(
            f"{bars} bars at {bpm:g} bpm are {bars * bar:.0f} seconds; up to {LONGEST:g} are made. "
            f"Ask for up to {most} bars, or for a faster tempo.",
            details={"bars": f"has to be at most {most} at this tempo"},
        )
    return Length(bars, min(bars * bar, LONGEST), bool(ending))


def beat(body: Mapping[str, Any], providers: Providers) -> tuple[dict[str, Any], str]:
    """(the job's input, the provider).

    A seed is drawn here when none was given, so that a repeated attempt makes the same music.
    """
    genre = genres.BY_NAME[body["genre"]]
    bpm = round(float(body["bpm"] or genre.default_bpm), 2)
    beats_per_bar = float(body.get("beats_per_bar") or 4.0)
    asked = length(bpm, float(body["duration"]), body["bars"], body["ending"], beats_per_bar)
    request = {
        "genre": genre.name,
        "prompt": body["prompt"] or "",
        "bpm": bpm,
        "key": body["key"],
        "mood": body["mood"] or genre.moods[0],
        "duration": asked.duration,
        "bars": asked.bars,
        "ending": asked.ending,
        "beatsPerBar": beats_per_bar,
        "provider": body["provider"],
        "seed": secrets.randbelow(SEEDS) if body["seed"] is None else body["seed"],
        "projectId": body["project_id"],
        "addToProject": body["add_to_project"],
        "startTime": float(body["start_time"]),
        "as": body.get("as_", "mix"),
    }
    provider = providers.choose("beat", body["provider"], request)
    return for_provider(request, provider), provider


def part(body: Mapping[str, Any], providers: Providers) -> tuple[dict[str, Any], str]:
    """As `beat`, of which the engine plays the part that `type` names (one of `music.score.STEMS`) alone.

    Raises `NotImplementedHere` for vocals.
    """
    if body["type"] == "vocals":
        raise errors.NotImplementedHere(NOBODY_SINGS_ALONE)
    whole = {
        **body,
        "genre": body["genre"] or DEFAULT_GENRE,
        "provider": providers.choose("part", body["provider"], {}),
        "add_to_project": body["add_to_project"] is not False,
    }
    request, provider = beat(whole, providers)
    return {**request, "part": body["type"]}, provider


def music(body: Mapping[str, Any], providers: Providers) -> tuple[dict[str, Any], str]:
    """(the job's input, the provider). What was not asked for stays None: a song service decides it."""
    lyrics = body["lyrics"] or None
    instrumental = body["instrumental"]
    if instrumental is None and body["include_vocals"] is not None:
        instrumental = not body["include_vocals"]
    if instrumental is None:
        instrumental = lyrics is None
    notes = ["The lyrics are not sung, for an instrumental was asked for."] if instrumental and lyrics else []
    request = {
        "prompt": body["prompt"],
        "genre": body["genre"],
        "mood": body["mood"] or None,
        "bpm": round(float(body["bpm"]), 2) if body["bpm"] is not None else None,
        "key": body["key"],
        "duration": float(body["duration"]) if body["duration"] is not None else None,
        "lyrics": None if instrumental else lyrics,
        "instrumental": instrumental,
        "title": body["title"] or None,
        "negativeTags": body["negative_tags"] or None,
        "vocalGender": body["vocal_gender"],
        "provider": body["provider"],
        "seed": secrets.randbelow(SEEDS),
        "projectId": body["project_id"],
        "addToProject": body["add_to_project"],
        "startTime": float(body["start_time"]),
        "notes": notes,
    }
    provider = providers.choose("music", body["provider"], request)
    return _completed(request) if provider == "embedded" else request, provider


def for_provider(request: dict[str, Any], provider: str) -> dict[str, Any]:
    """The request, with a note where whoever makes it cannot count bars."""
    if provider == "embedded" or request["bars"] is None:
        return request
    sentence = f"{provider} makes about {request['duration']:g} s and does not keep to {request['bars']} bars."
    return {**request, "notes": [f"{sentence} The embedded engine does."]}


def warnings(request: Mapping[str, Any]) -> list[str]:
    """Sentences about a request that is done as asked, but that its maker may not have meant."""
    genre = genres.BY_NAME.get(request["genre"])
    if genre is None or genre.bpm_range[0] <= request["bpm"] <= genre.bpm_range[1]:
        return []
    low, high = genre.bpm_range
    return [
        f"{request['bpm']:g} bpm is outside of what is usual for {genre.name} ({low} to {high} bpm); made as asked."
    ]


def beat_warnings(request: Mapping[str, Any], duration: float, bpm: float | None) -> list[str]:
    """Those, and sentences about what was measured and is not what was asked: over 1 s of length, over 3 % of tempo."""
    found = warnings(request)
    if abs(duration - request["duration"]) > LENGTH_TOLERANCE:
        found.append(f"{request['duration']:g} s were asked for, {duration:.1f} s were made.")
    if bpm and abs(bpm / request["bpm"] - 1) > TEMPO_TOLERANCE:
        found.append(f"{request['bpm']:g} bpm were asked for, {bpm:g} bpm were measured.")
    return found


def deviations(request: Mapping[str, Any], duration: float, bpm: float | None) -> list[str]:
    """Sentences about a take that is not as asked for: its length, its tempo (half and double time are the same)."""
    found = []
    asked = request.get("duration")
    if asked and abs(duration - asked) > LENGTH_TOLERANCE:
        found.append(f"{asked:g} s were asked for, {duration:.1f} s were made.")
    wanted = request.get("bpm")
    if wanted and bpm and all(abs(bpm * factor / wanted - 1) > TEMPO_TOLERANCE for factor in HALF_AND_DOUBLE):
        found.append(f"{wanted:g} bpm were asked for, {bpm:g} bpm were measured.")
    return found


def about(request: Mapping[str, Any], provider: str, found: list[str]) -> dict[str, Any]:
    """What the result of a provider says besides its takes."""
    asked = ("genre", "mood", "bpm", "key", "duration", "prompt", "lyrics", "instrumental", "seed")
    return {
        "genre": request.get("genre"),
        "mood": request.get("mood"),
        "provider": provider,
        "requested": {name: request[name] for name in asked if name in request},
        "warnings": [*(warnings(request) if request.get("genre") and request.get("bpm") else ()), *found],
    }


def _completed(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request for the embedded engine, which has to know everything; `notes` say what was chosen for the user."""
    named = genres.find(request["genre"]) or _genre_in(request["prompt"])
    genre = named or genres.find(DEFAULT_GENRE)
    assert genre is not None
    bpm = float(request["bpm"] or genre.default_bpm)
    asked = length(bpm, float(request["duration"] or DEFAULT_DURATION))
    chosen = {
        "genre": genre.name,
        "mood": request["mood"] or genre.moods[0],
        "bpm": bpm,
        "key": request["key"] or DEFAULT_KEY,
        "duration": asked.duration,
    }
    open_ones = [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in chosen.items()
        if request[name] is None
    ]
    notes = [f"Chosen for you, as nothing was asked for: {', '.join(open_ones)}."] if open_ones else []
    whole = {"bars": asked.bars, "ending": asked.ending, "beatsPerBar": 4.0}
    return {**request, **chosen, **whole, "notes": [*request["notes"], *notes]}


def _genre_in(prompt: str) -> genres.GenreInfo | None:
    """The genre that the user's own words name and do not refuse, the longest name first."""
    named = prompt_hints.read(prompt).genres
    return genres.find(max(named, key=len)) if named else None


def _able(type: str, request: Mapping[str, Any]) -> tuple[str, ...]:
    """Who can do this, the best first."""
    return ORDER[type] if request.get("instrumental", True) else SINGERS


def _work(type: str, request: Mapping[str, Any]) -> str:
    return "A song with vocals" if not request.get("instrumental", True) else f"A job of type {type}"
