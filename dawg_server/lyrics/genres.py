"""What each genre usually asks of its words. The figures are rules of thumb for advice, not measurements."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dawg_server import errors


@dataclass(frozen=True, slots=True)
class GenreProfile:
    """`bars_per_line`: bars of 4/4 that one sung line usually fills; `syllables`: usual range per verse line."""

    name: str
    form: str
    wants: tuple[str, ...]
    tempo_bpm: float
    bars_per_line: int
    syllables: tuple[int, int]
    rhymed_share: float
    craft: str

    @property
    def songs(self) -> str:
        """How sentences speak of this genre's songs."""
        return "most songs" if self.name == "other" else f"{self.name} songs"

    @property
    def bar_seconds(self) -> float:
        """The length of one bar of 4/4 at the usual tempo."""
        return 4 * 60 / self.tempo_bpm


PROFILES = {
    profile.name: profile
    for profile in (
        GenreProfile(
            "pop",
            "Verse-Pre-Chorus-Chorus-Verse-Pre-Chorus-Chorus-Bridge-Chorus",
            ("chorus", "bridge"),
            120,
            2,
            (5, 10),
            0.5,
            "put the title into the chorus and let the chorus arrive within the first minute",
        ),
        GenreProfile(
            "country",
            "Verse-Chorus-Verse-Chorus-Bridge-Chorus",
            ("chorus", "bridge"),
            110,
            2,
            (6, 11),
            0.6,
            "let every verse move one story forward, with places, names and things to see",
        ),
        GenreProfile(
            "hip-hop",
            "Intro-Hook-Verse-Hook-Verse-Hook-Outro",
            ("hook",),
            90,
            1,
            (8, 16),
            0.6,
            "sixteen-bar verses leave room for rhymes inside the lines, not only at their ends",
        ),
        GenreProfile(
            "rock",
            "Intro-Verse-Chorus-Verse-Chorus-Bridge-Chorus-Outro",
            ("chorus", "bridge"),
            120,
            2,
            (5, 11),
            0.4,
            "keep the chorus short enough to be shouted by a crowd",
        ),
        GenreProfile(
            "rnb",
            "Verse-Pre-Chorus-Chorus-Verse-Pre-Chorus-Chorus-Bridge-Chorus",
            ("chorus", "bridge"),
            85,
            2,
            (6, 12),
            0.5,
            "leave space at the ends of lines for runs and answering voices",
        ),
        GenreProfile(
            "indie",
            "Verse-Chorus-Verse-Chorus-Bridge-Chorus",
            ("chorus",),
            120,
            2,
            (5, 11),
            0.3,
            "one odd, exact image says more than three familiar ones",
        ),
        GenreProfile(
            "folk",
            "Verse-Verse-Verse-Verse",
            (),
            100,
            2,
            (6, 10),
            0.5,
            "stanzas of one metre let any verse be sung to the same tune",
        ),
        GenreProfile(
            "other",
            "Verse-Chorus-Verse-Chorus",
            (),
            110,
            2,
            (4, 14),
            0.3,
            "a part that comes again gives listeners something to hold on to",
        ),
    )
}
OTHER = PROFILES["other"]

# Every genre that the server can generate with its aliases.
_NAMES = {name: name for name in PROFILES} | {
    "hip hop": "hip-hop",
    "hiphop": "hip-hop",
    "rap": "hip-hop",
    "trap": "hip-hop",
    "drill": "hip-hop",
    "boom bap": "hip-hop",
    "lo fi": "hip-hop",
    "lofi": "hip-hop",
    "r&b": "rnb",
    "r and b": "rnb",
    "house": "pop",
    "edm": "pop",
    "electronic": "pop",
    "techno": "other",
    "dubstep": "other",
    "drum and bass": "other",
    "dnb": "other",
    "d&b": "other",
    "drum n bass": "other",
    "jazz": "other",
    **dict.fromkeys(("afrobeats", "reggaeton", "dancehall", "synthwave", "garage", "jersey club", "hyperpop"), "pop"),
    **dict.fromkeys(("funk", "soul", "gospel"), "rnb"),
    **dict.fromkeys(("amapiano", "blues", "ambient", "orchestral", "reggae", "bossa nova"), "other"),
    "metal": "rock",
}


def resolve(name: str) -> GenreProfile:
    """The profile for a genre of this module or of generation, in any case, with blanks or hyphens.

    Raises `errors.ValidationError` for a name that is neither.
    """
    plain = re.sub(r"[\s_-]+", " ", name.casefold()).strip()
    if plain not in _NAMES:
        sentence = f"has to be one of {', '.join(PROFILES)}, or a genre of generation"
        raise errors.ValidationError(f"The genre {sentence}.", details={"genre": sentence})
    return PROFILES[_NAMES[plain]]
