import numpy as np
import pytest

from dawg_server.audio.analysis import tempo
from tests.audio.analysis import listening, material


@pytest.mark.parametrize("bpm", [60, 73.4, 90, 120, 133.3, 174])
def test_clicks_are_counted_within_one_bpm(bpm: float) -> None:
    found = tempo.estimate(listening.onsets_of(material.clicks(bpm)))
    assert found is not None
    assert found.bpm == pytest.approx(bpm, abs=0.2)
    assert found.confidence > 0.5
    assert found.stability > 0.95


@pytest.mark.parametrize("rate", [22_050, 48_000])
def test_the_sample_rate_does_not_matter(rate: int) -> None:
    found = tempo.estimate(listening.onsets_of(material.clicks(101.7, 15, rate)))
    assert found is not None
    assert found.bpm == pytest.approx(101.7, abs=0.2)


def test_beats_lie_on_the_clicks() -> None:
    found = tempo.estimate(listening.onsets_of(material.clicks(90, 15)))
    assert found is not None
    distance = found.beats / (60 / 90) % 1
    assert np.abs(np.minimum(distance, 1 - distance)).max() * 60 / 90 < 0.025
    assert len(found.beats) == pytest.approx(22, abs=1)


@pytest.mark.parametrize(
    "piece",
    [
        listening.noise(3),
        listening.noise(20),
        listening.noise(20, seed=1),
        listening.tones(110, 220.4, 331, seconds=15),
        listening.tones(440, seconds=15),
        listening.piece(np.zeros(44_100 * 5)),
        listening.piece(np.full(44_100 * 5, 0.4)),
        material.clicks(120, 1.5),
    ],
    ids=["noise 3 s", "noise", "other noise", "drone", "sine", "silence", "offset", "too short"],
)
def test_what_has_no_pulse_has_no_tempo(piece: material.Piece) -> None:
    assert tempo.estimate(listening.onsets_of(piece)) is None


def test_random_hits_are_no_pulse() -> None:
    rng = np.random.default_rng(3)
    samples, snare = np.zeros(44_100 * 20), material.hit("snare", 44_100, rng)
    for start in rng.integers(0, len(samples) - len(snare), 40):
        samples[start : start + len(snare)] += snare
    assert tempo.estimate(listening.onsets_of(listening.piece(samples))) is None


def test_a_drummer_who_hurries_is_less_steady_than_a_machine_and_gets_the_average_tempo() -> None:
    bpm = np.linspace(112, 122, 40)
    samples, click = np.zeros(44_100 * 22), material.hit("click", 44_100, np.random.default_rng(0))
    for second in np.cumsum(60 / bpm):
        start = int(second * 44_100)
        samples[start : start + len(click)] += click
    found = tempo.estimate(listening.onsets_of(listening.piece(samples)))
    steady = tempo.estimate(listening.onsets_of(material.clicks(117)))
    assert found is not None and steady is not None
    assert found.bpm == pytest.approx(117, abs=2)
    assert found.stability < steady.stability - 0.1


def test_confidence_falls_as_noise_rises() -> None:
    def confidence(snr: float) -> float:
        band = material.Band(bpm=112, drums="rock", snr=snr, seconds=12)
        found = tempo.estimate(listening.onsets_of(material.play(band, 1)))
        return found.confidence if found else 0.0

    assert confidence(40) > confidence(-24) + 0.1
