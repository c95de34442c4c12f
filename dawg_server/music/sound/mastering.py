"""The master's gain over time, worked out on frames before any sample is touched: glue, loudness, and room for peaks.

It is a gain and nothing else, and all stems get the same one, so that the stems still sum to the mix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dawg_server.audio import filters, limiter, loudness
from dawg_server.audio.mixing import dynamics
from dawg_server.music.sound.tone import Samples, Signal

LOWEST = -70.0  # LUFS that silence is taken for
FRAME = 128  # samples a peak is taken over
GLUE_FRAMES = 4  # frames per step of the compressor
CEILING = 10 ** (-1.7 / 20)  # highest sample before the limiter, which is left with what lies between the samples
AHEAD = 3  # frames by which a peak's reduction comes early
RELEASE = 0.07  # seconds
GLUE_ATTACK, GLUE_RELEASE = 0.02, 0.22  # seconds
GLUE_ABOVE = 1.0  # LU over the target at which the compressor begins
FADE = 1.2  # seconds at most, at the end of the piece
LOOP_PASSES = 3  # of a loop, of which the second is taken: it has the loop before and after itself
ROUNDS = 14  # of fitting the loudness
SETTLED = 4  # of these, after which the sections stay as they are
MOST_PUSH = 7.0  # dB against the ceiling; what is not loud then would only be crushed
LEAST_SLOPE = 0.25  # LU that a decibel brings when peaks are held down
STEEPNESS = 11.0  # LU between sections for a whole of their energy
LOWEST_SECTION = -6.0  # LU beside the loudest one
LIFT, DROP = 3.0, -5.0  # dB by which a section is changed at most
TURN = 0.15  # seconds from one section's loudness to the next one's


@dataclass(slots=True)
class PeakAndPowerMeter:
    """Takes in the balanced mix and stems once: peaks and K-weighted energy per frame."""

    rate: int
    peaks: list[Samples] = field(default_factory=list)
    powers: list[Signal] = field(default_factory=list)
    _weighting: filters.Cascade = field(init=False)

    def __post_init__(self) -> None:
        self._weighting = filters.Cascade(loudness.k_weighting(self.rate), 2)

    def add(self, stems: Samples, gains: Samples) -> None:
        """`stems` (stems, frames, 2) of a whole number of frames, each of which will have its gain."""
        mix = np.tensordot(gains, stems, 1)
        highest = [_highest(stem) * gain for stem, gain in zip(stems, gains, strict=True)]
        self.peaks.append(np.maximum.reduce([_highest(mix), *highest]))
        weighted = self._weighting.process(mix)
        np.square(weighted, out=weighted)
        self.powers.append(weighted.reshape(-1, 2 * FRAME).sum(axis=1, dtype=np.float64) / FRAME)


def _highest(samples: Samples) -> Samples:
    rows = samples.reshape(-1, 2 * FRAME)
    highest: Samples = np.maximum(rows.max(axis=1), -rows.min(axis=1))
    return highest


@dataclass(frozen=True, slots=True)
class SectionLevel:
    """Where a section begins, in seconds, and how loud it is to be beside the others, 0..1."""

    start: float
    energy: float


def plan(
    listener: PeakAndPowerMeter,
    frames: int,
    ratio: float,
    target: float,
    sections: Sequence[SectionLevel] = (),
    loop: bool = False,
) -> tuple[Samples, float]:
    """The gain at every frame border: glue of a `ratio`, loudness of `target` LUFS with that of the `sections` in
    their order, and peaks under the ceiling; and the LUFS that come of it, which are fewer where peaks leave no more.

    It fades out at the end; that of a `loop` ends as it begins.
    """
    peaks = np.concatenate(listener.peaks).astype(np.float64)
    powers = np.concatenate(listener.powers)
    if not powers.any():
        return np.ones(len(peaks) + 1, np.float32), -np.inf
    step = FRAME / listener.rate
    if loop:
        heard = -(-frames // FRAME)
        peaks_around, powers_around = (np.tile(each[:heard], LOOP_PASSES) for each in (peaks, powers))
        where = np.tile(_places(sections, heard, step), LOOP_PASSES)
        gain, level = _fitted(peaks_around, powers_around, step, ratio, target, where, sections)
        gain = gain[heard : 2 * heard]
        return _closed(np.append(gain, np.full(len(peaks) + 1 - heard, gain[0])), frames), level
    gain, level = _fitted(peaks, powers, step, ratio, target, _places(sections, len(powers), step), sections)
    return _faded(np.append(gain, gain[-1]), frames, listener.rate), level


def _fitted(
    peaks: Signal,
    powers: Signal,
    step: float,
    ratio: float,
    target: float,
    where: NDArray[np.intp],
    sections: Sequence[SectionLevel],
) -> tuple[Signal, float]:
    makeup = target - _integrated(powers, step)  # dB
    glue = _glue(powers * 10 ** (makeup / 10), step, ratio, target)
    highest = makeup + MOST_PUSH
    changes = np.zeros(max(len(sections), 1))  # dB
    slope, before = 1.0, (0.0, 0.0)
    for turn in range(ROUNDS):
        shape = glue * _turned(changes[where], step) * 10 ** (makeup / 20)
        gain = shape * _guard(peaks * shape, step)
        heard = powers * gain**2
        level = _integrated(heard, step)
        off = _section_misses(heard, where, sections)
        settled = turn >= SETTLED or np.abs(off).max(initial=0.0) < 0.4
        if abs(target - level) < 0.03 and settled:
            break
        if settled and turn and abs(makeup - before[0]) > 0.01:
            slope = (level - before[1]) / (makeup - before[0])
        before = makeup, level
        makeup = min(highest, makeup + (target - level) / min(max(slope, LEAST_SLOPE), 1.0))
        if not settled:
            changes = np.clip(changes + 0.7 * off, DROP, LIFT)
    return gain, level


def _places(sections: Sequence[SectionLevel], count: int, step: float) -> NDArray[np.intp]:
    """The section of each frame."""
    starts = [section.start for section in sections[1:]]
    return np.searchsorted(np.asarray(starts), np.arange(count) * step + step / 2, side="right")


def _section_misses(heard: Signal, where: NDArray[np.intp], sections: Sequence[SectionLevel]) -> Signal:
    """dB by which sections are too quiet for their energy; all sound in a section counts, and their mean is right."""
    if len(sections) < 2:
        return np.zeros(1)
    frames = np.bincount(where, minlength=len(sections))
    power = np.bincount(where, heard, len(sections)) / np.maximum(frames, 1)
    level = 10 * np.log10(power + 1e-9)
    energies = np.array([section.energy for section in sections])
    wanted = np.maximum(STEEPNESS * (energies - energies.max()), LOWEST_SECTION)
    off: Signal = wanted - level
    return off - np.average(off, weights=np.maximum(frames * power, 1e-12))


def _turned(decibels: Signal, step: float) -> Signal:
    width = max(1, round(TURN / step)) | 1
    edges = np.pad(decibels, width // 2, mode="edge")
    total = np.cumsum(np.concatenate([[0.0], edges]))
    smooth: Signal = (total[width:] - total[:-width]) / width
    return 10 ** (smooth / 20)


def _closed(gains: Signal, frames: int) -> Samples:
    """A straight line over the last one to two frames, to the gain of the first."""
    last = frames // FRAME - 1
    if last >= 0:
        slope = (gains[0] - gains[last]) / (frames / FRAME - last)
        gains[last : last + 3] = gains[last] + slope * np.arange(3)
    return gains.astype(np.float32)


def apply(block: Samples, gains: Samples, planned: Samples, first_frame: int) -> Samples:
    """The stems (stems, frames, 2), whole frames long, each with its gain and all with the planned one, drawn in
    straight lines."""
    count = block.shape[1] // FRAME
    edges = planned[first_frame : first_frame + count + 1]
    line = np.linspace(0.0, 1.0, FRAME, endpoint=False, dtype=np.float32)
    curve = edges[:-1, None] + (edges[1:] - edges[:-1])[:, None] * line
    shared = curve.reshape(-1, 1)
    out = np.empty_like(block)
    for stem, gain, louder in zip(block, gains, out, strict=True):
        np.multiply(stem, shared * gain, out=louder)
    return out


def _integrated(powers: Signal, step: float) -> float:
    """LUFS of the powers of frames of `step` seconds: blocks of 400 ms every 100 ms."""
    total = np.concatenate([[0.0], np.cumsum(powers)])
    starts = np.round(np.arange(0, max(len(powers) * step - 0.4, 0.001), 0.1) / step).astype(int)
    ends = np.minimum(starts + max(1, round(0.4 / step)), len(powers))
    return max(LOWEST, loudness.gated((total[ends] - total[starts]) / np.maximum(ends - starts, 1)))


def _glue(powers: Signal, step: float, ratio: float, target: float) -> Signal:
    count = -(-len(powers) // GLUE_FRAMES)
    padded = np.pad(powers, (0, count * GLUE_FRAMES - len(powers)), mode="edge")
    level = -0.691 + 10 * np.log10(padded.reshape(count, GLUE_FRAMES).mean(axis=1) + 1e-12)
    wanted = dynamics.wanted(level, dynamics.CompressorSettings(target + GLUE_ABOVE, ratio, knee_db=0.0))
    rise, fall = (float(np.exp(-GLUE_FRAMES * step / seconds)) for seconds in (GLUE_ATTACK, GLUE_RELEASE))
    reduction = dynamics.smoothed(wanted, rise, fall)
    places = np.arange(len(powers)) / GLUE_FRAMES - 0.5
    smooth: Signal = np.interp(places, np.arange(count), reduction)
    return 10 ** (-smooth / 20)


def _guard(peaks: Signal, step: float) -> Signal:
    """A factor that keeps every peak below the ceiling: early by `AHEAD` frames, and slowly let go."""
    need = np.maximum(np.log(np.maximum(peaks, 1e-9) / CEILING), 0.0)
    held = limiter.sliding_maximum(np.pad(need, AHEAD), 2 * AHEAD + 1)
    released = limiter.released(held, -step / RELEASE)
    kernel = np.hanning(AHEAD + 3)[1:-1]
    smooth = np.convolve(np.pad(released, AHEAD // 2 + 1, mode="edge"), kernel / kernel.sum(), mode="same")
    return np.exp(-smooth[AHEAD // 2 + 1 : AHEAD // 2 + 1 + len(need)])


def _faded(gains: Signal, frames: int, rate: int) -> Samples:
    seconds = min(FADE, 0.06 * frames / rate)
    left = (frames - np.arange(len(gains)) * FRAME) / (seconds * rate)
    return (gains * (0.5 - 0.5 * np.cos(np.pi * np.clip(left, 0.0, 1.0)))).astype(np.float32)
