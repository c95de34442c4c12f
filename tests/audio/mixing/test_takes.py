"""Comping: the better take wins each stretch, and the joints cannot be heard."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dawg_server.audio.mixing import render, takes
from dawg_server.audio.mixing.arrangement import Arrangement, Clip, Track
from tests.audio import voices

RATE = 44_100
NOTES = [(0.1 + 0.5 * n, 0.4, 57.0 + pitch) for n, pitch in enumerate((0, 2, 3, 5, 7, 5, 3, 2, 0, 3, 5, 7))]


@functools.cache
def sung(seed: int, **manner: float) -> np.ndarray:
    return voices.sing(RATE, NOTES, seed=seed, **manner)[: 6 * RATE] * 0.6


def song(seed: int = 0, **manner: float) -> np.ndarray:
    """A copy that a test may spoil."""
    return sung(seed, **manner).copy()


def project(folder: Path, *sounds: np.ndarray) -> Arrangement:
    tracks = []
    for number, sound in enumerate(sounds):
        path = folder / f"{number}.wav"
        soundfile.write(path, sound, RATE, subtype="FLOAT")
        tracks.append(Track(str(number), clips=(Clip(0, len(sound) / RATE, path=str(path)),)))
    return Arrangement(RATE, 120.0, tuple(tracks))


def winners(found: list[dict]) -> list[str]:
    return [each["trackId"] for each in found for _ in each["segments"]]


def test_noise_clipping_wavering_and_level_each_lose_their_stretch(tmp_path: Path) -> None:
    clean = song()
    random = np.random.default_rng(3)
    spoiled = clean.copy()
    spoiled[:RATE] += random.standard_normal(RATE) * 0.03
    spoiled[2 * RATE : 3 * RATE] = np.clip(spoiled[2 * RATE : 3 * RATE] * 8, -1, 1)
    other = song(1)
    shaky = np.repeat(random.standard_normal(60), 735)[:RATE] * 0.25
    axis = np.arange(RATE) / RATE
    other[RATE : 2 * RATE] = (
        0.3 * np.sin(2 * np.pi * np.cumsum(220 * 2 ** (shaky / 12)) / RATE) * (np.sin(6 * axis) ** 2)
    )
    other[3 * RATE : 4 * RATE] += random.standard_normal(RATE) * 0.03
    found = takes.compare(project(tmp_path, spoiled, other), ["0", "1"], 1.0)
    chosen = winners(found)
    assert (chosen[0], chosen[1], chosen[2], chosen[3]) == ("1", "0", "1", "0")


def test_sound_is_better_than_silence_and_silence_is_left_out(tmp_path: Path) -> None:
    first, second = song(), song(1, noise=0.02)
    first[2 * RATE : 4 * RATE] = 0
    first[4 * RATE : 5 * RATE] = second[4 * RATE : 5 * RATE] = 0
    found = takes.compare(project(tmp_path, first, second), ["0", "1"], 1.0)
    covered = {round(part["start"]): each["trackId"] for each in found for part in each["segments"]}
    assert covered == {0: "0", 1: "0", 2: "1", 3: "1", 5: "0"}


def test_one_good_take_is_kept_whole(tmp_path: Path) -> None:
    found = takes.compare(project(tmp_path, song(), song(1, noise=0.03)), ["0", "1"], 2.0)
    assert [(each["trackId"], each["start"], each["duration"]) for each in found] == [("0", 0.0, 6.0)]
    assert all(part["scores"]["0"] > part["scores"]["1"] for part in found[0]["segments"])


@pytest.mark.parametrize("stretch", [1.0, 2.0, 6.0])
def test_a_complete_take_wins_over_one_that_stops_early(tmp_path: Path, stretch: float) -> None:
    for number, stop in enumerate((1.2, 3.3, 5.2)):
        (tmp_path / str(number)).mkdir()
        complete, stopped = song(noise=0.004), song(1, noise=0.001)
        stopped[round(stop * RATE) :] = 0
        found = takes.compare(project(tmp_path / str(number), stopped, complete), ["0", "1"], stretch)
        for part in (part for each in found for part in each["segments"]):
            if part["start"] + part["duration"] > stop + 0.3:
                assert part["scores"]["1"] > (part["scores"]["0"] or -100), (stop, part)
        assert winners(found)[-1] == "1"


def test_a_stop_between_two_held_notes_is_missed_too(tmp_path: Path) -> None:
    time = np.arange(4 * RATE) / RATE
    held = np.tile(0.3 * np.sin(2 * np.pi * 220 * time), (2, 1)).T
    stopped = held.copy()
    stopped[round(1.2 * RATE) :] = 0
    for order in ((held, stopped), (stopped, held)):
        found = takes.compare(project(tmp_path, *order), ["0", "1"], 4.0)
        assert winners(found) == ["0" if order[0] is held else "1"]


@pytest.mark.parametrize("hiss", [0.003, 0.03, 0.2])
@pytest.mark.parametrize("hissing", [0, 1])
def test_hiss_wins_neither_alone_nor_under_a_performance(tmp_path: Path, hiss: float, hissing: int) -> None:
    random = np.random.default_rng(5)
    noise = random.standard_normal(2 * RATE) * hiss
    time = np.arange(2 * RATE) / RATE
    held = 0.2 * np.sin(2 * np.pi * (220 * time + 0.7 * np.sin(2 * np.pi * 5 * time)))  # wide vibrato, never a pause
    for clean in (song()[: 2 * RATE], held):
        for other in (noise, clean + noise):
            order = (clean, other) if hissing else (other, clean)
            found = takes.compare(project(tmp_path, *order), ["0", "1"], 2.0)
            assert set(winners(found)) == {str(1 - hissing)}


def test_a_cough_in_one_take_is_not_missed_in_three_others(tmp_path: Path) -> None:
    sounds = [song(seed) for seed in range(4)]
    pause = slice(round(2.52 * RATE), round(3.5 * RATE))
    for sound in sounds:
        sound[pause] = 0
    length = pause.stop - pause.start
    sounds[0][pause] = np.random.default_rng(2).standard_normal(length) * np.hanning(length) * 0.1
    found = takes.compare(project(tmp_path, *sounds), ["0", "1", "2", "3"], 1.0)
    missing = [part["measured"]["missingShare"] for each in found for part in each["segments"]]
    assert max(missing) < 0.1


def test_the_joints_are_crossfades_that_add_up(tmp_path: Path) -> None:
    same = song()
    noisy, other = same.copy(), same.copy()
    random = np.random.default_rng(1)
    noisy[3 * RATE :] += random.standard_normal(3 * RATE) * 0.03
    other[: 3 * RATE] += random.standard_normal(3 * RATE) * 0.03
    arrangement = project(tmp_path, noisy, other)
    found = takes.compare(arrangement, ["0", "1"], 1.0)
    assert [each["trackId"] for each in found] == ["0", "1"]
    assert found[0]["start"] + found[0]["duration"] - found[1]["start"] == pytest.approx(takes.CROSSFADE)
    sources = {track.id: track.clips[0].path for track in arrangement.tracks}
    clips = tuple(
        Clip(
            each["start"],
            each["duration"],
            each["start"],
            each["fadeIn"],
            each["fadeOut"],
            path=sources[each["trackId"]],
        )
        for each in found
    )
    comp = Arrangement(RATE, 120.0, (Track("comp", clips=clips),))
    out = np.concatenate(list(render.blocks(comp, 0, 6 * RATE)))[:, 0]
    away = np.abs(np.arange(6 * RATE) - 3 * RATE) > RATE // 50
    assert np.abs(out - same)[away].max() < 1e-6
    assert np.abs(out - same).max() < 0.1  # within the joint, half of each take's noise
