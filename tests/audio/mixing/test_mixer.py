"""Devices and envelopes in the mix: brought to the same time, moved at every sample, and heard wherever sound goes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dawg_server import errors
from dawg_server.audio.devices.catalogue import TYPES
from dawg_server.audio.mixing import mixdown, mixer
from dawg_server.audio.mixing.arrangement import Arrangement, Clip, Envelope, Insert, SampledSound, Track, TrackSend
from dawg_server.music.score import Note
from tests.audio import signals
from tests.audio.devices.streams import RATE, decibels, through
from tests.audio.mixing.test_render import project, wav

FLIPPED = {"invertLeft": True, "invertRight": True}


@pytest.fixture
def clips(tmp_path: Path) -> tuple[Clip, ...]:
    """Two seconds of music."""
    path = wav(tmp_path / "music.wav", signals.music(RATE, 2.0) * np.float32(0.2))
    return (Clip(0.0, 2.0, path=path),)


def insert(type: str, id: str = "", sidechain: str | None = None, **parameters: Any) -> Insert:
    return Insert(id or type, type, {**TYPES[type].defaults, **parameters}, sidechain)


def played(whole: Arrangement, seconds: float = 2.0, start: float = 0.0) -> np.ndarray:
    first = round(start * RATE)
    return np.concatenate(list(mixer.played(whole, first, round(seconds * RATE))))


def test_what_devices_are_late_by_is_made_up_for_everywhere(clips: tuple[Clip, ...]) -> None:
    plain = Track("plain", clips=clips)
    late = Track("late", clips=clips, devices=(insert("pitchShift"), insert("utility", **FLIPPED)))
    assert decibels(played(project(plain, late))) < -100
    # By way of a bus, on a bus, and against what a send leads there.
    bus = Track("bus", kind="AUX", devices=(insert("limiter", ceiling=0),))
    assert decibels(played(project(plain, dataclasses.replace(late, output="bus"), bus))) < -100
    flip = Track("flip", kind="AUX", devices=(insert("utility", **FLIPPED),))
    split = dataclasses.replace(late, devices=late.devices[:1], sends=(TrackSend("flip", 1.0, id="s"),))
    assert decibels(played(project(split, flip, plain)) - played(project(plain))) < -100
    # Clips on the bus itself wait for what feeds it.
    both = dataclasses.replace(flip, clips=clips)
    assert decibels(played(project(dataclasses.replace(late, devices=late.devices[:1], output="flip"), both))) > -20
    same = dataclasses.replace(late, output="flip")
    assert decibels(played(project(same, dataclasses.replace(both, devices=())))) < -100


def test_a_chain_is_its_devices_in_order_and_any_part_equals_that_of_the_whole(clips: tuple[Clip, ...]) -> None:
    sound = played(project(Track("a", clips=clips)))
    chain = (insert("equalizer", gain2=6), insert("compressor", threshold=-30), insert("reverb", mix=0.4))
    expected = sound
    for device in chain:
        expected = through(device.type, expected, **device.parameters)
    whole = project(Track("a", clips=clips, devices=chain, volume=0.5))
    assert decibels(played(whole) - expected * np.float32(0.5)) < -100
    part = played(whole, 0.9, start=0.777)
    first = round(0.777 * RATE)
    assert decibels(part - expected[first : first + len(part)] * np.float32(0.5)) < -100
    master = project(Track("a", clips=clips), Track("m", kind="MASTER", devices=chain))
    assert decibels(played(master) - expected) < -100


def test_a_fade_of_ten_milliseconds_is_one(tmp_path: Path) -> None:
    path = wav(tmp_path / "ones.wav", np.ones((2 * RATE, 2), np.float32))
    points = ((0.5, 1.0, "linear"), (0.51, 0.0, "hold"), (1.0, 0.5, "smooth"), (1.5, 1.0, "linear"))
    track = Track("a", clips=(Clip(0, 2.0, path=path),), envelopes=(Envelope("volume", points),))
    out = played(project(track))[:, 0]
    n = np.arange(2 * RATE) / RATE
    expected = np.interp(n, (0.5, 0.51), (1, 0))
    expected[n >= 1.0] = 0.75 - 0.25 * np.cos(np.pi * (n[n >= 1.0] - 1.0) / 0.5)
    expected[n >= 1.5] = 1.0
    assert np.abs(out - expected).max() < 1e-6
    # The same by a parameter of a device that is late, and by a send.
    device = insert("utility")
    moved = Envelope("device", ((0.5, 0.0, "linear"), (0.51, -60.0, "hold")), "utility", "gain")
    chain = (insert("pitchShift"), device)
    out = played(project(dataclasses.replace(track, devices=chain, envelopes=(moved,))))[:, 0]
    assert np.abs(out - 10 ** (np.interp(n, (0.5, 0.51), (0, -60)) / 20)).max() < 1e-5
    send = TrackSend("bus", 0.3, pre_fader=True, id="send")
    level = Envelope("send", ((0.5, 1.0, "linear"), (0.51, 0.0, "linear")), "send")
    muted = Envelope("mute", ((0.0, 0.0, "hold"), (1.0, 1.0, "hold")))
    sent = dataclasses.replace(track, volume=0.0, sends=(send,), envelopes=(level,), muted=False)
    assert (
        np.abs(played(project(sent, Track("bus", kind="AUX")))[:, 0] - np.interp(n, (0.5, 0.51), (1, 0))).max() < 1e-6
    )
    out = played(project(dataclasses.replace(track, envelopes=(muted,), muted=True)))[:, 0]
    assert np.array_equal(out, (n < 1.0).astype(np.float32))


def test_pan_moves_between_its_points_not_its_gains(tmp_path: Path) -> None:
    path = wav(tmp_path / "ones.wav", np.ones((RATE, 2), np.float32))
    track = Track(
        "a", clips=(Clip(0, 1.0, path=path),), envelopes=(Envelope("pan", ((0, -1, "linear"), (1, 1, "hold"))),)
    )
    out = played(project(track), 1.0)
    angle = np.arange(RATE) / RATE * np.pi / 2
    assert np.allclose(out, np.sqrt(2) * np.stack((np.cos(angle), np.sin(angle)), axis=1), atol=1e-6)


def test_a_side_chain_hears_a_track_muted_or_not(clips: tuple[Clip, ...], tmp_path: Path) -> None:
    kick = np.zeros((2 * RATE, 2), np.float32)
    kick[RATE // 2 : RATE // 2 + 4_000] = signals.sine(RATE, 4_000 / RATE, 60, -6)
    beat = (Clip(0.0, 2.0, path=wav(tmp_path / "kick.wav", kick)),)
    duck = insert("compressor", sidechain="kick", threshold=-40, ratio=20, attack=1)
    pad = Track("pad", clips=clips, devices=(duck,))
    sound = played(project(Track("pad", clips=clips)))
    expected = through("compressor", sound, side=kick, **duck.parameters)
    for listened in (
        Track("kick", clips=beat, muted=True),
        Track("kick", clips=beat, unheard=True),
        Track("kick", clips=beat, volume=0.0),
    ):
        assert decibels(played(project(pad, listened)) - expected) < -100
    solo = dataclasses.replace(pad, solo=True)
    assert decibels(played(project(solo, Track("kick", clips=beat))) - expected) < -100
    # A late side chain makes what listens to it wait.
    shifted = Track("kick", clips=beat, muted=True, devices=(insert("pitchShift"),))
    assert decibels(played(project(pad, shifted)) - expected) < -100
    other = insert("gate", sidechain="pad")
    with pytest.raises(errors.ValidationError):
        played(project(pad, Track("kick", clips=beat, devices=(other,))))


def test_solo_lets_feeders_through_buses_with_devices(clips: tuple[Clip, ...]) -> None:
    bus = Track("bus", kind="AUX", solo=True, devices=(insert("saturation", drive=12),))
    fed = Track("a", clips=clips, output="bus")
    alone = played(project(fed, bus))
    assert decibels(played(project(fed, bus, Track("b", clips=clips))) - alone) < -120
    other = Track("b", clips=clips, output="bus")
    heard = played(project(dataclasses.replace(fed, solo=True), dataclasses.replace(bus, solo=False), other))
    assert decibels(heard - alone) < -120


def test_an_output_and_a_send_to_one_bus_add_up(clips: tuple[Clip, ...]) -> None:
    track = Track("a", clips=clips, output="bus", sends=(TrackSend("bus", 0.5, id="s"),))
    both = played(project(track, Track("bus", kind="AUX")))
    assert decibels(both - played(project(Track("a", clips=clips))) * np.float32(1.5)) < -100


def test_a_sampler_plays_notes_with_a_recording(tmp_path: Path) -> None:
    tone = signals.sine(RATE, 1.0, 440.0, -12.0)
    sampler = SampledSound(wav(tmp_path / "tone.wav", tone), {"rootPitch": 69, "attack": 0, "release": 10})
    notes = (Note(0.0, 1.0, 69, 127), Note(2.0, 1.0, 81, 64))
    out = played(project(Track("a", clips=(Clip(0.0, 2.0, notes=notes, sampler=sampler),))), 2.0)
    held = RATE // 2
    assert decibels(out[:held] - tone[:held]) < -100
    assert not out[held + 441 : RATE].any()
    second = out[RATE + 5_000 : RATE + 15_000, 0]
    spectrum = np.abs(np.fft.rfft(second * np.hanning(len(second))))
    assert np.argmax(spectrum) * RATE / len(second) == pytest.approx(880, abs=RATE / len(second))
    assert np.abs(second).max() == pytest.approx(10 ** (-12 / 20) * (64 / 127) ** 1.5, rel=0.01)


def test_the_mix_hears_tracks_through_their_devices(clips: tuple[Clip, ...], tmp_path: Path) -> None:
    other = (Clip(0.0, 2.0, path=wav(tmp_path / "other.wav", signals.music(RATE, 2.0, seed=5) * np.float32(0.2))),)
    loud, quiet = Track("a", clips=clips), Track("b", clips=other)
    turned = dataclasses.replace(quiet, devices=(insert("utility", gain=-20),))
    before, after = (mixdown.suggest(project(loud, each), "balanced") for each in (quiet, turned))
    assert after[1]["measuredLUFS"] == pytest.approx(before[1]["measuredLUFS"] - 20, abs=0.2)
    dead = dataclasses.replace(quiet, devices=(insert("utility", gain=-60), insert("gate", threshold=0)))
    made = mixdown.mix(project(loud, dead), str(tmp_path / "mix.wav"), profile="balanced", target=-16.0)
    assert made["facts"]["lufs"] == pytest.approx(-16, abs=0.3)
