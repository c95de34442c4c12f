from __future__ import annotations

import subprocess
import sys

import pytest

from dawg_server.music import genres, moods


def test_the_genres_are_the_contracts_in_its_order() -> None:
    assert genres.names() == (
        "trap",
        "lo-fi",
        "boom bap",
        "house",
        "drill",
        "drum and bass",
        "techno",
        "hip hop",
        "r&b",
        "pop",
        "edm",
        "dubstep",
        "jazz",
        "rock",
        "country",
        "indie",
        "folk",
        "afrobeats",
        "amapiano",
        "reggaeton",
        "dancehall",
        "funk",
        "soul",
        "gospel",
        "blues",
        "metal",
        "ambient",
        "synthwave",
        "garage",
        "jersey club",
        "hyperpop",
        "orchestral",
        "reggae",
        "bossa nova",
    )


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Trap", "trap"),
        ("LOFI", "lo-fi"),
        ("lo fi", "lo-fi"),
        ("Boom-Bap", "boom bap"),
        ("boom_bap", "boom bap"),
        ("dnb", "drum and bass"),
        ("D&B", "drum and bass"),
        ("drum n bass", "drum and bass"),
        ("Drum & Bass", "drum and bass"),
        ("drum_and_bass", "drum and bass"),
        ("rap", "hip hop"),
        ("Hip-Hop", "hip hop"),
        ("R&B", "r&b"),
        ("rnb", "r&b"),
        ("R and B", "r&b"),
        ("r & b", "r&b"),
        ("electronic", "edm"),
        ("FOLK", "folk"),
    ],
)
def test_case_dashes_underscores_blanks_and_ampersands_do_not_matter(spelling: str, name: str) -> None:
    found = genres.find(spelling)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("text", ["constructor", "__proto__", "", "polka", "trapp", None, 5, ["trap"]])
def test_unknown_genres_are_none(text: object) -> None:
    assert genres.find(text) is None


def test_every_genre_has_moods_that_the_engine_knows() -> None:
    for genre in genres.GENRES:
        assert genre.bpm_range[0] <= genre.default_bpm <= genre.bpm_range[1]
        assert len(genre.moods) == 4
        assert all(moods.read(mood) != moods.Mood() for mood in genre.moods)


def test_request_validation_can_import_genres_and_keys_without_numpy() -> None:
    code = "import sys; from dawg_server.music import genres, theory; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0
