"""What signal processing costs, in yardsticks: `python -m tests.benchmarks.signal_processing`.

The yardstick is a fixed amount of numpy work, measured anew before each task, so that neither the machine nor its load
counts. Both are seconds of processor time. Fails when a task costs more than its limit.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from dawg_server.audio import limiter, truepeak, waveform
from dawg_server.audio.analysis import track
from dawg_server.audio.mixing import render
from dawg_server.audio.mixing.arrangement import Arrangement, Clip, Track
from dawg_server.audio.pitch import autotune, melody, shift
from dawg_server.audio.separation import separate
from tests.audio import signals, voices

RATE = 48_000
ROUNDS = 3
TUNE = [(0.5 * step, 0.45, 55.0 + step % 5) for step in range(24)]  # 12 seconds of voice: (start, length, pitch)


def main() -> int:
    noise, song = signals.noise(RATE, 30.0), signals.music(RATE, 12.0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mix = _written(folder / "mix.wav", song)
        voice = _written(folder / "voice.wav", voices.sing(RATE, TUNE))
        minute = _written(folder / "minute.wav", np.tile(voices.sing(RATE, TUNE), 5))
        pyramid = waveform.WaveformBuilder()
        pyramid.add(signals.noise(RATE, 60.0))
        drawing = pyramid.to_bytes()
        out = str(folder / "out.wav")
        song_of_eight = _song(_written(folder / "part.wav", np.tile(song * np.float32(0.05), (3, 1))))
        tasks: dict[str, tuple[float, Callable[[], object]]] = {
            "draw 1,000 points": (0.3, lambda: waveform.part(drawing, 1000)),
            "loudness, 30 s": (1.5, lambda: signals.integrated_loudness(noise, RATE)),
            "true peak, 30 s": (2, lambda: truepeak.true_peak(noise, RATE)),
            "limiter, 30 s": (5, lambda: _limited(noise * 2)),
            "separation, 12 s": (80, lambda: separate.separate(mix, name, quality="high-quality")),
            "analysis, 12 s": (4, lambda: track.analyze(Path(mix))),
            "melody, 60 s": (20, lambda: melody.transcribe(minute)),
            "pitch shift, 12 s": (40, lambda: shift.shift(voice, out, 12)),
            "autotune, 12 s": (16, lambda: autotune.autotune(voice, out, "Cm", 100)),
            "render, 180 s of 8": (50, lambda: render.render(song_of_eight, out, "wav", bit_depth=24)),
        }
        return _report({label: (limit, _cost(task)) for label, (limit, task) in tasks.items()})


def _report(costs: dict[str, tuple[float, float]]) -> int:
    for label, (limit, cost) in costs.items():
        print(f"{label:20} {cost:8.2f} yardsticks of {limit:g}{'' if cost <= limit else '   TOO SLOW'}")
    return int(any(cost > limit for limit, cost in costs.values()))


def _cost(task: Callable[[], object]) -> float:
    return statistics.median(_seconds(task) / _seconds(_yardstick) for _ in range(ROUNDS))


def _seconds(task: Callable[[], object]) -> float:
    began = time.process_time()
    task()
    return time.process_time() - began


def _yardstick() -> None:
    """About what filtering half a minute of sound by FFT costs."""
    samples = np.arange(2**20, dtype=np.float32) % 997
    for _ in range(2):
        np.cumsum(np.fft.irfft(np.fft.rfft(samples) * 0.5))


def _limited(samples: np.ndarray) -> None:
    subject = limiter.Limiter(RATE, 2)
    subject.process(samples)
    subject.flush()


def _song(part: str) -> Arrangement:
    tracks = tuple(
        Track(str(number), pan=number / 8, clips=tuple(Clip(30.0 * turn, 30.0, path=part) for turn in range(6)))
        for number in range(8)
    )
    return Arrangement(RATE, 120.0, tracks)


def _written(path: Path, samples: np.ndarray) -> str:
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    return str(path)


if __name__ == "__main__":
    sys.exit(main())
