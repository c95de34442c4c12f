"""Edits of clips that need their samples: turned round, measured, and played into one recording."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import numpy.typing as npt

from dawg_server.audio import arrays, codecs, recording_meter
from dawg_server.audio.mixing import mixer, render
from dawg_server.audio.mixing.arrangement import Arrangement

Report = Callable[[float], None]
BLOCK = 65_536  # frames
LONGEST_TAIL = 30.0  # seconds that devices and notes may sound on behind the last clip
QUIET = 10.0  # seconds of silence after which nothing is waited for; the longest delay is shorter
LEAD = 0.05  # seconds by which filters of linear phase may sound before the first clip
SILENCE = 1e-5  # of full scale, -100 dB
FLOAT = 32  # bits: nothing is clipped, and nothing is lost


def reverse(source: str, target: str, *, report: Report = lambda fraction: None) -> dict[str, Any]:
    """Writes the recording backwards, sample by sample: same rate, same channels (two at most), as a WAV file.

    Returns `facts`, columns of `audio_files`.
    """
    import soundfile  # type: ignore[import-untyped]

    info = codecs.probe(source, max_seconds=None)
    channels = min(2, info.channels)
    forward = pathlib.Path(target).with_suffix(".forward.wav")
    with codecs.Writer(forward, "wav", info.rate, channels, bit_depth=FLOAT) as writer:
        for block in codecs.read_blocks(source, max_seconds=None):
            writer.write(np.ascontiguousarray(block[:, :channels]))
    with (
        soundfile.SoundFile(forward) as file,
        codecs.Writer(target, "wav", info.rate, channels, bit_depth=FLOAT) as writer,
    ):
        end = file.frames
        while end > 0:
            begin = max(0, end - BLOCK)
            file.seek(begin)
            writer.write(np.ascontiguousarray(file.read(end - begin, dtype="float32", always_2d=True)[::-1]))
            end = begin
            report(0.95 * (1 - end / file.frames))
    forward.unlink()
    return {"facts": recording_meter.of_file(target).facts(FLOAT)}


def levels(project: Arrangement, track_id: str, *, report: Report = lambda fraction: None) -> dict[str, float | None]:
    """`truePeak` (dBTP) and `integratedLUFS` of the clips of a track, before its fader; None for silence."""
    meter = recording_meter.RecordingMeter(project.rate, 2)
    for block in _played(project, track_id, 0, 0.0, report):
        meter.add(block)
    found = meter.numbers()
    return {name: found[name] for name in ("truePeak", "integratedLUFS")}


def bounce(
    project: Arrangement, track_id: str, target: str, *, ringing: bool, report: Report = lambda fraction: None
) -> dict[str, Any]:
    """Writes what the clips of a track sound like through its devices and before its fader, from the first clip on.

    If it is `ringing`, it goes on until nothing sounds any more, and begins a moment earlier where something sounds
    there. Returns `facts`, columns of `audio_files`, and `early`, by how many seconds it begins earlier.
    """
    project = render.unpacked(project, pathlib.Path(target).parent)
    first, last = _span(project, track_id)
    early = min(first, round(LEAD * project.rate)) if ringing else 0
    begun = not early
    blocks = _played(project, track_id, early, LONGEST_TAIL if ringing else 0.0, report)
    with contextlib.closing(blocks), codecs.Writer(target, "wav", project.rate, 2, bit_depth=FLOAT) as writer:
        silent: list[arrays.Samples] = []  # behind the last clip, until something sounds again
        waited = 0
        for block in blocks:
            if not begun:
                skipped = min(early, _quiet(block))
                early, block = early - skipped, block[skipped:]
                begun = not early or len(block) > 0
            kept = _sounding(block, early + last - first - writer.frames - waited)
            if kept:
                for each in silent:
                    writer.write(each)
                writer.write(block[:kept])
                silent, waited = [], 0
            if len(rest := block[kept:]):
                silent.append(rest)
                waited += len(rest)
            if waited >= QUIET * project.rate:
                break
    return {"facts": recording_meter.of_file(target).facts(FLOAT), "early": early / project.rate}


def _span(project: Arrangement, track_id: str) -> tuple[int, int]:
    """Its clips' first frame, and the one behind their last."""
    clips = next(track for track in project.tracks if track.id == track_id).clips
    begin, end = min(clip.start for clip in clips), max(clip.end for clip in clips)
    return round(begin * project.rate), round(end * project.rate)


def _played(
    project: Arrangement, track_id: str, early: int, tail: float, report: Report
) -> Generator[arrays.Samples, None, None]:
    first, last = _span(project, track_id)
    frames = early + last - first + round(tail * project.rate)
    done = 0
    with contextlib.closing(mixer.played(project, first - early, frames, only=track_id)) as blocks:
        for block in blocks:
            yield block
            done += len(block)
            report(0.95 * done / frames)


def _loud(block: arrays.Samples) -> npt.NDArray[np.intp]:
    return np.flatnonzero(np.abs(block).max(axis=1, initial=0.0) > SILENCE)


def _quiet(block: arrays.Samples) -> int:
    """How many frames there are before the first that is heard."""
    loud = _loud(block)
    return int(loud[0]) if len(loud) else len(block)


def _sounding(block: arrays.Samples, needed: int) -> int:
    """How many frames of a block have to be there: all up to the last that is heard, and those that are `needed`."""
    loud = _loud(block)
    heard = int(loud[-1]) + 1 if len(loud) else 0
    return max(heard, min(len(block), max(0, needed)))
