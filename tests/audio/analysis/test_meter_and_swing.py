import numpy as np
import pytest

from dawg_server.audio.analysis import meter, onsets, swing
from tests.audio.analysis import listening, material


def _grid(piece: material.Piece) -> np.ndarray:
    beat = 60 / (piece.bpm or 1)
    return np.arange(0.05, len(piece.samples) / piece.rate - beat, beat)


def _signature(piece: material.Piece) -> tuple[int, int] | None:
    spectra = listening.spectra(piece)
    return meter.signature(spectra, onsets.detect(spectra), _grid(piece))


@pytest.mark.parametrize("drums", ["rock", "boom bap", "ride", "breakbeat"])
def test_four_beats_to_the_bar(drums: str) -> None:
    assert _signature(material.play(material.Band(bpm=112, drums=drums, snr=30), 4)) == (4, 4)


@pytest.mark.parametrize("chords", [None, "piano"])
def test_a_waltz_has_three(chords: str | None) -> None:
    assert _signature(material.play(material.Band(bpm=150, drums="waltz", chords=chords, snr=30), 5)) == (3, 4)


def test_beats_divided_into_three_are_six_eight() -> None:
    samples, rng = np.zeros(44_100 * 16), np.random.default_rng(0)
    for eighth in range(int(15 / 0.25)):
        drum, level = (("kick", 1.0), ("hat", 0.7), ("hat", 0.7), ("snare", 0.9), ("hat", 0.7), ("hat", 0.7))[
            eighth % 6
        ]
        sound = material.hit(drum, 44_100, rng) * level * 0.5
        start = int((0.05 + eighth * 0.25) * 44_100)
        samples[start : start + len(sound)] += sound
    piece = material.Piece(samples[:, None].astype(np.float32), 44_100, bpm=80.0)
    assert _signature(piece) == (6, 8)


def test_equal_clicks_have_no_time_signature() -> None:
    assert _signature(material.clicks(120)) is None


def test_too_few_beats_have_no_time_signature() -> None:
    assert _signature(material.play(material.Band(bpm=100, drums="rock", seconds=6), 0)) is None


@pytest.mark.parametrize("bpm", [84.0, 127.0])
@pytest.mark.parametrize("amount", [0.0, 0.3, 0.6, 1.0])
def test_swing_follows_the_off_beats(amount: float, bpm: float) -> None:
    piece = material.play(material.Band(bpm=bpm, drums="boom bap", swing=amount, looseness=0.002, snr=40), 3)
    found = swing.amount(listening.onsets_of(piece), _grid(piece))
    assert found == pytest.approx(amount, abs=0.1)


def test_no_off_beats_no_swing() -> None:
    piece = material.clicks(100)
    assert swing.amount(listening.onsets_of(piece), _grid(piece)) is None
