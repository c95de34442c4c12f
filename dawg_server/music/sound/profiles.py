"""How each genre is mixed: the balance of the stems, what ducks under the kick, how wide and worn the sound is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MixProfile:
    """Loudness of the stems in LU beside the drums; `duck_db`: how far bass and chords give way to the kick, over
    `duck_beats`; `room`: factor on the reverberation time; `echo_beats`, `echo`: the melody's delay; `wobble`: cents of
    tape flutter at full grit; `drive`: saturation of the drum bus; `chords_low`: Hz below which chords make room for
    the bass; `glue`: ratio of the bus compression."""

    bass: float = -3.0
    chords: float = -6.0
    melody: float = -5.0
    duck_db: float = 0.0
    duck_beats: float = 0.5
    room: float = 1.0
    echo_beats: float = 0.75
    echo: float = 0.12
    wobble: float = 0.0
    drive: float = 0.6
    chords_low: float = 130.0
    glue: float = 1.8

    def level(self, stem: str) -> float:
        return {"drums": 0.0, "bass": self.bass, "chords": self.chords, "melody": self.melody}[stem]


PROFILES = {
    "trap": MixProfile(-2.5, -5.5, -5.0, 2.5, 0.35, drive=1.0, echo=0.2, room=1.1),
    "drill": MixProfile(-2.5, -5.5, -5.0, 2.0, 0.3, drive=1.0, echo=0.15),
    "lo-fi": MixProfile(-3.0, -2.5, -4.5, 1.5, 0.5, wobble=10.0, drive=1.0, room=0.8, echo=0.1),
    "boom bap": MixProfile(-3.5, -4.0, -5.5, wobble=5.0, drive=1.3, room=0.7, echo=0.06),
    "hip hop": MixProfile(-3.0, -4.5, -5.5, 1.0, 0.4, wobble=4.0, drive=1.0, room=0.8),
    "house": MixProfile(-3.5, -3.5, -5.0, 6.0, 0.75, echo=0.18, room=1.1, drive=0.7),
    "techno": MixProfile(-4.0, -4.0, -4.0, 6.0, 0.7, echo=0.25, room=1.2, drive=1.2),
    "edm": MixProfile(-4.0, -3.0, -3.5, 7.5, 0.85, echo=0.2, room=1.2, chords_low=170.0),
    "dubstep": MixProfile(-1.5, -5.0, -6.0, 3.5, 0.35, drive=1.3, room=1.1),
    "drum and bass": MixProfile(-2.5, -4.0, -4.5, 3.0, 0.3, drive=1.1, room=1.1, echo=0.15),
    "r&b": MixProfile(-2.5, -3.5, -4.0, 1.0, 0.4, room=1.1, echo=0.14),
    "pop": MixProfile(-4.0, -4.0, -3.0, 2.0, 0.5, room=1.0, echo=0.12),
    "jazz": MixProfile(-0.5, -1.0, 1.0, drive=0.15, room=0.9, echo=0.0, glue=1.4, chords_low=90.0),
    "rock": MixProfile(-4.0, -1.5, -3.0, drive=0.8, room=0.8, echo=0.1, glue=2.2),
    "country": MixProfile(-3.5, -1.5, -1.0, drive=0.3, room=0.8, echo=0.08, glue=1.6, chords_low=95.0),
    "indie": MixProfile(-3.5, -2.5, -3.0, drive=0.5, room=1.2, echo=0.14),
    "folk": MixProfile(-0.5, 2.0, 1.0, drive=0.15, room=0.9, echo=0.0, glue=1.4, chords_low=80.0),
    "afrobeats": MixProfile(-3.0, -4.0, -4.0, 1.5, 0.4, echo=0.12),
    "amapiano": MixProfile(-1.5, -3.5, -5.0, 2.0, 0.5, room=1.1, echo=0.18),
    "reggaeton": MixProfile(-3.0, -4.5, -4.0, 2.0, 0.35, drive=0.9, echo=0.14),
    "dancehall": MixProfile(-2.5, -5.0, -4.5, 1.0, 0.35, drive=0.9, echo=0.15),
    "funk": MixProfile(-2.5, -3.0, -3.5, drive=0.4, room=0.7, echo=0.05, glue=2.0),
    "soul": MixProfile(-2.5, -3.0, -3.0, drive=0.35, room=0.9, echo=0.06),
    "gospel": MixProfile(-3.0, -1.5, -2.5, drive=0.3, room=1.1, echo=0.05, chords_low=100.0),
    "blues": MixProfile(-2.5, -2.5, -1.0, drive=0.4, room=0.8, echo=0.08, chords_low=100.0),
    "metal": MixProfile(-4.5, -1.5, -3.0, drive=0.8, room=0.7, echo=0.1, glue=2.4),
    "ambient": MixProfile(6.0, 9.0, 7.0, drive=0.1, room=1.6, echo=0.3, glue=1.2, chords_low=80.0),
    "synthwave": MixProfile(-3.0, -3.0, -3.0, 3.0, 0.5, room=1.2, echo=0.2),
    "garage": MixProfile(-2.5, -4.0, -4.5, 2.0, 0.4, echo=0.15),
    "jersey club": MixProfile(-3.0, -4.0, -4.0, 3.0, 0.35, drive=1.0, echo=0.12),
    "hyperpop": MixProfile(-3.5, -3.5, -2.5, 5.0, 0.5, drive=1.3, echo=0.12),
    "orchestral": MixProfile(2.0, 4.0, 5.0, drive=0.1, room=1.4, echo=0.0, glue=1.2, chords_low=60.0),
    "reggae": MixProfile(-0.5, -3.0, -3.0, drive=0.4, room=1.0, echo=0.22),
    "bossa nova": MixProfile(0.5, 2.0, 1.5, drive=0.1, room=0.9, echo=0.0, glue=1.4, chords_low=80.0),
}


STREAMING, CLUB = -14.0, -9.0  # LUFS
CLUB_GENRES = frozenset(
    {
        "house",
        "techno",
        "edm",
        "dubstep",
        "drum and bass",
        "garage",
        "jersey club",
        "hyperpop",
    }
)


def loudness(genre: str) -> float:
    """LUFS of a finished piece: what streaming services play, or what is mixed into a set."""
    return CLUB if genre in CLUB_GENRES else STREAMING


def of(genre: str) -> MixProfile:
    return PROFILES.get(genre, MixProfile())
