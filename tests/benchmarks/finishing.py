"""How fast a song is finished, and in how much memory: `python -m tests.benchmarks.finishing [minutes]` (10).

Each task runs in a worker process of its own, as in the server. Speed is how many seconds of sound one second of its
processor makes, so that a busy machine changes little; memory is the highest resident set of that process, the
interpreter with it. The bound is 500 MB for ten minutes in stereo at 44.1 kHz.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile

from dawg_server.audio.mixing.arrangement import Arrangement, Clip, Track
from dawg_server.audio.workers import Workers
from dawg_server.music import compose
from dawg_server.music.sound import render

RATE = 44_100
LOOP = 60.0  # seconds of music that are repeated
MOST_MB = 500.0
TIME_LIMIT = 3600.0  # seconds
AUDIO = "dawg_server.audio"


async def main(seconds: float) -> int:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        song, stems = _material(here, seconds)
        project = _project(stems, seconds)
        out = str(here / "out.wav")
        tasks: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
            "render, 4 tracks": (f"{AUDIO}.mixing.render:render", (project, out, "wav"), {"bit_depth": 24}),
            "mix, 4 tracks": (f"{AUDIO}.mixing.mixdown:mix", (project, out), {"profile": "balanced", "target": -14.0}),
            **{
                f"master, {quality}": (f"{AUDIO}.mastering.master:master", (song, out, "wav"), {"quality": quality})
                for quality in ("streaming", "cd", "club")
            },
            "stems": (
                f"{AUDIO}.separation.separate:separate",
                (song, folder, ["bass", "drums", "other", "vocals"]),
                {"quality": "balanced", "format": "wav"},
            ),
            "tempo and key": (f"{AUDIO}.analysis.track:measure_tempo_and_key", (song,), {}),
            "melody": (f"{AUDIO}.pitch.melody:transcribe", (stems["melody"],), {}),
        }
        worst = 0.0
        for name, (function, arguments, options) in tasks.items():
            used, peak = await measured(function, *arguments, **options)
            worst = max(worst, peak)
            print(f"{name:18} {seconds / used:7.1f} × real time   {used:7.1f} s   {peak:6.1f} MB", flush=True)
    print(f"most memory: {worst:.0f} MB of {MOST_MB:.0f}")
    return 0 if worst < MOST_MB else 1


async def measured(function: str, *arguments: Any, **options: Any) -> tuple[float, float]:
    """(seconds of processor time, highest resident MB) of one task in a new process, whose start does not count."""
    workers = Workers(1, idle_seconds=TIME_LIMIT)
    try:
        known = set(psutil.Process().children(recursive=True))
        await workers.run(f"{AUDIO}.formats:detect", Path(__file__))
        started = set(psutil.Process().children(recursive=True)) - known  # with the process that starts workers
        before = sum(sum(process.cpu_times()[:2]) for process in started)
        await workers.run(function, *arguments, timeout=TIME_LIMIT, **options)
        spent = sum(sum(process.cpu_times()[:2]) for process in started) - before
        texts = [Path(f"/proc/{process.pid}/status").read_text() for process in started]
        highest = max(int(found.group(1)) for text in texts if (found := re.search(r"VmHWM:\s+(\d+) kB", text)))
        return spent, highest * 1024 / 1e6
    finally:
        await workers.close()


def _material(folder: Path, seconds: float) -> tuple[str, dict[str, str]]:
    """The path of a song that long, and those of its stems."""
    score = compose.compose(genre="trap", bpm=150, key="Cm", mood="dark", duration=LOOP, seed=3, prompt="")
    made = render(score, folder, formats=("wav",), keep_premaster=True)
    sources = {"song": folder / "premaster.wav", **made.stems}
    paths = {name: _repeated(Path(path), folder / f"long-{name}.wav", seconds) for name, path in sources.items()}
    return paths.pop("song"), paths


def _repeated(source: Path, target: Path, seconds: float) -> str:
    sound = soundfile.read(source, dtype="float32", always_2d=True)[0]
    left = round(seconds * RATE)
    with soundfile.SoundFile(target, "w", RATE, sound.shape[1], "PCM_24") as file:
        while left > 0:
            file.write(np.clip(sound[:left], -1, 1))
            left -= len(sound)
    return str(target)


def _project(stems: dict[str, str], seconds: float) -> Arrangement:
    tracks = tuple(Track(name, name=name, clips=(Clip(0.0, seconds, path=path),)) for name, path in stems.items())
    return Arrangement(RATE, 150.0, tracks)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(60 * float(sys.argv[1]) if len(sys.argv) > 1 else 600.0)))
