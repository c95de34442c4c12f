"""Requests for music, resolved: who makes it, what is decided where the caller did not, and what is odd about it."""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from dawg_server import errors
from dawg_server.daw.tempo_map import bar_length
from dawg_server.generation.providers.base import Provider
from dawg_server.music import genres, moods, prompt_hints
from dawg_server.music.prompt_record import Form, PromptHints

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
DEFAULT_DURATION = {"beat": 30.0, "music": 60.0}  # seconds, for makers that have to know a length
NOBODY_SINGS_ALONE = (
    "No vocals are made alone here. Have a song sung with POST /api/generate/music {prompt, lyrics} (SUNO_API_KEY), or "
    'take the voice out of a recording with {audioFileId, stemTypes: ["vocals"]}.'
)
TEMPOS = (60.0, 200.0)  # beats per minute
LEAST_ROOM = 0.15  # of a genre's tempo: how far its slowest and its fastest are from it at least
PACE_OF_ENERGY, PACE_OF_VALENCE = 0.6, 0.3  # of a mood: what is sad is slower than what is upbeat
PHRASE_BARS = 8
CLEAR_VALENCE = 0.1  # of a mood that decides between major and minor; between, the genre does
SPELT = {True: {"Db": "C#", "Ab": "G#"}, False: {"C#": "Db", "G#": "Ab"}}  # tonics in minor and in major


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


class Settled(NamedTuple):
    """`request`: what the fields of a job's input say then; `understood` and `ignored`: of the prompt, in words."""

    request: dict[str, Any]
    understood: list[str]
    ignored: list[str]


def settle(asked: Mapping[str, Any], hints: PromptHints | None) -> Settled:
    """Decides what a request leaves open: by its prompt, then by its project, then by its mood and genre.

    `asked`: genre (its name), seed, usual (seconds), and what else was said: bpm, key, timeSignature, duration, bars,
    ending, mood and project (the bpm, key and timeSignature of the one that it is to fit to), each of which may be
    None. Raises `ValidationError` for bars that are too long.
    """
    hints = hints or PromptHints()
    said, project = hints.settings, asked["project"] or {}
    genre = genres.BY_NAME[asked["genre"]]
    mood = hints.mood
    if asked["mood"]:
        mood = moods.combine(moods.read(asked["mood"], without=hints.unwanted), mood)
    fitting = project.get("bpm", 0.0)
    fitting = fitting if TEMPOS[0] <= fitting <= TEMPOS[1] else None
    bpm = round(float(asked["bpm"] or said.bpm or fitting or _tempo(genre, mood, said.pace)), 2)
    signature = asked["timeSignature"] or said.time_signature or project.get("timeSignature")
    quarters = bar_length(signature) if signature else 4.0
    bars, seconds = asked["bars"], asked["duration"]
    if bars is None and seconds is None:
        bars, seconds = (
            said.bars or _needed(hints.form, said.seconds or asked["usual"], quarters * 60 / bpm),
            said.seconds,
        )
    made = length(
        bpm,
        float(seconds or asked["usual"]),
        bars,
        said.ending if asked["ending"] is None else asked["ending"],
        quarters,
    )
    request = {
        "bpm": bpm,
        "key": asked["key"] or said.key or project.get("key") or _key(asked, mood, said.minor),
        "timeSignature": signature or "4/4",
        "beatsPerBar": quarters,
        **made._asdict(),
        "mood": asked["mood"] or ("" if hints.moods else genre.moods[0]),
    }
    understood, ignored = list(hints.understood), list(hints.ignored)
    for name in hints.genres:
        if name == genre.name:
            understood.append(name)
        else:
            ignored.append(f"{name}: the genre is {genre.name}")
    ignored += [
        f"{words}: the request says {asked[field]}"
        for field, value, words in (
            ("bpm", said.bpm, f"{said.bpm} bpm"),
            ("key", said.key, f"in {said.key}"),
            ("timeSignature", said.time_signature, f"{said.time_signature}"),
            ("bars", said.bars, f"{said.bars} bars"),
            ("duration", said.seconds, f"{said.seconds} seconds"),
        )
        if value is not None and asked[field] not in (None, value)
    ]
    last = int(made.duration * bpm / 60 / quarters + 1e-6)
    ignored += [
        f"{each.name} at bar {each.bar}: there are {last} bars" for each in hints.form.steps if (each.bar or 0) > last
    ]
    return Settled(request, list(dict.fromkeys(understood)), list(dict.fromkeys(ignored)))


