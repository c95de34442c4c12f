"""Processor seconds of a beat of each genre, beside a fixed amount of numpy's work in the same run.

    .venv/bin/python -m tests.benchmarks.beats [--seconds 30] [GENRE ...]

Each beat is made in a process of its own as workers make it: composed, played, mastered, written as FLAC with four stems
and MIDI. `first` is with nothing kept from an earlier beat, `next` with the recordings decoded; imports do not count.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

from dawg_server.audio import worker_spawner
from dawg_server.music import genres

MADE = """
import json, resource, sys, tempfile, time
from pathlib import Path
import numpy as np, soundfile
from dawg_server.music import compose, genres, job, midi, sound

def spent(what):
    begun = time.process_time()
    what()
    return time.process_time() - begun

def yardstick():
    noise = np.random.default_rng(0).standard_normal(1 << 20).astype(np.float32)
    for _ in range(6):
        np.tanh(np.fft.irfft(np.fft.rfft(noise)))

genre, seconds = genres.find(sys.argv[1]), float(sys.argv[2])

def beat(seed):
    with tempfile.TemporaryDirectory() as folder:
        score = compose.compose(genre=genre.name, bpm=genre.default_bpm, key="Am", mood=genre.moods[0],
                                duration=seconds, seed=seed)
        sound.render(score, Path(folder), formats=job.FORMATS, stem_format="flac")
        midi.write_midi(score, Path(folder, "score.mid"))
        sizes.append(sum(file.stat().st_size for file in Path(folder).iterdir()) / 2**20)

sizes = []
first, following = spent(lambda: beat(1)), spent(lambda: beat(2))
peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps({"first": first, "next": following, "yardstick": spent(yardstick), "MB": sizes[0], "peak": peak}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("genres", nargs="*", default=[])
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_intermixed_args()
    environment = {**os.environ, **worker_spawner._ONE_THREAD, **worker_spawner._LARGE_BLOCKS}
    print(
        f"{'genre':16}{'first':>8}{'next':>8}{'numpy':>8}{'ratio':>8}{'MB':>8}{'peak MB':>9}   load {os.getloadavg()[0]:.1f}"
    )
    ratios = []
    for name in given.genres or genres.names():
        command = [sys.executable, "-c", MADE, name, str(given.seconds)]
        told = subprocess.run(command, env=environment, check=True, capture_output=True).stdout
        found = json.loads(told)
        ratios.append(found["first"] / found["yardstick"])
        print(
            f"{name:16}{found['first']:8.2f}{found['next']:8.2f}{found['yardstick']:8.2f}{ratios[-1]:8.1f}"
            f"{found['MB']:8.1f}{found['peak']:9.0f}"
        )
    print(f"{'mean ratio':16}{sum(ratios) / len(ratios):32.1f}")


if __name__ == "__main__":
    main()
