import numpy as np
import pytest

from dawg_server.audio.analysis import chroma, timbre
from tests.audio.analysis import listening, material


def _describe(piece: material.Piece) -> dict[str, float]:
    spectra = listening.spectra(piece)
    found = timbre.describe(spectra, chroma.measure(spectra.tonal))
    return {name: value for name, value in found.items() if value is not None}


def _played(timbre_name: str, seed: int = 0) -> material.Piece:
    return material.play(material.Band(chords=timbre_name, seconds=6, snr=60), seed)


def test_brighter_instruments_measure_brighter() -> None:
    dark, bright = _describe(_played("dark")), _describe(_played("saw"))
    assert dark["brightness"] < bright["brightness"]
    assert dark["spectralCentroid"] < bright["spectralCentroid"]
    assert dark["spectralRolloff"] < bright["spectralRolloff"]
    assert dark["warmth"] > bright["warmth"]


def test_centroid_and_rolloff_of_a_tone_are_its_frequency() -> None:
    found = _describe(listening.tones(1_000))
    assert found["spectralCentroid"] == pytest.approx(1_000, rel=0.03)
    assert found["spectralRolloff"] == pytest.approx(1_000, rel=0.03)


def test_rolloff_of_white_noise_lies_at_85_percent_of_the_band() -> None:
    assert _describe(listening.noise(4))["spectralRolloff"] == pytest.approx(0.85 * 22_050, rel=0.03)


def test_neighbouring_tones_are_rough_and_an_octave_is_smooth() -> None:
    assert _describe(listening.tones(440, 466))["roughness"] > 0.7
    assert _describe(listening.tones(440, 880))["roughness"] < 0.1


def test_more_partials_are_richer_and_noise_is_not() -> None:
    sine, octave, saw = (
        _describe(listening.tones(*(220.0 * k for k in range(1, count + 1)), level=0.03))["harmonicRichness"]
        for count in (1, 2, 12)
    )
    assert sine < octave < saw
    assert _describe(listening.noise(4))["harmonicRichness"] < 0.1


def test_no_two_recordings_measure_alike() -> None:
    found = [_describe(_played(name, seed)) for name in ("saw", "organ", "piano", "pluck") for seed in (1, 2)]
    found += [_describe(material.singing(5, seed=seed)) for seed in (1, 2)]
    for name in found[0]:
        assert len({numbers[name] for numbers in found}) == len(found), name


def test_balance_follows_brightness() -> None:
    assert [timbre.balance(value) for value in (0.1, 0.45, 0.8, None)] == ["dark", "balanced", "bright", None]
    assert timbre.balance(_describe(_played("dark"))["brightness"]) == "dark"
    assert timbre.balance(_describe(listening.noise(3))["brightness"]) == "bright"


def test_silence_has_no_colour() -> None:
    assert _describe(listening.piece(np.zeros(44_100))) == {}
