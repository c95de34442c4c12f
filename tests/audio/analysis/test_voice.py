import numpy as np
import pytest

from dawg_server.audio.analysis import voice
from tests.audio.analysis import listening, material
from tests.sampling import sample


@pytest.mark.parametrize("seed", sample(range(5), 0, 3))
def test_singing_is_judged_vocal(seed: int) -> None:
    sung = material.singing(7, seed=seed, high=seed % 2 == 1, wet=0.1 * (seed % 3), sibilance=0.4 * (seed % 3))
    assert voice.likelihood(listening.spectra(sung)) >= voice.VOCAL


@pytest.mark.parametrize("melody", ["saw", "pluck", "brass", "sine", "organ"])
def test_a_solo_instrument_is_not(melody: str) -> None:
    solo = material.play(material.Band(melody=melody, seconds=7, snr=45, reverb=0.1), 3)
    assert voice.likelihood(listening.spectra(solo)) < voice.VOCAL / 2


def test_a_synthesizer_with_vibrato_is_not() -> None:
    t = np.arange(44_100 * 7) / 44_100
    steps = np.repeat((0, 2, 4, 5, 7, 5, 4), 44_100) + 0.4 * np.sin(2 * np.pi * 5.5 * t)
    phase = 2 * np.pi * np.cumsum(330 * 2 ** (steps / 12)) / 44_100
    lead = listening.piece(0.2 * sum(np.sin(k * phase) / k for k in range(1, 13)))
    assert voice.likelihood(listening.spectra(lead)) < voice.VOCAL


@pytest.mark.parametrize("kind", ["mix", "drums", "chords", "bass"])
def test_a_band_without_a_singer_is_not(kind: str) -> None:
    assert voice.likelihood(listening.spectra(material.varied(7, kind, 8.0))) < voice.VOCAL / 2


@pytest.mark.parametrize("seed", sample([1, 2, 3], 2))
def test_sibilance_is_heard_only_where_there_is_some(seed: int) -> None:
    assert voice.traces(listening.spectra(material.singing(7, seed=seed, sibilance=1))).sibilance is True
    assert voice.traces(listening.spectra(material.singing(7, seed=seed, sibilance=0))).sibilance is False


def test_breath_noise_rises_with_the_breath() -> None:
    found = [voice.traces(listening.spectra(material.singing(9, seed=4, breath=breath))).breath for breath in (0, 1, 4)]
    assert found == ["low", "moderate", "high"]


def test_room_tone_is_steady_noise_in_the_pauses() -> None:
    assert voice.traces(listening.spectra(material.singing(7, seed=1, noise=10 ** (-55 / 20)))).room_tone is True
    assert voice.traces(listening.spectra(material.singing(7, seed=1, noise=10 ** (-95 / 20)))).room_tone is False


def test_without_a_voice_there_are_no_traces_of_one() -> None:
    assert voice.traces(listening.spectra(listening.noise(3))) == voice.Traces(None, None, None)
    assert voice.likelihood(listening.spectra(listening.piece(np.zeros(44_100)))) == 0.0
