"""How fast a full song is rendered: `python -m tests.benchmarks.song_with_devices [seconds]` (180).

24 tracks (16 with recordings, 6 with notes, 2 buses) with 60 devices of all types and 40 envelopes, and a master, in a worker process of its
own, as in the server. The bounds: a quarter of the song's length on one core, 400 MB with the interpreter.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dawg_server.audio import codecs
from dawg_server.audio.devices.catalogue import TYPES
from dawg_server.audio.mixing.arrangement import Arrangement, Clip, Envelope, Insert, Track, TrackSend
from dawg_server.music.score import Note
from tests.benchmarks import finishing

RATE = 44_100
MOST_TIME, MOST_MB = 0.25, 400.0
BEAT = 0.5  # seconds
RECORDED, PLAYED, BUSES = 16, 6, 2
CHAINS = (  # in turn, on all tracks, until there are sixty devices
    ("equalizer", "compressor"),
    ("utility", "equalizer", "saturation"),
    ("gate", "equalizer", "chorus"),
    ("equalizer", "compressor", "delay"),
    ("equalizer", "flanger"),
    ("compressor", "stereoWidth", "phaser"),
    ("equalizer", "compressor", "pitchShift"),
)
BUS_CHAINS = (("reverb",), ("delay", "reverb"))
MASTER_CHAIN = ("equalizer", "compressor", "limiter")
DEVICES, ENVELOPES = 60, 40


async def main(seconds: float) -> int:
    with tempfile.TemporaryDirectory() as folder:
        song = project(Path(folder), seconds)
        devices = sum(len(track.devices) for track in song.tracks)
        envelopes = sum(len(track.envelopes) for track in song.tracks)
        function, target = "dawg_server.audio.mixing.render:render", str(Path(folder) / "out.wav")
        spent, most = await finishing.measured(function, song, target, "wav", bit_depth=24)
    ratio = spent / seconds
    print(
        f"{len(song.tracks)} tracks, {devices} devices, {envelopes} envelopes, {seconds:g} s: {spent:.1f} s of the "
        f"processor, {ratio:.3f} of the length (at most {MOST_TIME}), {most:.0f} MB (at most {MOST_MB:.0f})"
    )
    return 0 if ratio <= MOST_TIME and most <= MOST_MB else 1


def project(folder: Path, seconds: float) -> Arrangement:
    """Devices with their usual values; envelopes rise and fall over eight beats all the time."""
    random = np.random.default_rng(7)
    buses = [f"bus{number}" for number in range(BUSES)]
    tracks = []
    for number in range(RECORDED + PLAYED):
        id = f"track{number}"
        clips = _recorded(folder, random, id, seconds) if number < RECORDED else _played(number, seconds)
        sends = tuple(TrackSend(bus, 0.3, id=f"{id} to {bus}") for bus in buses[: 1 + number % 2])
        devices = tuple(_insert(id, type, number) for type in CHAINS[number % len(CHAINS)])
        tracks.append(Track(id, kind="AUDIO", volume=0.3, clips=clips, sends=sends, devices=devices))
    for bus, types in zip(buses, BUS_CHAINS, strict=True):
        inserts = tuple(_insert(bus, type, 0) for type in types)
        tracks.append(Track(bus, kind="AUX", devices=inserts))
    master = tuple(_insert("master", type, 0) for type in MASTER_CHAIN)
    spare = sum(len(track.devices) for track in tracks) + len(master) - DEVICES
    tracks = [
        dataclasses.replace(track, devices=track.devices[1:]) if index < spare else track
        for index, track in enumerate(tracks)
    ]
    tracks.append(Track("master", kind="MASTER", devices=master))
    return Arrangement(RATE, 60 / BEAT, tuple(_moved(tracks, seconds)))


def _recorded(folder: Path, random: np.random.Generator, id: str, seconds: float) -> tuple[Clip, ...]:
    path = str(folder / f"{id}.wav")
    with codecs.Writer(path, "wav", RATE, 2, bit_depth=24) as writer:
        for start in range(0, round(seconds * RATE), RATE):
            time = (start + np.arange(RATE)) / RATE
            tone = 0.2 * np.sin(2 * np.pi * random.uniform(80, 900) * time) * np.exp(-(time % BEAT) * 4)
            noise = random.standard_normal((RATE, 2)) * 0.02
            writer.write((tone[:, None] + noise).astype(np.float32))
    length = 16 * BEAT
    return tuple(Clip(at, min(length, seconds - at), at, 0.01, 0.01, path=path) for at in np.arange(0, seconds, length))


def _played(number: int, seconds: float) -> tuple[Clip, ...]:
    instruments = ("grand piano", "finger bass", "kit", "pad", "lead synth", "strings")
    notes = tuple(Note(beat / 2, 0.5, 48 + (beat * 7 + number) % 24, 90) for beat in range(32))
    length = 16 * BEAT
    name = instruments[number % len(instruments)]
    return tuple(Clip(at, length, notes=notes, instrument=name) for at in np.arange(0, seconds - length, length))


def _insert(track: str, type: str, number: int) -> Insert:
    values = TYPES[type].defaults
    if type == "equalizer":
        values |= {"gain1": 2.0, "gain2": -3.0, "gain3": 2.0, "gain4": 1.5}
    other = f"track{(number + 1) % RECORDED}" if type == "compressor" and number % 4 == 3 else None
    return Insert(f"{track} {type}", type, values, other)


def _moved(tracks: list[Track], seconds: float) -> Iterator[Track]:
    """A third of the envelopes move faders, a third pans and sends, a third devices."""
    left = ENVELOPES
    wanted = {"equalizer": "frequency2", "compressor": "threshold", "delay": "feedback", "chorus": "mix"}
    for track in tracks:
        found = [Envelope("volume", _wave(0.1, 0.4, seconds))]
        if track.sends:
            found.append(Envelope("send", _wave(0.1, 0.4, seconds), track.sends[0].id))
        for device in track.devices:
            if (name := wanted.get(device.type)) and len(found) < 3:
                low, high = TYPES[device.type].parameters[name].range or (0, 1)
                points = _wave(low + (high - low) * 0.1, low + (high - low) * 0.4, seconds)
                found.append(Envelope("device", points, device.id, name))
        found = found[:left] if len(found) < 3 else found[: min(left, 2 + len(track.id) % 2)]
        left -= len(found)
        yield dataclasses.replace(track, envelopes=tuple(found))


def _wave(low: float, high: float, seconds: float) -> tuple[tuple[float, float, str], ...]:
    times = np.arange(0, seconds + 8 * BEAT, 8 * BEAT)
    return tuple((float(at), high if index % 2 else low, "linear") for index, at in enumerate(times))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 180.0)))
