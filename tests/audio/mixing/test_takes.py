"""Comping: the better take wins each stretch, and the joints cannot be heard."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dawg_server.audio.mixing import mixer, takes
from dawg_server.audio.mixing.arrangement import Arrangement, Clip, Track
from tests.audio import voices
from tests.sampling import sample

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


def comp(arrangement: Arrangement, found: list[dict]) -> np.ndarray:
    """The new track as it plays."""
    sources = {track.id: track.clips[0] for track in arrangement.tracks}
    clips = []
    for each in found:
        source = sources[each["trackId"]]
        begin, end = max(each["start"], source.start), min(each["start"] + each["duration"], source.end)
        fade_out = each["fadeOut"] if end == each["start"] + each["duration"] else 0.0
        clips.append(Clip(begin, end - begin, begin - source.start, each["fadeIn"], fade_out, path=source.path))
    end = round(arrangement.end * RATE)
    return np.concatenate(list(mixer.played(Arrangement(RATE, 120.0, (Track("comp", clips=tuple(clips)),)), 0, end)))[
        :, 0
    ]


def longest_hole(out: np.ndarray, sounds: list[np.ndarray], least_db: float = -40.0) -> float:
    """Seconds in a row in which some take sounds and the comp does not: 15 dB below the quietest that sounds."""
    step = round(0.005 * RATE)

    def levels(sound: np.ndarray) -> np.ndarray:
        padded = np.zeros(-(-len(out) // step) * step)
        padded[: len(sound)] = sound
        smooth = np.convolve(padded**2, np.ones(2 * step) / (2 * step), mode="same")
        return 10 * np.log10(smooth[step // 2 :: step] + 1e-12)

    some = np.max([levels(sound) for sound in sounds], axis=0) > least_db
    holes = some & (levels(out) < least_db - 15)
    longest = run = 0
    for hole in holes:
        run = run + 1 if hole else 0
        longest = max(longest, run)
    return longest * 0.005


def winners(found: list[dict], seconds: float) -> list[str]:
    """What plays longest in each stretch."""
    played: dict[int, dict[str, float]] = {}
    for each in found:
        for part in each["segments"]:
            stretch = played.setdefault(int(part["start"] / seconds + 1e-6), {})
            stretch[each["trackId"]] = stretch.get(each["trackId"], 0.0) + part["duration"]
    return [max(stretch, key=lambda take: stretch[take]) for _, stretch in sorted(played.items())]


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
    chosen = winners(found, 1.0)
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


@pytest.mark.parametrize("stretch", sample([1.0, 2.0, 6.0], 2.0))
def test_a_complete_take_wins_over_one_that_stops_early(tmp_path: Path, stretch: float) -> None:
    for number, stop in enumerate((1.2, 3.3, 5.2)):
        (tmp_path / str(number)).mkdir()
        complete, stopped = song(noise=0.004), song(1, noise=0.001)
        stopped[round(stop * RATE) :] = 0
        found = takes.compare(project(tmp_path / str(number), stopped, complete), ["0", "1"], stretch)
        for part in (part for each in found for part in each["segments"]):
            if part["start"] + part["duration"] > stop + 0.3:
                assert part["scores"]["1"] > (part["scores"]["0"] or -100), (stop, part)
        assert found[-1]["trackId"] == "1"


def test_a_stop_between_two_held_notes_is_missed_too(tmp_path: Path) -> None:
    time = np.arange(4 * RATE) / RATE
    held = np.tile(0.3 * np.sin(2 * np.pi * 220 * time), (2, 1)).T
    stopped = held.copy()
    stopped[round(1.2 * RATE) :] = 0
    for order in ((held, stopped), (stopped, held)):
        found = takes.compare(project(tmp_path, *order), ["0", "1"], 4.0)
        assert winners(found, 4.0) == ["0" if order[0] is held else "1"]


def held(seconds: float, noise: float, seed: int) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    tone = sum(0.2 / n * np.sin(2 * np.pi * 220 * n * time + n) for n in (1, 2, 3, 4))
    return tone + np.random.default_rng(seed).standard_normal(len(time)) * noise


@pytest.mark.parametrize("order", sample([1, -1], -1))
@pytest.mark.parametrize("goes_on", ["clip", "silence", "noise"])
@pytest.mark.parametrize(
    ("noise", "noise_of_stopped", "stop", "clipped"),
    sample(
        [
            (0.003, 0.001, 4.8, False),
            (0.003, 0.001, 4.803, False),
            (0.01, 0.0001, 4.5, False),
            (0.001, 0.001, 4.2, True),
        ],
        (0.003, 0.001, 4.803, False),
        (0.001, 0.001, 4.2, True),
    ),
)
def test_what_a_take_lacks_before_a_joint_comes_from_another(
    tmp_path: Path, noise: float, noise_of_stopped: float, stop: float, clipped: bool, goes_on: str, order: int
) -> None:
    complete, stopped = held(10, noise, 0), held(stop, noise_of_stopped, 1)
    if clipped:
        complete[: 5 * RATE] = np.clip(complete[: 5 * RATE] * 8, -1, 1)
    if goes_on != "clip":
        after = np.random.default_rng(2).standard_normal(10 * RATE - len(stopped))
        stopped = np.concatenate((stopped, after * (noise_of_stopped if goes_on == "noise" else 0)))
    sounds = [complete, stopped][::order]
    arrangement = project(tmp_path, *sounds)
    found = takes.compare(arrangement, ["0", "1"], 5.0)
    out = comp(arrangement, found)
    assert longest_hole(out, sounds) <= takes.CROSSFADE
    steepest = max(np.abs(np.diff(sound[: round(stop * RATE)])).max() for sound in sounds)
    if not clipped:
        assert np.abs(np.diff(out)).max() < 1.5 * steepest  # no click


@pytest.mark.parametrize("seed", sample(range(24), 0, 1))
def test_the_comp_is_silent_nowhere_where_some_take_sounds(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(2, 6))
    sounds = []
    for number in range(count):
        source = held(12, 0, 0) if seed % 2 else np.tile(song(number), 2)
        sound = source * random.uniform(0.6, 1.2)
        if number:  # one take is complete in half of the cases
            for _ in range(int(random.integers(1, 5))):
                begin = random.uniform(0, 12)
                sound[round(begin * RATE) : round((begin + random.choice([0.07, 0.2, 0.5, 1.5])) * RATE)] = 0
            sound[round(random.uniform(6, 12) * RATE) :] = 0
        elif seed % 4 < 2:
            sound[: round(random.uniform(0, 3) * RATE)] = 0
        gated = sound == 0
        sound += random.standard_normal(len(sound)) * random.choice([0.0001, 0.0005, 0.001])
        sound[gated] = 0
        sounds.append(np.clip(sound * 4, -1, 1) if random.random() < 0.2 else sound)
    arrangement = project(tmp_path, *sounds)
    found = takes.compare(arrangement, [str(number) for number in range(count)], float(random.choice([1, 1.33, 3, 5])))
    assert longest_hole(comp(arrangement, found), sounds) <= 0.06
    for one, other in itertools.pairwise(found):
        assert one["trackId"] != other["trackId"] or other["start"] > one["start"] + one["duration"]


@pytest.mark.parametrize("hiss", sample([0.003, 0.03, 0.2], 0.03))
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
            assert set(winners(found, 2.0)) == {str(1 - hissing)}


def test_a_cough_in_one_take_is_not_missed_in_three_others(tmp_path: Path) -> None:
    sounds = [song(seed) for seed in range(4)]
    pause = slice(round(2.52 * RATE), round(3.5 * RATE))
    length = pause.stop - pause.start
    for sound in sounds:
        sound[pause] = 0
    for sound in sounds:  # a room is never digitally silent: where a take is, nothing has been recorded
        sound += np.random.default_rng(2).standard_normal(len(sound)) * 0.0002
    cough = np.random.default_rng(3).standard_normal(length) * np.hanning(length) * 0.1
    sounds[0][pause] += cough
    arrangement = project(tmp_path, *sounds)
    found = takes.compare(arrangement, ["0", "1", "2", "3"], 1.0)
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
    out = comp(arrangement, found)
    away = np.abs(np.arange(6 * RATE) - 3 * RATE) > RATE // 50
    assert np.abs(out - same)[away].max() < 1e-6
    assert np.abs(out - same).max() < 0.1  # within the joint, half of each take's noise
