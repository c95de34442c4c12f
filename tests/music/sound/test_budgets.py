"""What a rendering may cost, measured in a process of its own that computes on one core as the workers do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dawg_server.music.sound import profiles

MEASURE = """
import json, sys, time
from pathlib import Path
import soundfile, soxr
from dawg_server.audio import codecs
from dawg_server.music import compose, sound
def peak():  # KiB of this process alone: getrusage would also tell the peak of the process that started it
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
genre, seconds, folder = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
score = compose.compose(genre=genre, bpm=128, key="Cm", mood="energetic", duration=seconds, seed=5)
before = peak()
start = time.process_time()
done = sound.render(score, folder, formats=sys.argv[4:])
used = time.process_time() - start
extra = peak() - before
samples, rate = soundfile.read(done.mix["wav"], dtype="float32")
start = time.process_time()
with codecs.Writer(folder / "again.mp3", "mp3", rate, 2) as writer:
    writer.write(samples)
print(json.dumps({"cpu": used, "mp3": time.process_time() - start, "extra_kib": extra, "lufs": done.lufs}))
"""


def measure(genre: str, seconds: float, folder: Path, *formats: str) -> dict[str, float]:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", MEASURE, genre, str(seconds), str(folder), *formats]
    output = subprocess.run(command, env=environment, check=True, capture_output=True, timeout=110).stdout
    found: dict[str, float] = json.loads(output)
    return found


def test_half_a_minute_of_the_densest_genre_costs_little_more_than_its_mp3(tmp_path: Path) -> None:
    """Encoding the MP3 alone, about 0.65 s on a free core, is a measure that grows with the machine's load."""
    used = measure("edm", 30, tmp_path, "wav", "flac", "mp3")
    assert used["cpu"] < 4.6 * used["mp3"]


@pytest.mark.long
def test_five_minutes_fit_into_400_mb(tmp_path: Path) -> None:
    used = measure("edm", 300, tmp_path, "wav")
    assert used["extra_kib"] < 400 * 1024
    assert used["lufs"] == pytest.approx(profiles.CLUB, abs=1.0)
