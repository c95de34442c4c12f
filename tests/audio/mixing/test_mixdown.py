"""Mixes by measurement: as loud as asked, balanced, coloured as the profile says, with every setting told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile

from dawg_server import errors
from dawg_server.audio.mixing import dynamics, mixdown, planning
from dawg_server.audio.mixing.arrangement import Arrangement, Clip, Track
from tests.audio import signals
from tests.music.songs import Songs
from tests.sampling import sample

RATE = 44_100


@pytest.fixture(scope="module")
def stems(songs: Songs) -> dict[str, str]:
    made = songs.composed("house", 125, 8, mood="deep")
    return {name: str(path) for name, path in made.stems.items()}


def project(stems: dict[str, str], **gains: float) -> Arrangement:
    """`gains` in dB, which a good mix has to undo."""
    tracks = tuple(
        Track(name, name=name, volume=0.8, clips=(Clip(0, 8.0, gain_db=gains.get(name, 0.0), path=path),))
        for name, path in stems.items()
    )
    return Arrangement(RATE, 125.0, tracks)


def mixed(arrangement: Arrangement, folder: Path, **options: object) -> tuple[np.ndarray, dict]:
    made = mixdown.mix(arrangement, str(folder / "mix.wav"), **{"profile": "balanced", "target": -14.0, **options})
    return soundfile.read(folder / "mix.wav")[0], made


@pytest.mark.parametrize("target", sample([-20.0, -14.0, -9.0], -14.0))
def test_a_mix_is_as_loud_as_asked(stems: dict[str, str], target: float, tmp_path: Path) -> None:
    found, made = mixed(project(stems), tmp_path, target=target)
    lufs = pyloudnorm.Meter(RATE).integrated_loudness(found)
    assert lufs == pytest.approx(target, abs=0.5)
    assert made["facts"]["lufs"] == pytest.approx(lufs, abs=0.1)
    assert signals.oversampled_peak(found, 4) <= -1
    assert len(found) == 10 * RATE


def test_levels_that_were_off_come_back_into_balance(stems: dict[str, str], tmp_path: Path) -> None:
    even, _ = mixed(project(stems), tmp_path)
    odd, made = mixed(project(stems, drums=-15, chords=12, bass=-8), tmp_path)
    error = 20 * np.log10(np.std(odd - even) / np.std(even))
    assert error < -15
    faders = {each["trackId"]: each["volume"] for each in made["settings"]["tracks"]}
    assert faders["drums"] > faders["chords"]
    assert all(0 < volume <= 1 for volume in faders.values())
    assert {each["trackId"]: each["role"] for each in made["settings"]["tracks"]} == {
        "drums": "drums",
        "bass": "bass",
        "chords": "other",
        "melody": "other",
    }


@pytest.mark.parametrize(
    ("genre", "bpm"), sample([("trap", 150), ("house", 125), ("rock", 120), ("techno", 125)], ("trap", 150))
)
def test_parts_are_told_apart_by_their_sound(genre: str, bpm: float, songs: Songs) -> None:
    made = songs.composed(genre, bpm, 9)
    tracks = tuple(Track(name, clips=(Clip(0, 8.0, path=str(path)),)) for name, path in made.stems.items())
    found = {each["trackId"]: each["role"] for each in mixdown.suggest(Arrangement(RATE, bpm, tracks), "balanced")}
    assert found == {"drums": "drums", "bass": "bass", "chords": "other", "melody": "other"}


def test_profiles_have_their_colours(stems: dict[str, str], tmp_path: Path) -> None:
    shares = {}
    for profile in planning.PROFILES:
        found, _ = mixed(project(stems), tmp_path, profile=profile)
        power = np.abs(np.fft.rfft(found.mean(axis=1))) ** 2
        hertz = np.fft.rfftfreq(len(found), 1 / RATE)
        low, middle, high = (
            10 * np.log10(power[(hertz >= first) & (hertz < last)].sum())
            for first, last in ((30, 150), (300, 3000), (5000, 16_000))
        )
        shares[profile] = (low - middle, high - middle)
    assert shares["bass-heavy"][0] > shares["balanced"][0] + 1.5
    assert shares["bright"][1] > shares["balanced"][1] + 1.0  # a song that is bright already gains less
    assert shares["warm"][1] < shares["balanced"][1] - 1.0


def test_pans_that_were_set_stay_and_others_are_given_out(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, signals.sine(RATE, 3.0, 440.0, -20.0, channels=1), RATE)
    clips = (Clip(0, 3.0, path=str(path)),)
    tracks = (
        Track("set", pan=0.7, clips=clips),
        Track("free", clips=clips),
        Track("other", clips=clips),
        Track("sung", name="Vocals", clips=clips),
        Track("empty"),
    )
    found = {each["trackId"]: each["pan"] for each in mixdown.suggest(Arrangement(RATE, 120.0, tracks), "balanced")}
    assert found["set"] == 0.7
    assert found["free"] * found["other"] < 0
    assert found["sung"] == 0
    assert "empty" not in found


def test_silence_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "nothing.wav", np.zeros((RATE, 2)), RATE)
    track = Track("a", clips=(Clip(0, 1.0, path=str(tmp_path / "nothing.wav")),))
    with pytest.raises(errors.AudioTooQuiet):
        mixed(Arrangement(RATE, 120.0, (track,)), tmp_path)


def test_the_compressor_follows_its_curve_and_leaves_quiet_sound_alone() -> None:
    settings = dynamics.CompressorSettings(-20.0, 4.0, 5.0, 50.0, knee_db=0.0)
    for level, wanted in ((-40.0, -40.0), (-8.0, -17.0)):
        sound = signals.sine(RATE, 2.0, 6000.0, level + 3.01)  # the level counts the mean square
        machine = dynamics.Compressor(RATE, 2, settings)
        out = np.concatenate(
            [*(machine.process(part) for part in signals.split(sound, (777, 64, 5000))), machine.flush()]
        )
        assert out.shape == sound.shape
        steady = out[RATE : RATE + RATE // 2]
        assert 10 * np.log10(np.mean(np.square(steady))) == pytest.approx(wanted, abs=0.2)


def test_the_same_tracks_give_the_same_mix(stems: dict[str, str], tmp_path: Path) -> None:
    first, _ = mixed(project(stems), tmp_path)
    second, _ = mixed(project(stems), tmp_path)
    assert np.array_equal(first, second)
