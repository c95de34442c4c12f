from typing import Any

import pytest

from dawg_server.audio.analysis import artists


def metadata(
    genre: str | None, bpm: float | None, warmth: float | None = None, source: str = "measured", **style: Any
) -> dict[str, Any]:
    return {
        "rhythmCharacteristics": {"bpm": bpm, "swingAmount": style.pop("swingAmount", 0.0)},
        "vocalCharacteristics": None if warmth is None else {"timbre": {"warmth": warmth, "roughness": 0.3}},
        "style": {"genre": genre, "source": source, "energy": 0.5, "valence": 0.6, "danceability": 0.6, **style},
    }


def names(found: dict[str, Any]) -> list[str]:
    return [candidate["style"] for candidate in found["candidates"]]


@pytest.mark.parametrize(("bpm", "warmth"), [(80, 0.61), (104, 0.9), (130, 0.7)])
def test_morgan_wallen_is_measured_country_with_a_warm_voice(bpm: float, warmth: float) -> None:
    found = artists.detect_style(metadata("country", bpm, warmth), "Morgan Wallen")
    assert found["detectedStyle"] == "morgan-wallen"
    assert 0.5 <= found["confidence"] <= 1


@pytest.mark.parametrize(
    "measured",
    [
        metadata("country", 79.9, 0.9),
        metadata("country", 130.1, 0.9),
        metadata("country", 100, 0.6),
        metadata("country", 100, None),
        metadata("country", None, 0.9),
        metadata("pop", 100, 0.9),
        metadata(None, 100, 0.9),
        metadata("country", 100, 0.9, source="suggested"),
        {},
    ],
    ids=["slow", "fast", "not warm", "no voice", "no tempo", "pop", "no genre", "suggested genre", "nothing"],
)
@pytest.mark.parametrize("text", ["morgan-wallen", "sounds exactly like Morgan Wallen!", None])
def test_and_nobody_else_whatever_the_text_says(measured: dict[str, Any], text: str | None) -> None:
    assert "morgan-wallen" not in names(artists.detect_style(measured, text))


def test_a_named_artist_gains_but_only_when_the_recording_resembles() -> None:
    hip_hop = metadata("hip-hop", 92, swingAmount=0.5, valence=0.5)
    plain, named = artists.detect_style(hip_hop), artists.detect_style(hip_hop, "a beat à la J. Dilla, please")
    assert named["detectedStyle"] == "j-dilla"
    assert named["confidence"] >= plain["confidence"]
    assert "miles-davis" not in names(artists.detect_style(hip_hop, "Miles Davis"))


def test_candidates_are_ranked_and_the_first_is_detected() -> None:
    found = artists.detect_style(metadata("pop", 118, energy=0.7, danceability=0.8))
    confidences = [candidate["confidence"] for candidate in found["candidates"]]
    assert len(confidences) > 1
    assert confidences == sorted(confidences, reverse=True)
    assert found["detectedStyle"] == names(found)[0]
    assert found["confidence"] == confidences[0]


def test_without_anything_measured_no_style_is_detected() -> None:
    assert artists.detect_style({}, "Taylor Swift")["detectedStyle"] is None


def test_words_inside_other_words_are_no_names() -> None:
    indie = metadata("pop", 118, energy=0.7)
    assert artists.detect_style(indie, "swiftly") == artists.detect_style(indie)
