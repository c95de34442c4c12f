from __future__ import annotations

import itertools

import numpy as np
import pytest

from dawg_server.music import sound
from dawg_server.music.score import Note
from dawg_server.music.sound import kits
from tests.sampling import sample

PIECES = {"kick": 36, "snare": 38, "clap": 39, "closed hat": 42, "open hat": 46, "ride": 51, "crash": 49, "tom": 45}
ALL_KEYS = range(27, 88)


def hit(kit: str, key: int, velocity: int = 110) -> np.ndarray:
    return sound.synthesize([Note(0, 0.1, key, velocity)], kit, 44_100).sum(axis=1)


def colour(samples: np.ndarray) -> np.ndarray:
    """Third-octave levels of the first 300 ms, in dB beside the loudest."""
    spectrum = np.abs(np.fft.rfft(samples[:13_230], 1 << 15)) ** 2
    freqs = np.fft.rfftfreq(1 << 15, 1 / 44_100)
    edges = 40 * 2 ** (np.arange(27) / 3)
    levels = [spectrum[(freqs >= low) & (freqs < high)].sum() for low, high in itertools.pairwise(edges)]
    return np.maximum(10 * np.log10(np.array(levels) / max(levels) + 1e-9), -40)


def centroid(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples, 1 << 16)) ** 2
    return float((spectrum * np.fft.rfftfreq(1 << 16, 1 / 44_100)).sum() / spectrum.sum())


@pytest.mark.parametrize("piece", ["kick", "snare", "closed hat"])
def test_the_heart_of_every_kit_sounds_different(piece: str) -> None:
    colours = {kit: colour(hit(kit, PIECES[piece])) for kit in kits.KITS}
    for one, other in itertools.combinations(colours, 2):
        assert np.abs(colours[one] - colours[other]).mean() > 0.5, (one, other)


@pytest.mark.parametrize("piece", PIECES)
def test_no_two_kits_share_a_sound(piece: str) -> None:
    sounds = {kit: hit(kit, PIECES[piece]).tobytes() for kit in kits.KITS}
    assert len(set(sounds.values())) == len(sounds)


@pytest.mark.parametrize("kit", sample(kits.KITS, "kit trap", "kit lofi"))
def test_every_key_of_every_kit_sounds_and_dies_away(kit: str) -> None:
    for key in ALL_KEYS:
        samples = hit(kit, key)
        assert np.isfinite(samples).all()
        assert 0.02 < np.abs(samples).max() < 2.5, key
        assert np.abs(samples[-5:]).max() < 1e-3, key
        assert len(samples) < 4 * 44_100


@pytest.mark.parametrize("kit", kits.KITS)
def test_kicks_are_low_hats_are_high_and_snares_between(kit: str) -> None:
    kick, snare, hat = (centroid(hit(kit, PIECES[piece])) for piece in ("kick", "snare", "closed hat"))
    assert kick < 350 < snare < hat
    assert hat > 3500


def test_open_hats_ring_longer_than_closed_ones_and_are_cut_off_by_them() -> None:
    opened = sound.synthesize([Note(0, 0.1, 46, 100)], "kit acoustic", 44_100)
    closed = sound.synthesize([Note(0, 0.1, 42, 100)], "kit acoustic", 44_100)
    assert len(opened) > 2 * len(closed)
    both = sound.synthesize([Note(0, 0.1, 46, 100), Note(0.1, 0.1, 44, 1)], "kit acoustic", 44_100)
    after = slice(round(0.11 * 44_100), round(0.2 * 44_100))
    assert np.abs(both[after]).max() < 0.1 * np.abs(opened[after]).max()


def test_repeated_hits_are_never_the_same_recording_twice_in_a_row() -> None:
    samples = sound.synthesize([Note(0, 0.1, 38, 100), Note(1, 0.1, 38, 100)], "kit acoustic", 44_100)
    assert not np.array_equal(samples[:8000], samples[44_100:52_100])