def beat(body: Mapping[str, Any], providers: Providers) -> tuple[dict[str, Any], str]:
    """(the job's input, the provider).

    A seed is drawn here when none was given, so that a repeated attempt makes the same music. `asked` stays in the
    input, for whoever reads the prompt better (`settle`).
    """
    asked = {
        "genre": genres.BY_NAME[body["genre"]].name,
        "bpm": round(float(body["bpm"]), 2) if body["bpm"] else None,
        "key": body["key"],
        "timeSignature": body.get("time_signature"),
        "duration": float(body["duration"]) if body["duration"] else None,
        "bars": body["bars"],
        "ending": body["ending"],
        "mood": body["mood"],
        "seed": secrets.randbelow(SEEDS) if body["seed"] is None else body["seed"],
        "project": body.get("project"),
        "usual": DEFAULT_DURATION["beat"],
    }
    made = settle(asked, prompt_hints.read(body["prompt"]) if body["prompt"] else None)
    request = {
        "genre": asked["genre"],
        "prompt": body["prompt"] or "",
        **made.request,
        "provider": body["provider"],
        "seed": asked["seed"],
        "loudness": body.get("loudness"),
        "projectId": body["project_id"],
        "addToProject": body["add_to_project"],
        "startTime": float(body["start_time"]),
        "startBar": body.get("start_bar"),
        "as": body.get("as_", "mix"),
        "asked": asked,
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


def for_provider(request: dict[str, Any], provider: str) -> dict[str, Any]:
    """The request, with a note where whoever makes it cannot count bars."""
    if provider == "embedded" or request["bars"] is None:
        return request
    sentence = f"{provider} makes about {request['duration']:g} s and does not keep to {request['bars']} bars."
    return {**request, "notes": [f"{sentence} The embedded engine does."]}


def _tempo(genre: genres.GenreInfo, mood: moods.Mood, pace: float) -> float:
    """Around the genre's own, whole beats per minute."""
    pace = pace or PACE_OF_ENERGY * mood.energy + PACE_OF_VALENCE * mood.valence
    usual, (low, high) = genre.default_bpm, genre.bpm_range
    room = max(high - usual if pace > 0 else usual - low, LEAST_ROOM * usual)
    return max(TEMPOS[0], min(TEMPOS[1], round(usual + max(-1.0, min(1.0, pace)) * room)))


def _key(asked: Mapping[str, Any], mood: moods.Mood, minor: bool | None) -> str:
    """One of the genre's tonics by the seed; the mode by the mood, or as often minor as the genre is."""
    genre = genres.BY_NAME[asked["genre"]]
    rng = random.Random(f"{asked['seed']}/key")
    tonic, usual = rng.choice(genre.tonics), rng.random() < genre.minor
    if minor is None:
        minor = mood.valence < 0 if abs(mood.valence) >= CLEAR_VALENCE else usual
    return SPELT[minor].get(tonic, tonic) + ("m" if minor else "")


def _needed(form: Form, seconds: float, bar: float) -> int | None:
    """The bars of a form that has no room in `seconds`; `bar`: seconds of one."""
    named = sum(each.bars or 0 for each in form.steps)
    reached = max(((each.bar or 1) + (each.bars or PHRASE_BARS) - 1 for each in form.steps), default=0)
    lengths = [each.bars for each in form.steps]
    if len(lengths) > 1 and all(lengths):
        return named
    needed = max(
        named and named + PHRASE_BARS,
        reached if any(each.bar for each in form.steps) else 0,
        PHRASE_BARS * len(form.sequence),
    )
    return -(-needed // PHRASE_BARS) * PHRASE_BARS if needed * bar > seconds else None


def _able(type: str, request: Mapping[str, Any]) -> tuple[str, ...]:
    """Who can do this, the best first."""
    return ORDER[type] if request.get("instrumental", True) else SINGERS


def _work(type: str, request: Mapping[str, Any]) -> str:
    return "A song with vocals" if not request.get("instrumental", True) else f"A job of type {type}"
