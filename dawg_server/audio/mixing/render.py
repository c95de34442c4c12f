"""The project as heard, as a file: always the same samples."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Generator, Mapping
from typing import Any

import numpy as np

from dawg_server import errors
from dawg_server.audio import arrays, codecs, encoder, recording_meter
from dawg_server.audio.mixing import arrangement, mixer, sources
from dawg_server.audio.mixing.arrangement import Arrangement, Clip
from dawg_server.audio.mixing.players import Player
from dawg_server.daw.tempo_map import TempoMap

BLOCK = sources.BLOCK  # frames
Report = Callable[[float], None]
Blocks = Generator[arrays.Samples, None, None]


def track_blocks(project: Arrangement, track: arrangement.Track, start: int, frames: int) -> Blocks:
    """The clips of one track as they are: `frames` frames from frame `start` on, in blocks of `BLOCK`."""
    player = Player(track.clips, project.rate, project.tempo_map, start)
    try:
        for position in range(0, frames, BLOCK):
            length = min(BLOCK, frames - position)
            block = player.block(length)
            yield np.zeros((length, 2), np.float32) if block is None else block
    finally:
        player.close()


def render(
    project: Arrangement,
    path: str,
    format: encoder.WriteFormat,
    *,
    start: float = 0.0,
    end: float | None = None,
    tail: float = 2.0,
    bit_depth: int | None = None,
    bitrate: int | None = None,
    report: Report = lambda fraction: None,
) -> dict[str, Any]:
    """Writes the project from `start` to `end` seconds (None: the last clip's end and `tail` more) and measures it.

    Returns `facts` (columns of `audio_files`) and `clippedSamples`, how many samples lay beyond full scale before they
    were written; everything is measured on the file. Raises ValidationError when there is no length.
    """
    rate = encoder.writable_rate(format, project.rate)
    project = unpacked(dataclasses.replace(project, rate=rate), pathlib.Path(path).parent)
    first = round(start * project.rate)
    last = round((project.end + tail if end is None else end) * project.rate)
    if last <= first:
        raise errors.ValidationError("There is nothing to render.", details={"to": "has to lie after `from`"})
    frames = last - first
    clipped = 0
    with codecs.Writer(path, format, project.rate, 2, bit_depth=bit_depth, bitrate=bitrate) as writer:
        for block in mixer.played(project, first, frames):
            clipped += int(np.count_nonzero(np.abs(block) > 1.0))
            writer.write(block)
            report(writer.frames / frames)
    return {"facts": recording_meter.of_file(path).facts(bit_depth), "clippedSamples": clipped}


def unpacked(project: Arrangement, folder: pathlib.Path) -> Arrangement:
    """The same project, with what takes long done once: its often used compressed recordings are written out, because
    jumping into those is slow, and so is what several clips stretch in the same way."""
    project = _stretched_once(project, folder)
    uses: dict[str, int] = {}
    for clip in project.clips():
        if clip.path is not None:
            uses[clip.path] = uses.get(clip.path, 0) + 1
    moved = {
        path: _unpack(path, folder / f"unpacked-{number}.wav")
        for number, (path, count) in enumerate(uses.items())
        if count > 1 and not sources.is_seekable(path)
    }
    return dataclasses.replace(project, tracks=tuple(_moved(track, moved) for track in project.tracks))


def _stretched_once(project: Arrangement, folder: pathlib.Path) -> Arrangement:
    tempo = project.tempo_map
    alike: dict[tuple[object, ...], list[Clip]] = {}
    for clip in project.clips():
        if clip.original_bpm is not None:
            place = None if tempo.is_constant else clip.start
            key = (clip.path, clip.offset, clip.original_bpm, place)
            alike.setdefault(key, []).append(clip)
    made: dict[int, Clip] = {}  # by identity, because the sounds of notes have no hash
    for number, clips in enumerate(alike.values()):
        if len(clips) > 1:
            longest = max(clips, key=lambda clip: clip.duration)
            path = _write_stretched(longest, project.rate, tempo, folder / f"stretched-{number}.wav")
            made |= {id(clip): dataclasses.replace(clip, path=path, offset=0.0, original_bpm=None) for clip in clips}
    tracks = (
        dataclasses.replace(track, clips=tuple(made.get(id(clip), clip) for clip in track.clips))
        for track in project.tracks
    )
    return dataclasses.replace(project, tracks=tuple(tracks)) if made else project


def _write_stretched(clip: Clip, rate: int, tempo: TempoMap, target: pathlib.Path) -> str:
    left = round(clip.duration * rate) + 1  # places are rounded to frames
    with (
        codecs.Writer(target, "wav", rate, 2, bit_depth=32) as writer,
        contextlib.closing(sources.material(clip, rate, tempo)) as blocks,
    ):
        for block in blocks:
            writer.write(block[:left])
            left -= len(block)
            if left <= 0:
                break
    return str(target)


def _moved(track: arrangement.Track, moved: Mapping[str, str]) -> arrangement.Track:
    return dataclasses.replace(track, clips=_replaced(track.clips, moved))


def _replaced(clips: tuple[arrangement.Clip, ...], moved: Mapping[str, str]) -> tuple[arrangement.Clip, ...]:
    return tuple(
        dataclasses.replace(clip, path=moved.get(clip.path or "", clip.path), parts=_replaced(clip.parts, moved))
        for clip in clips
    )


def _unpack(path: str, target: pathlib.Path) -> str:
    info = codecs.probe(path, max_seconds=None)
    with codecs.Writer(target, "wav", info.rate, info.channels, bit_depth=32) as writer:
        for block in codecs.read_blocks(path, max_seconds=None):
            writer.write(block)
    return str(target)
