import dataclasses
import pathlib
from typing import Any

import numpy as np
import pytest

from dawg_server.audio.analysis import style
from tests.audio.analysis import listening, material

ROCK = material.Band(bpm=124, drums="rock", chords="saw", bass=True, melody="brass", seconds=12)
TRAITS = style.Traits(
    bpm=110, swing=0.0, percussion=0.5, sub=0.4, brightness=0.5, roughness=0.25, activity=5, four=0.8, loudness=-16
)


def _style(band: material.Band, folder: pathlib.Path, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = listening.analyze(material.play(band, 1), folder, **options)["style"]
    return found


@pytest.mark.parametrize(
    ("text", "genre", "subgenre"),
    [
        ("Country", "country", None),
        ("R&B", "rnb", None),
        ("r and b", "rnb", None),
        ("Hip_Hop", "hip-hop", None),
        ("trap", "hip-hop", "trap"),
        ("Lo-Fi", "hip-hop", "lo-fi"),
        ("Drum & Bass", "other", "drum and bass"),
        ("d&b", "other", "drum and bass"),
        ("techno", "other", "techno"),
    ],
)
def test_genres_are_known_by_every_name_of_the_contract(text: str, genre: str, subgenre: str | None) -> None:
    assert style.named_genre(text) == (genre, subgenre)


@pytest.mark.parametrize("text", [None, "", "constructor", "polka"])
def test_unknown_names_name_nothing(text: str | None) -> None:
    assert style.named_genre(text) is None


def test_a_suggestion_wins_and_says_so(tmp_path: pathlib.Path) -> None:
    suggested = _style(ROCK, tmp_path, suggested_genre="Jazz", suggested_mood="smoky")
    measured = _style(ROCK, tmp_path, suggested_genre="polka")
    assert (suggested["genre"], suggested["mood"], suggested["source"]) == ("jazz", "smoky", "suggested")
    assert measured["source"] == "measured"
    assert measured["genre"] in style.GENRES
    assert measured["mood"] != "smoky"


@pytest.mark.parametrize(
    ("changes", "genre"),
    [
        ({"swing": 0.95, "percussion": 0.5, "sub": 0.3, "roughness": 0.1, "activity": 3}, ("jazz", None)),
        ({"bpm": 171, "activity": 6.5, "sub": 0.5, "four": 0.5}, ("other", "drum and bass")),
        ({"bpm": 148, "sub": 0.75, "roughness": 0.5, "four": 0.4, "brightness": 0.42}, ("hip-hop", "trap")),
        ({"bpm": 104, "percussion": 0.64, "sub": 0.3, "roughness": 0.12}, ("country", None)),
        (
            {"bpm": 92, "percussion": 0.48, "sub": 0.35, "brightness": 0.33, "roughness": 0.08, "four": 0.5},
            ("folk", None),
        ),
        ({"percussion": 0.05, "sub": 0.0, "brightness": 0.95, "roughness": 0.9, "activity": 15}, ("other", None)),
        ({"bpm": None}, (None, None)),
    ],
)
def test_genre_follows_what_was_measured(changes: dict[str, Any], genre: tuple[str | None, str | None]) -> None:
    assert style.measured_genre(dataclasses.replace(TRAITS, **changes)) == genre


def test_double_time_does_not_change_the_genre() -> None:
    folk = dataclasses.replace(TRAITS, bpm=90, percussion=0.48, sub=0.37, brightness=0.35, roughness=0.1, four=0.5)
    assert style.measured_genre(folk) == style.measured_genre(dataclasses.replace(folk, bpm=180)) == ("folk", None)


def test_energy_rises_with_loudness_and_activity(tmp_path: pathlib.Path) -> None:
    calm = material.Band(bpm=66, chords="dark", seconds=10, strum=(0.0,))
    assert _style(calm, tmp_path)["energy"] < _style(ROCK, tmp_path)["energy"] - 0.1
    loud = material.play(ROCK, 1)
    quiet = material.Piece(loud.samples * np.float32(0.1), loud.rate)
    energies = [listening.analyze(piece, tmp_path)["style"]["energy"] for piece in (quiet, loud)]
    assert energies[0] < energies[1] - 0.1


def test_major_is_happier_than_minor_and_the_mood_follows(tmp_path: pathlib.Path) -> None:
    major = _style(dataclasses.replace(ROCK, scale="major"), tmp_path)
    minor = _style(dataclasses.replace(ROCK, scale="minor"), tmp_path)
    assert minor["valence"] < major["valence"] - 0.2
    assert minor["mood"] != major["mood"]


def test_a_steady_beat_is_more_danceable_than_a_slow_ballad(tmp_path: pathlib.Path) -> None:
    dance = _style(material.Band(bpm=122, drums="house", bass=True, chords="saw", seconds=12), tmp_path)
    ballad = _style(material.Band(bpm=62, chords="pad", seconds=16, strum=(0.0, 2.0), looseness=0.02), tmp_path)
    assert (ballad["danceability"] or 0.0) < dance["danceability"] - 0.2


def test_without_pulse_or_key_feelings_are_not_judged(tmp_path: pathlib.Path) -> None:
    found = listening.analyze(listening.noise(4), tmp_path)["style"]
    assert [found[name] for name in ("genre", "subgenre", "mood", "danceability", "valence")] == [None] * 5
    assert 0 < found["energy"] < 1
