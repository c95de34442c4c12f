"""The genres that can be generated, as data (contract, section 9.1). Light: request validation imports it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GenreInfo:
    """A genre as `GET /generate/genres` describes it; the first mood is the default, tempos are beats per minute."""

    name: str
    bpm_range: tuple[int, int]
    default_bpm: int
    moods: tuple[str, ...]
    characteristics: tuple[str, ...]
    aliases: tuple[str, ...] = ()


GENRES = (
    GenreInfo(
        "trap",
        (140, 160),
        150,
        ("dark", "hype", "aggressive", "menacing"),
        ("rolling hats", "long 808 bass", "fast snare fills"),
    ),
    GenreInfo(
        "lo-fi",
        (70, 90),
        85,
        ("chill", "nostalgic", "relaxed", "dreamy"),
        ("record noise", "jazzy chords", "muted drums"),
        ("lofi",),
    ),
    GenreInfo(
        "boom bap",
        (80, 100),
        90,
        ("classic", "gritty", "raw", "golden era"),
        ("swung hard-hitting drums", "chopped old records"),
    ),
    GenreInfo(
        "house",
        (120, 130),
        125,
        ("energetic", "uplifting", "groovy", "deep"),
        ("kick on every beat", "offbeat hats", "rolling bass"),
    ),
    GenreInfo(
        "drill",
        (135, 145),
        140,
        ("dark", "menacing", "aggressive", "cold"),
        ("gliding 808 bass", "sparse minor melodies", "sharp drums"),
    ),
    GenreInfo(
        "drum and bass",
        (160, 180),
        170,
        ("energetic", "intense", "liquid", "neurofunk"),
        ("fast breakbeats over deep sub bass",),
        ("dnb", "d&b", "drum n bass"),
    ),
    GenreInfo(
        "techno",
        (125, 135),
        130,
        ("dark", "hypnotic", "industrial", "minimal"),
        ("steady pounding kick", "repeating machine-like loops"),
    ),
    GenreInfo(
        "hip hop",
        (85, 95),
        90,
        ("classic", "modern", "jazzy", "soulful"),
        ("laid-back drums", "sampled hooks"),
        ("hip-hop", "hiphop", "rap"),
    ),
    GenreInfo(
        "r&b",
        (75, 95),
        85,
        ("smooth", "sensual", "modern", "classic"),
        ("soft drums", "singing bass", "rich chords"),
        ("rnb", "r and b"),
    ),
    GenreInfo(
        "pop",
        (100, 130),
        120,
        ("upbeat", "catchy", "bright", "energetic"),
        ("clear drums", "strong hook", "bright sounds"),
    ),
    GenreInfo(
        "edm",
        (125, 130),
        128,
        ("energetic", "festival", "euphoric", "aggressive"),
        ("risers", "large drops", "wide synth leads"),
        ("electronic",),
    ),
    GenreInfo(
        "dubstep",
        (135, 145),
        140,
        ("aggressive", "heavy", "melodic", "dark"),
        ("half-time drums", "modulated bass", "heavy drops"),
    ),
    GenreInfo(
        "jazz",
        (100, 140),
        120,
        ("smooth", "upbeat", "bebop", "fusion"),
        ("swung ride cymbal", "walking bass", "extended chords"),
    ),
    GenreInfo(
        "rock",
        (110, 140),
        120,
        ("energetic", "heavy", "indie", "classic"),
        ("live kit", "overdriven guitars", "firm bass"),
    ),
    GenreInfo(
        "country",
        (90, 130),
        110,
        ("warm", "upbeat", "nostalgic", "heartfelt"),
        ("acoustic guitar", "steel guitar", "train beat"),
    ),
    GenreInfo(
        "indie",
        (100, 140),
        120,
        ("dreamy", "bright", "wistful", "energetic"),
        ("jangly guitars", "live drums", "soft synths"),
    ),
    GenreInfo(
        "folk",
        (80, 120),
        100,
        ("intimate", "warm", "hopeful", "melancholic"),
        ("fingerpicked guitar", "light percussion", "close harmony"),
    ),
)


def find(name: object) -> GenreInfo | None:
    """The genre of that name or alias; case, `-`, `_`, blanks and `&` do not matter. None when there is none."""
    return BY_NAME.get(SPELLINGS.get(_fold(name), "")) if isinstance(name, str) else None


def names() -> tuple[str, ...]:
    """All canonical names, in the contract's order."""
    return tuple(BY_NAME)


def _fold(text: str) -> str:
    return IGNORED.sub("", text).lower()


def _spellings(genre: GenreInfo) -> list[str]:
    texts = (genre.name, *genre.aliases)
    return [
        _fold(variant) for text in texts for variant in (text, text.replace("&", "and"), re.sub(r"\band\b", "", text))
    ]


IGNORED = re.compile(r"[-_&\s]")
BY_NAME = {genre.name: genre for genre in GENRES}
SPELLINGS = {spelling: genre.name for genre in GENRES for spelling in _spellings(genre)}  # folded, to the name
