import itertools
from typing import Any

import pytest

from dawg_server.audio.analysis import clips


def clip(name: str = "a", **known: Any) -> dict[str, Any]:
    genre = known.pop("genre", None)
    blank = {"bpm": None, "key": None, "scale": None, "energy": None, "isVocal": False}
    return {"clipId": name, "clipName": name.upper(), **blank, "style": {"genre": genre}, **known}


def score(one: dict[str, Any], other: dict[str, Any]) -> float:
    there, back = (
        clips.relationship({"clipId": "a", **one}, {"clipId": "b", **other})["score"],
        clips.relationship({"clipId": "b", **other}, {"clipId": "a", **one})["score"],
    )
    assert there == back
    return float(there)


def kinds(one: dict[str, Any], other: dict[str, Any]) -> list[tuple[str, str]]:
    return [(found["conflictType"], found["severity"]) for found in clips.conflicts(one, other)]


def test_what_is_unknown_adds_nothing() -> None:
    found = clips.compare([clip("a"), clip("b")])
    assert found["relationships"] == [
        {"clipId1": "a", "clipId2": "b", "relationshipType": "matching", "score": 0.5, "reasons": []}
    ]
    assert found["conflicts"] == []


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        (120, 122, 0.8),
        (120, 122.1, 0.6),
        (120, 125, 0.6),
        (120, 125.1, 0.5),
        (120, 140, 0.5),
        (120, 140.1, 0.3),
        (80, 160, 0.8),
        (160, 81, 0.8),
        (70, 143, 0.6),
        (60, 85, 0.3),
        (120, None, 0.5),
    ],
)
def test_tempo_counts_half_and_double_time_as_the_same(one: float, other: float | None, wanted: float) -> None:
    assert score(clip(bpm=one), clip(bpm=other)) == wanted


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        (("C", "major"), ("C", "major"), 0.8),
        (("F#", "minor"), ("Gb", "minor"), 0.8),
        (("A#", "major"), ("Bb", "major"), 0.8),
        (("C", "major"), ("A", "minor"), 0.7),
        (("Eb", "minor"), ("F#", "major"), 0.7),
        (("C", "major"), ("G", "major"), 0.7),
        (("C", "major"), ("F", "major"), 0.7),
        (("A", "minor"), ("E", "minor"), 0.7),
        (("B", "major"), ("Gb", "major"), 0.7),
        (("C", "major"), ("C", "minor"), 0.4),
        (("C", "major"), ("E", "minor"), 0.4),
        (("C", "major"), ("D", "major"), 0.4),
        (("C", "major"), ("Eb", "minor"), 0.4),
        (("C", "major"), (None, None), 0.5),
    ],
)
def test_key_is_compared_by_pitch_class_in_both_directions(one: Any, other: Any, wanted: float) -> None:
    assert score(clip(key=one[0], scale=one[1]), clip(key=other[0], scale=other[1])) == wanted


def test_every_key_has_itself_three_relatives_and_twenty_strangers() -> None:
    keys = [(pitch, scale) for pitch in range(12) for scale in ("major", "minor")]
    for one in keys:
        found = [clips.kinship(one, other) for other in keys]
        assert (found.count("same"), found.count("related"), found.count("apart")) == (1, 3, 20)
    for one, other in itertools.combinations(keys, 2):
        assert clips.kinship(one, other) == clips.kinship(other, one)


@pytest.mark.parametrize(
    ("text", "scale", "wanted"),
    [
        ("F#", "major", (6, "major")),
        ("Gb", "major", (6, "major")),
        ("Cb", "minor", (11, "minor")),
        ("bb", "minor", (10, "minor")),
        ("F#m", None, (6, "minor")),
        ("E♭ Major", None, (3, "major")),
        ("CM", None, (0, "major")),
        ("", None, None),
        ("H", None, None),
    ],
)
def test_keys_are_read_in_every_spelling(text: str, scale: str | None, wanted: tuple[int, str] | None) -> None:
    assert clips.pitch_class(text, scale) == wanted


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [(0.5, 0.7, 0.6), (0.7, 0.9, 0.6), (0.3, 0.51, 0.5), (0.2, 0.7, 0.5), (0.2, 0.71, 0.55), (None, 0.5, 0.5)],
)
def test_energy_alike_or_contrasting_adds_a_little(one: float | None, other: float, wanted: float) -> None:
    assert score(clip(energy=one), clip(energy=other)) == wanted


