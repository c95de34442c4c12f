"""Moves what is played to the lines of a grid, by stretching the time between the onsets; pitch stays as it was."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dawg_server import errors
from dawg_server.audio import arrays, codecs, encoder, recording_meter
from dawg_server.audio.analysis import onsets, spectrum, tempo
from dawg_server.audio.pitch import shift

FEEL = 0.015  # seconds off the grid that are feel rather than a mistake
_CLOSEST = 0.04  # seconds between two onsets that are moved one by one
_SLOWEST, _FASTEST = 0.5, 2.0  # times that sound may be stretched by between two onsets
_EARLY = 0.006  # seconds by which an onset is seen before it is, measured on clicks, plucks and kicks
_LEAD = 0.2  # seconds

Report = Callable[[float], None]


def align(
    source: str,
    target: str,
    *,
    bpm: float | None,
    division: int = 16,
    strength: float = 80.0,
    keep_feel: bool = True,
    report: Report = lambda fraction: None,
) -> dict[str, Any]:
    """Writes `source` to the WAV file `target`, its onsets moved by `strength` percent (0..100) of the way to the grid
    of 1/`division` notes at `bpm`, which begins with the recording; same length, same rate, two channels at most.

    Without `bpm` the tempo is measured. With `keep_feel` what is off by 15 ms or less stays. Returns `facts`, and
    `aligned`, whose `before` and `after` are mean distances from the grid in ms, both measured. Raises NoAudio where
    there are no onsets, or no tempo.
    """
    info = codecs.probe(source, max_seconds=None)
    found = hear(source)
    report(0.2)
    played = times(found)
    if bpm is None:
        pulse = tempo.estimate(found)
        bpm = pulse.bpm if pulse else None
    if bpm is None or not len(played):
        raise errors.NoAudio("Nothing in this recording has a beginning that could be moved. Send its tempo with it.")
    step = 240.0 / bpm / division
    anchors = _anchors(played, info.frames / info.rate, step, strength / 100, FEEL if keep_feel else 0.0)
    channels, rate = min(2, info.channels), encoder.writable_rate("wav", info.rate)
    frames = round(info.frames * rate / info.rate)
    with codecs.Writer(target, "wav", rate, channels) as writer:
        for block in _moved(source, rate, channels, anchors):
            writer.write(block[: frames - writer.frames])
            report(0.2 + 0.6 * min(1.0, writer.frames / frames))
        writer.write(np.zeros((frames - writer.frames, channels), np.float32))
    after = times(hear(target))
    return {
        "facts": recording_meter.of_file(target).facts(24),
        "aligned": {
            "bpm": round(bpm, 2),
            "division": f"1/{division}",
            "onsets": len(played),
            "moved": int(np.count_nonzero(np.abs(anchors[0] - anchors[1]) > 1e-3)),
            "before": distance(played, step),
            "after": distance(after, step),
        },
    }


def hear(path: str) -> onsets.Onsets:
    """Of the whole recording, all channels together, after `_LEAD` seconds of silence that let its first onset rise."""
    rate = codecs.probe(path, max_seconds=None).rate
    blocks = (block[:, 0] for block in codecs.read_blocks(path, mono=True, max_seconds=None))
    silence = np.zeros(round(_LEAD * rate), np.float32)
    return onsets.detect(spectrum.measure(itertools.chain((silence,), blocks), rate))


def times(found: onsets.Onsets) -> arrays.Doubles:
    """Seconds at which what `hear` has heard begins, to a fraction of a frame (by the parabola through a peak)."""
    s = found.strength.astype(float)
    at = np.flatnonzero((s[1:-1] > s[:-2]) & (s[1:-1] >= s[2:]) & (s[1:-1] > onsets.AUDIBLE)) + 1
    before, here, after = s[at - 1], s[at], s[at + 1]
    bend = before - 2 * here + after
    finer = np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, 1.0), 0.0)
    result: arrays.Doubles = np.maximum((at + finer) / spectrum.FRAME_RATE + _EARLY - _LEAD, 0.0)
    return result


def distance(played: arrays.Doubles, step: float) -> float | None:
    """Mean distance from the grid, in ms."""
    return round(1000 * float(np.abs(_away(played, step)).mean()), 1) if len(played) else None


def _away(played: arrays.Doubles, step: float) -> arrays.Doubles:
    result: arrays.Doubles = np.round(played / step) * step - played
    return result


def _anchors(
    played: arrays.Doubles, end: float, step: float, share: float, feel: float
) -> tuple[arrays.Doubles, arrays.Doubles]:
    """(seconds in the recording, seconds in the result) of what belongs together; both rise."""
    away = _away(played, step)
    wanted = played + np.where(np.abs(away) <= feel, 0.0, share * away)
    kept = [(0.0, 0.0)]
    for here, there in zip(played, wanted, strict=True):
        if here - kept[-1][0] >= _CLOSEST and _may_be(kept[-1], (here, there)):
            kept.append((float(here), float(there)))
    while len(kept) > 1 and not _may_be(kept[-1], (end, end)):
        kept.pop()
    pairs = np.array([*kept, (end, end)])
    return pairs[:, 0], pairs[:, 1]


def _may_be(before: tuple[float, float], after: tuple[float, float]) -> bool:
    stretched = (after[1] - before[1]) / max(after[0] - before[0], 1e-9)
    return _SLOWEST <= stretched <= _FASTEST


def _moved(
    source: str, rate: int, channels: int, anchors: tuple[arrays.Doubles, arrays.Doubles]
) -> Iterator[arrays.Samples]:
    here, there = anchors[0] * rate, anchors[1] * rate
    blocks = (
        np.ascontiguousarray(block[:, :channels]) for block in codecs.read_blocks(source, rate=rate, max_seconds=None)
    )

    def origin(frame: float) -> float:
        beyond = max(0.0, frame - float(there[-1]))
        return float(np.interp(frame, there, here)) + beyond

    yield from shift.retimed(blocks, rate, channels, origin)
