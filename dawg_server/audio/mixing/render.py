"""The project as heard, as a file: always the same samples."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Generator, Mapping
from typing import Any

import numpy as np

from dawg_server import errors
from dawg_server.audio import arrays, codecs, encoder, recording_meter
from dawg_server.audio.mixing import arrangement, mixer, sources
from dawg_server.audio.mixing.arrangement import Arrangement
from dawg_server.audio.mixing.players import Player

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
    """The same project, its often used compressed recordings written out once: jumping into those is slow."""
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


def _moved(track: arrangement.Track, moved: Mapping[str, str]) -> arrangement.Track:
    clips = tuple(
        dataclasses.replace(clip, path=moved.get(clip.path, clip.path)) if clip.path else clip for clip in track.clips
    )
    return dataclasses.replace(track, clips=clips)


def _unpack(path: str, target: pathlib.Path) -> str:
    info = codecs.probe(path, max_seconds=None)
    with codecs.Writer(target, "wav", info.rate, info.channels, bit_depth=32) as writer:
        for block in codecs.read_blocks(path, max_seconds=None):
            writer.write(block)
    return str(target)