def test_a_voice_goes_with_an_instrument() -> None:
    assert score(clip(isVocal=True), clip(isVocal=False)) == 0.6
    assert score(clip(isVocal=True), clip(isVocal=True)) == 0.5


def test_the_score_stays_between_zero_and_one() -> None:
    best = score(
        clip(bpm=90, key="C", scale="major", energy=0.5, isVocal=True), clip(bpm=90, key="C", scale="major", energy=0.5)
    )
    worst = score(clip(bpm=60, key="C", scale="major"), clip(bpm=95, key="D", scale="major"))
    assert (best, worst) == (1.0, 0.2)


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ({"key": "C", "scale": "major"}, {"key": "G", "scale": "major"}, "complementary"),
        ({"bpm": 100}, {"bpm": 104}, "matching"),
        ({"key": "C", "scale": "major"}, {"key": "D", "scale": "major"}, "neutral"),
        ({"bpm": 100}, {"bpm": 130}, "conflicting"),
    ],
)
def test_the_score_names_the_relationship(one: dict[str, Any], other: dict[str, Any], wanted: str) -> None:
    found = clips.relationship(clip("a", **one), clip("b", **other))
    assert found["relationshipType"] == wanted
    assert len(found["reasons"]) == 1


def test_each_conflict_has_its_severity() -> None:
    assert kinds(clip(bpm=100), clip(bpm=121)) == [("tempo-mismatch", "high")]
    assert kinds(clip(bpm=70), clip(bpm=141)) == []
    assert kinds(clip(key="C", scale="major"), clip(key="F#", scale="major")) == [("key-clash", "medium")]
    assert kinds(clip(key="C", scale="major"), clip(key="A", scale="minor")) == []
    assert kinds(clip(energy=0.1), clip(energy=0.61)) == [("energy-mismatch", "low")]
    assert kinds(clip(energy=0.1), clip(energy=0.6)) == []


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("country", "hip-hop", True),
        ("country", "folk", False),
        ("pop", "rock", False),
        ("rnb", "hip-hop", False),
        ("jazz", "rock", True),
        ("other", "rock", False),
        (None, "rock", False),
    ],
)
def test_genres_of_different_families_clash(one: str | None, other: str, clash: bool) -> None:
    wanted = [("style-clash", "low")] if clash else []
    assert kinds(clip(genre=one), clip(genre=other)) == wanted
    assert kinds(clip(genre=other), clip(genre=one)) == wanted


def test_conflicts_are_looked_for_even_in_complementary_pairs() -> None:
    one = clip("a", bpm=100, key="C", scale="major", energy=0.1, genre="country")
    other = clip("b", bpm=100, key="C", scale="major", energy=0.9, genre="jazz", isVocal=True)
    found = clips.compare([one, other])
    assert found["relationships"][0]["relationshipType"] == "complementary"
    assert [conflict["conflictType"] for conflict in found["conflicts"]] == ["energy-mismatch", "style-clash"]
    assert all(conflict["clipIds"] == ["a", "b"] for conflict in found["conflicts"])
    assert all(conflict["description"] and conflict["suggestion"] for conflict in found["conflicts"])


def test_every_pair_of_ten_clips_is_compared_once() -> None:
    found = clips.compare([clip(str(i)) for i in range(10)])["relationships"]
    assert len({(pair["clipId1"], pair["clipId2"]) for pair in found}) == len(found) == 45
    assert clips.compare([clip()]) == {"relationships": [], "conflicts": []}


def test_a_summary_is_made_of_what_was_measured() -> None:
    metadata = {
        "rhythmCharacteristics": {"bpm": 90.5, "key": "A", "scale": "minor"},
        "vocalCharacteristics": {"peakLevel": 0.5},
        "style": {"energy": 0.4, "genre": "folk"},
    }
    found = clips.summarize("id", "Take 1", metadata, 12.5)
    assert (found["bpm"], found["key"], found["scale"], found["energy"]) == (90.5, "A", "minor", 0.4)
    assert found["isVocal"] is True
    assert clips.summarize("id", "Take 1", metadata, 12.5, "instrument")["isVocal"] is False
    assert clips.summarize("id", "Take 1", {}, 1.0)["bpm"] is None
