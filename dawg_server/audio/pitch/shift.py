"""Moves the pitch of any recording by up to an octave and keeps its length.

A phase vocoder whose bins turn together with the spectral peak they belong to (J. Laroche, M. Dolson, "New
phase-vocoder techniques for pitch-shifting, harmonizing and other exotic effects", WASPAA 1999, and "Improved phase
vocoder time-scale modification of audio", IEEE Trans. SAP 7, 1999) stretches the time; soxr's resampler makes it
right again. All channels turn by the same angle, which keeps the stereo image. At onsets the phases are those of the
original, so that attacks stay sharp.
"""

from __future__ import annotations

import collections
import functools
import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from dawg_server.audio import arrays, codecs, encoder, recording_meter
from dawg_server.audio.separation import spectra

MOST = 12.0  # semitones
_OVERLAP = 8  # windows over each sample
_NEIGHBOURS = 3  # bins on either side that a peak is higher than
_ONSET = 1.6  # rise of the magnitudes' sum, beside which ...
_MOST_GAIN = 2.0  # by which lost power is given back
_SILENCE = 1e-12  # energy of a window
_SHARE = 0.35  # ... this share of the bins that count at least doubles

Angles = npt.NDArray[np.float64]
Report = Callable[[float], None]


def shift(
    source: str,
    target: str,
    semitones: float,
    format: encoder.WriteFormat = "wav",
    *,
    report: Report = lambda fraction: None,
) -> dict[str, object]:
    """Writes `source`, `semitones` (-12..12) higher, to `target`: same rate, same channels (two at most), same number
    of frames. Returns `facts`, columns of `audio_files`."""
    info = codecs.probe(source, max_seconds=None)
    channels = min(2, info.channels)
    rate = encoder.writable_rate(format, info.rate)
    ratio = 2 ** (semitones / 12)
    blocks = (
        np.ascontiguousarray(block[:, :channels]) for block in codecs.read_blocks(source, rate=rate, max_seconds=None)
    )
    frames = round(info.frames * rate / info.rate)
    with codecs.Writer(target, format, rate, channels) as writer:
        for block in shifted(blocks, rate, channels, ratio):
            writer.write(block[: frames - writer.frames])
            report(min(0.95, writer.frames / frames))
        writer.write(np.zeros((frames - writer.frames, channels), np.float32))
    return {"facts": recording_meter.of_file(target).facts(24 if format in encoder.BIT_DEPTHS else None)}


def shifted(blocks: Iterable[arrays.Samples], rate: int, channels: int, ratio: float) -> Iterator[arrays.Samples]:
    """Nearly as many frames come out as go in; frequencies are `ratio` times what they were."""
    import soxr  # type: ignore[import-untyped]

    resampler = soxr.ResampleStream(rate * ratio, rate, channels, dtype="float32", quality="HQ")
    for block in stretched(blocks, rate, channels, ratio):
        yield resampler.resample_chunk(block).reshape(-1, channels)
    yield resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True).reshape(-1, channels)


def stretched(blocks: Iterable[arrays.Samples], rate: int, channels: int, ratio: float) -> Iterator[arrays.Samples]:
    """`ratio` times as long, pitch as it was."""
    return retimed(blocks, rate, channels, lambda frame: frame / ratio)


def retimed(
    blocks: Iterable[arrays.Samples], rate: int, channels: int, origin: Callable[[float], float]
) -> Iterator[arrays.Samples]:
    """Pitch as it was, and at each frame of the output what is heard at the frame `origin` of the input; it never
    falls."""
    size = spectra.window_size(rate)
    hop = size // _OVERLAP
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    back, level = _Overlap(size, hop, channels, window), _Level(size, hop, window)
    turner = _Turner(size, hop)
    at = functools.partial(_at, origin, hop)
    for now, before in _pairs(blocks, size, hop, at, channels, window):
        frames = np.fft.irfft(turner.turn(now, before), size, axis=1).astype(np.float32)
        level.expect(float(np.square(frames).sum()))
        yield level.restored(back.add(frames))
    yield from level.rest(back.rest())


def _pairs(
    blocks: Iterable[arrays.Samples],
    size: int,
    hop: int,
    at: Callable[[int], int],
    channels: int,
    window: arrays.Samples,
) -> Iterator[tuple[npt.NDArray[np.complex64], npt.NDArray[np.complex64]]]:
    """The spectra around the frames `at` 0, 1, 2, …, each with the one `hop` frames earlier; (channels, bins)."""
    lead = size // 2 + hop
    kept = np.zeros((channels, lead), np.float32)
    first, number = -lead, 0  # position of the first kept sample, in the stream
    ended = False
    source = iter(blocks)
    total = 0
    while True:
        position = at(number)
        while not ended and position + size // 2 > first + kept.shape[1]:
            block = next(source, None)
            ended = block is None
            fresh = np.zeros((size + hop, channels), np.float32) if block is None else block
            total += 0 if block is None else len(block)
            kept = np.concatenate((kept, fresh.T), axis=1)
        if ended and position >= total:
            return
        start = position - size // 2 - first
        pair = np.stack((kept[:, start : start + size], kept[:, start - hop : start - hop + size])) * window
        now, before = np.fft.rfft(pair, axis=2).astype(np.complex64, copy=False)
        yield now, before
        number += 1
        unused = at(number) - size // 2 - hop - first
        if unused > 4 * size:
            kept, first = kept[:, unused:].copy(), first + unused


