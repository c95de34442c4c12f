"""A finished mix of tracks: listen to each, choose its strip, process, sum, glue, and bring it to its loudness."""

from __future__ import annotations

import dataclasses
import functools
import math
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from dawg_server import errors
from dawg_server.audio import arrays, codecs, filters, recording_meter
from dawg_server.audio.mastering import levelling, master
from dawg_server.audio.mixing import arrangement, dynamics, listening, mixer, planning, render
from dawg_server.audio.mixing.arrangement import Arrangement
from dawg_server.music.sound import space

BLOCK = mixer.BLOCK
TAIL = 2.0  # seconds after the last clip
_GLUE = 1.6  # ratio of the compressor over everything
_GLUE_ABOVE_DB = -1.0  # its threshold, above the mean level of what plays
_SHARES = {"listening": 0.3, "mixing": 0.65, "levelling": 0.97}  # progress at the end of each stage

Report = Callable[[float], None]
_ROOM = "the room of the mix"  # an AUX track of its own
_ROOM_SECONDS = 1.1  # until the room is 60 dB down
_ROOM_SEED = 29


def suggest(project: Arrangement, profile: str, report: Report = lambda fraction: None) -> list[dict[str, Any]]:
    """Faders and pans (and what else `mix` would do) for each track that has clips, from its measured sound."""
    return [strip.describe() for strip in planning.strips(_heard(project, _frames(project), report), profile)]


def mix(
    project: Arrangement, path: str, *, profile: str, target: float, report: Report = lambda fraction: None
) -> dict[str, Any]:
    """Writes the mix of all tracks with clips as WAV, 24 bits, at `target` LUFS and below -1 dBTP.

    Returns `facts` and `settings` (`tracks`, `bus`). Raises AudioTooQuiet when there is nothing to hear.
    """
    project = render.unpacked(project, pathlib.Path(path).parent)
    frames = _frames(project)
    heard = _heard(project, frames, lambda done: report(done * _SHARES["listening"]))
    if all(each.silent for each in heard):
        raise errors.AudioTooQuiet
    strips = planning.strips(heard, profile)
    raw = str(pathlib.Path(path).with_suffix(".raw.wav"))
    with codecs.Writer(raw, "wav", project.rate, 2, bit_depth=32) as writer:
        for block in _summed(project, strips, frames, profile):
            writer.write(block)
            report(_SHARES["listening"] + (_SHARES["mixing"] - _SHARES["listening"]) * writer.frames / frames)
    level = levelling.Level(lambda: master.stereo(raw, project.rate), project.rate, target)
    level.search(lambda done: report(_SHARES["mixing"] + (_SHARES["levelling"] - _SHARES["mixing"]) * done))
    level.write(path, "wav")
    pathlib.Path(raw).unlink()
    report(1.0)
    return {
        "facts": recording_meter.of_file(path).facts(24),
        "settings": {
            "tracks": [strip.describe() for strip in strips],
            "bus": {
                "equalizer": [dataclasses.asdict(band) for band in planning.tone(profile)],
                "compressor": {"ratio": _GLUE},
                **level.describe(),
            },
        },
    }


def _frames(project: Arrangement) -> int:
    return round((project.end + TAIL) * project.rate)


def _heard(project: Arrangement, frames: int, report: Report) -> list[listening.TrackLevels]:
    tracks = [track for track in project.tracks if track.clips and not track.unheard]
    found = []
    for number, track in enumerate(tracks):
        found.append(listening.listen(project, track, frames))
        report((number + 1) / len(tracks))
    return found


def _strip(rate: int, strip: planning.ChannelPlan) -> mixer.Process:
    """What one track goes through before its fader."""
    sections = [filters.high_pass(rate, strip.low_cut), *(band.section(rate) for band in strip.equaliser)]
    tone = filters.Cascade(sections, 2)
    if strip.compressor is None:
        return tone.process
    squeeze = dynamics.Compressor(rate, 2, strip.compressor)
    return lambda block: squeeze.process(tone.process(block))


def _level(strips: Sequence[planning.ChannelPlan]) -> float:
    """About the mean square of the sum in dBFS; loudness is that of two channels together."""
    powers = [strip.volume**2 * 10 ** ((strip.lufs + 0.691) / 10) / 2 for strip in strips if strip.lufs is not None]
    return 10 * math.log10(sum(powers))


def _summed(
    project: Arrangement, strips: Sequence[planning.ChannelPlan], frames: int, profile: str
) -> Iterator[arrays.Samples]:
    rate = project.rate
    loud = round(_level(strips) + _GLUE_ABOVE_DB, 1)
    faders = {strip.track_id: strip for strip in strips}
    room = arrangement.Track(_ROOM, kind=arrangement.AUX)
    moved = dataclasses.replace(project, tracks=(*(_moved(track, faders) for track in project.tracks), room))
    processes: dict[str, Callable[[], mixer.Process]] = {
        id: functools.partial(_strip, rate, strip) for id, strip in faders.items()
    }
    processes[_ROOM] = lambda: Room(rate, BLOCK).process
    tone = planning.tone(profile)
    colour = filters.Cascade([band.section(rate) for band in tone], 2) if tone else None
    glue = dynamics.Compressor(rate, 2, dynamics.CompressorSettings(loud, _GLUE, 30.0, 200.0, 8.0, ear_hz=90.0))
    for total in mixer.played(moved, 0, frames, strips=processes):
        yield glue.process(total if colour is None else colour.process(total))
    yield glue.flush()


def _moved(track: arrangement.Track, faders: dict[str, planning.ChannelPlan]) -> arrangement.Track:
    """At its new fader, with a send to the room; an envelope of its volume goes on moving it as much as before."""
    strip = faders.get(track.id)
    if strip is None:
        return track
    sends = track.sends
    if strip.send_db is not None:
        sends += (arrangement.TrackSend(_ROOM, 10 ** (strip.send_db / 20), strip.pan, id=_ROOM),)
    louder = strip.volume / track.volume if track.volume else 1.0
    envelopes = tuple(
        dataclasses.replace(each, points=tuple((when, value * louder, curve) for when, value, curve in each.points))
        if each.target == "volume"
        else each
        for each in track.envelopes
    )
    return dataclasses.replace(track, volume=strip.volume, pan=strip.pan, sends=sends, envelopes=envelopes)


class Room:
    """One room for a whole mix: convolution, block by block (overlap and add).

    Blocks of `frames` frames, `(frames, 2)`; only the room comes out."""

    def __init__(self, rate: int, frames: int) -> None:
        self._frames = frames
        impulse = space.impulse(rate, _ROOM_SEED, _ROOM_SECONDS, 1.0)
        self._size = 1 << (frames + len(impulse) - 1).bit_length()
        self._spectrum = np.fft.rfft(impulse.T.astype(np.float32), self._size)
        self._ringing: arrays.Samples = np.zeros((2, self._size - frames), np.float32)

    def process(self, block: arrays.Samples) -> arrays.Samples:
        if not (block.any() or self._ringing.any()):
            return np.zeros(block.shape, np.float32)
        spectrum = np.fft.rfft(block.T, self._size) * self._spectrum
        wet: arrays.Samples = np.fft.irfft(spectrum, self._size).astype(np.float32, copy=False)
        wet[:, : self._ringing.shape[1]] += self._ringing
        self._ringing = wet[:, self._frames :]
        ready: arrays.Samples = np.ascontiguousarray(wet[:, : self._frames].T)
        return ready
