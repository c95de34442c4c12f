"""Sounds with known properties, and judges that share no code with ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

import av
import numpy as np

from dawg_server.audio import loudness
from dawg_server.audio.arrays import Samples


def sine(
    rate: int, seconds: float, frequency: float, level_db: float, phase: float = 0.0, channels: int = 2
) -> Samples:
    """`level_db`: the peak in dBFS. Fades in and out over 50 ms, so that no band-limited edge rises above it."""
    time = np.arange(round(rate * seconds)) / rate
    tone = 10 ** (level_db / 20) * np.sin(2 * np.pi * frequency * time + phase)
    fade = np.minimum(1, np.minimum(time, time[::-1]) / 0.05)
    return np.repeat((tone * fade)[:, np.newaxis], channels, axis=1).astype(np.float32)


def steps(rate: int, parts: Iterable[tuple[float, float]], frequency: float = 1000.0) -> Samples:
    """A stereo sine of `(level in dBFS, seconds)` one after another (EBU Tech 3341 and 3342 describe such signals)."""
    return np.concatenate([sine(rate, seconds, frequency, level) for level, seconds in parts])


def music(rate: int, seconds: float, seed: int = 0, channels: int = 2) -> Samples:
    """Something with beats, notes and noise below 0.4 of the rate, different in each channel, peaking well above 1."""
    generator = np.random.default_rng(seed)
    count = round(rate * seconds)
    time = np.arange(count) / rate
    since_beat = time % 0.5
    sound = np.zeros((count, channels))
    for channel in range(channels):
        noise = np.fft.rfft(generator.standard_normal(count))
        noise[np.fft.rfftfreq(count, 1 / rate) > 0.4 * rate] = 0
        sound[:, channel] += 0.7 * np.fft.irfft(noise, count) * np.exp(-since_beat * 18)
        sound[:, channel] += np.sin(2 * np.pi * 55 * time) * np.exp(-since_beat * 5)
        for note, frequency in enumerate((220.0, 277.2, 329.6, 440.0)):
            sound[:, channel] += 0.2 * np.sin(2 * np.pi * frequency * time + note + channel)
    fade = np.minimum(1, np.minimum(time, time[::-1]) / 0.05)
    return (sound * fade[:, np.newaxis]).astype(np.float32)


def noise(rate: int, seconds: float, level_db: float = -12.0) -> Samples:
    """White noise in stereo, peaking far above its `level_db` (RMS)."""
    generator = np.random.default_rng(99)
    return generator.standard_normal((round(rate * seconds), 2), np.float32) * np.float32(10 ** (level_db / 20))


def split(samples: Samples, sizes: Sequence[int]) -> list[Samples]:
    """Blocks of the given sizes, over and over until all is used."""
    blocks, position, turn = [], 0, 0
    while position < len(samples):
        size = max(1, sizes[turn % len(sizes)])
        blocks.append(samples[position : position + size])
        position, turn = position + size, turn + 1
    return blocks


def through(process: Callable[[Samples], Samples], blocks: Iterable[Samples]) -> Samples:
    return np.concatenate([process(block) for block in blocks])


def ffmpeg_loudness(samples: Samples, rate: int) -> dict[str, float]:
    """What FFmpeg's ebur128 filter measures: I, LRA and the true peak, rounded to three digits."""
    layout = {1: "mono", 2: "stereo", 5: "5.0", 6: "5.1"}[samples.shape[1]]
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate, format="dbl", layout=layout, time_base=Fraction(1, rate))
    meter = graph.add("ebur128", "peak=true:metadata=1:framelog=quiet")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(samples.astype(np.float64).reshape(1, -1), format="dbl", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    graph.push(frame)
    graph.push(None)
    last: dict[str, str] = {}
    peak = 0.0
    while True:
        try:
            last = dict(graph.pull().metadata) or last
        except (av.EOFError, BlockingIOError):
            break
    peak = float(last["lavfi.r128.true_peak"])
    return {"I": float(last["lavfi.r128.I"]), "LRA": float(last["lavfi.r128.LRA"]), "peak": 20 * np.log10(peak)}


def oversampled_peak(samples: Samples, factor: int) -> float:
    """dBTP by an exact band-limited interpolation of the whole: zeros in the spectrum above half the rate."""
    channels = np.ascontiguousarray(samples.astype(np.float32).reshape(len(samples), -1).T)
    finer = np.fft.irfft(np.fft.rfft(channels), len(samples) * factor) * np.float32(factor)
    return float(20 * np.log10(np.abs(finer).max()))


def integrated_loudness(samples: np.ndarray, rate: int) -> float:
    """The loudness of the whole in LUFS by the server's own meter."""
    meter = loudness.LoudnessMeter(rate, 1 if samples.ndim == 1 else samples.shape[1])
    meter.add(samples)
    return meter.integrated