def _at(origin: Callable[[float], float], hop: int, number: int) -> int:
    return round(origin(number * hop))


class _Turner:
    """Knows how far each bin has been turned."""

    def __init__(self, size: int, hop: int) -> None:
        self._hop = hop
        self._angles: Angles = np.zeros(size // 2 + 1)
        self._last: npt.NDArray[np.complex64] | None = None
        self._bins = np.arange(size // 2 + 1)
        self._expected = 2 * np.pi * hop * self._bins / size

    def turn(self, now: npt.NDArray[np.complex64], before: npt.NDArray[np.complex64]) -> npt.NDArray[np.complex64]:
        mono, earlier = now.sum(axis=0), before.sum(axis=0)
        loud = np.sqrt(np.square(np.abs(now)).sum(axis=0))
        if len(now) == 2 and np.abs(mono).sum() < 0.2 * loud.sum():  # out of phase: one channel knows better
            mono, earlier = now[0], before[0]
        if self._last is None or _begins(loud, np.sqrt(np.square(np.abs(before)).sum(axis=0))):
            self._angles = np.zeros_like(self._angles)
            self._last = mono
            return now
        peaks = _peaks(loud)
        if len(peaks):
            advance = np.angle(mono[peaks] * np.conj(earlier[peaks])) - self._expected[peaks]
            advance -= 2 * np.pi * np.round(advance / (2 * np.pi))
            # Where this peak's sound was one step ago in the output, and how far it has gone on since.
            reached = np.angle(self._last[peaks]) + self._angles[peaks] + self._expected[peaks] + advance
            turned = reached - np.angle(mono[peaks])
            borders = (peaks[1:] + peaks[:-1] + 1) // 2
            self._angles = turned[np.searchsorted(borders, self._bins, side="right")]
        self._last = mono
        result: npt.NDArray[np.complex64] = (now * np.exp(1j * self._angles)).astype(np.complex64)
        return result


def _peaks(loud: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    padded = np.pad(loud, _NEIGHBOURS)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOURS + 1)
    return np.flatnonzero((loud >= windows.max(axis=1)) & (loud > loud.max(initial=0) * 1e-5))


def _begins(loud: npt.NDArray[np.float32], before: npt.NDArray[np.float32]) -> bool:
    counted = loud > loud.max(initial=0) * 1e-3
    if not counted.any() or loud.sum() < _ONSET * before.sum():
        return False
    return bool((loud[counted] > 2 * before[counted]).mean() > _SHARE)


class _Overlap:
    def __init__(self, size: int, hop: int, channels: int, window: arrays.Samples) -> None:
        self._hop = hop
        overlapping = np.square(window).reshape(-1, hop).sum(axis=0)  # the same for every stretch of a Hann window
        self._window = window / np.tile(overlapping, size // hop)
        self._open = np.zeros((channels, size), np.float32)

    def add(self, frames: arrays.Samples) -> arrays.Samples:
        self._open += frames * self._window
        ready = np.ascontiguousarray(self._open[:, : self._hop].T)
        silence = np.zeros((len(frames), self._hop), np.float32)
        self._open = np.concatenate((self._open[:, self._hop :], silence), axis=1)
        return ready

    def rest(self) -> arrays.Samples:
        return np.ascontiguousarray(self._open[:, : -self._hop].T)


class _Level:
    """Gives back the power that sound without a pitch loses where turned windows no longer agree with each other.

    The windows of the output, cut out of it again, are to have the energy that each of them had before they were added.
    """

    def __init__(self, size: int, hop: int, window: arrays.Samples) -> None:
        self._hop, self._window = hop, window[:, None]
        self._expected: collections.deque[float] = collections.deque()
        self._blocks: collections.deque[arrays.Samples] = collections.deque(maxlen=_OVERLAP)  # of one window
        self._count, self._gain = 0, 1.0

    def expect(self, energy: float) -> None:
        """Of the next window."""
        self._expected.append(energy)

    def restored(self, block: arrays.Samples) -> arrays.Samples:
        """Half a window behind `block`; nothing for what lies before the beginning."""
        self._blocks.append(block)
        self._count += 1
        if self._count < _OVERLAP:
            return block[:0]
        found, expected = float(np.square(np.concatenate(self._blocks) * self._window).sum()), self._expected.popleft()
        before, self._gain = self._gain, _gain(expected, found)
        if self._count == _OVERLAP:
            return block[:0]
        ramp = np.linspace(before, self._gain, self._hop, endpoint=False, dtype=np.float32)[:, None]
        return self._blocks[_OVERLAP // 2 - 1] * ramp

    def rest(self, samples: arrays.Samples) -> Iterator[arrays.Samples]:
        for start in range(0, len(samples), self._hop):
            yield self.restored(samples[start : start + self._hop])
        for block in list(self._blocks)[_OVERLAP // 2 :]:
            yield block * np.float32(self._gain)


def _gain(expected: float, found: float) -> float:
    return min(max(math.sqrt(expected / found), 1 / _MOST_GAIN), _MOST_GAIN) if found > _SILENCE else 1.0
