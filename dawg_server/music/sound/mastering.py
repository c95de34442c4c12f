"""The master's gain over time, worked out on frames before any sample is touched: glue, loudness, and room for peaks.

It is a gain and nothing else, and all stems get the same one, so that the stems still sum to the mix.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dawg_server.audio import filters, limiter, loudness
from dawg_server.audio.mixing import dynamics
from dawg_server.music.sound.tone import Samples, Signal

TARGET = -14.0  # LUFS
LOWEST = -70.0  # LUFS that silence is taken for
FRAME = 128  # samples a peak is taken over
GLUE_FRAMES = 4  # frames per step of the compressor
CEILING = 10 ** (-2.2 / 20)  # highest sample before the limiter, which is left with what lies between the samples
AHEAD = 3  # frames by which a peak's reduction comes early
RELEASE = 0.07  # seconds
GLUE_ATTACK, GLUE_RELEASE = 0.02, 0.22  # seconds
GLUE_ABOVE = 1.0  # LU over the target at which the compressor begins
FADE = 1.2  # seconds at most, at the end of the piece
LOOP_PASSES = 3  # of a loop, of which the second is taken: it has the loop before and after itself
ROUNDS = 8  # of fitting the loudness


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


def plan(listener: PeakAndPowerMeter, frames: int, ratio: float, target: float = TARGET, loop: bool = False) -> Samples:
    """The gain at every frame border: glue of a `ratio`, loudness of `target` LUFS, and peaks under the ceiling.

    It fades out at the end; that of a `loop` ends as it begins.
    """
    peaks = np.concatenate(listener.peaks).astype(np.float64)
    powers = np.concatenate(listener.powers)
    if not powers.any():
        return np.ones(len(peaks) + 1, np.float32)
    step = FRAME / listener.rate
    if loop:
        heard = -(-frames // FRAME)
        peaks_around, powers_around = (np.tile(each[:heard], LOOP_PASSES) for each in (peaks, powers))
        gain = _fitted(peaks_around, powers_around, step, ratio, target)[heard : 2 * heard]
        return _closed(np.append(gain, np.full(len(peaks) + 1 - heard, gain[0])), frames)
    gain = _fitted(peaks, powers, step, ratio, target)
    return _faded(np.append(gain, gain[-1]), frames, listener.rate)


def _fitted(peaks: Signal, powers: Signal, step: float, ratio: float, target: float) -> Signal:
    makeup = 10 ** ((target - _integrated(powers, step)) / 20)
    glue = _glue(powers * makeup**2, step, ratio, target)
    gain = glue * makeup
    for _ in range(ROUNDS):
        gain = glue * makeup * _guard(peaks * glue * makeup, step)
        miss = target - _integrated(powers * gain**2, step)
        makeup *= 10 ** (miss / 20)
        if abs(miss) < 0.03:
            break
    fitted: Signal = glue * makeup * _guard(peaks * glue * makeup, step)
    return fitted


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
