"""From a pitch track to notes, as a listener would write the melody down.

Each frame either rests or belongs to a semitone, and changing one's mind costs something, so that vibrato, glides and
wavering stay within one note: the likeliest way is found by the Viterbi algorithm (after M. Ryynänen, A. Klapuri,
"Modelling of note events for singing transcription", SAPA 2004). The singer's own tuning is measured first.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dawg_server import errors
from dawg_server.audio import arrays
from dawg_server.audio.analysis import chroma, key
from dawg_server.audio.pitch import tracker
from dawg_server.audio.pitch.tracker import PitchCurve

STEP = tracker.HOP / tracker.RATE  # seconds per frame
FEWEST_NOTES = 3
_LOW, _HIGH = 33, 92  # MIDI numbers that are looked for
_SPREAD = 0.55  # semitones that a frame may well be off
_FAR = 2.5  # spreads; what is farther off is an error of the tracker and says nothing more
_CHANGE = 6.5  # cost of going to another note or to a rest
_MISSING = 1.6  # cost of a rest where there is pitch, and of a note where there is none
_SHORTEST = 0.07  # seconds
_GLIDE = 15  # frames before a note in which the voice may still be on its way to it
_AUDIBLE = 0.3  # of a note's level, which belongs to its beginning
_DIP_DB = 7.0  # of loudness within a note, which makes it two


@dataclass(frozen=True, slots=True)
class SungNote:
    """`start` and `duration` in seconds, `pitch` the nearest MIDI number in the singer's tuning, `cents` how far off
    the note was sung from it, `velocity` 1..127 by its loudness."""

    start: float
    duration: float
    pitch: int
    cents: float
    velocity: int

    def describe(self) -> dict[str, Any]:
        return {
            "start": round(self.start, 3),
            "duration": round(self.duration, 3),
            "pitch": self.pitch,
            "cents": round(self.cents, 1),
            "velocity": self.velocity,
        }


def transcribe(path: str, *, offset: float = 0.0, seconds: float | None = None) -> dict[str, Any]:
    """`melodyInfo` of a recording or an excerpt, whose notes begin with it at 0.

    Raises MelodyTooShort.
    """
    track = tracker.of_file(path, offset=offset, seconds=seconds)
    found = notes(track)
    if len(found) < FEWEST_NOTES:
        raise errors.MelodyTooShort(details={"notes": len(found), "needed": FEWEST_NOTES})
    return {
        "numNotes": len(found),
        "duration": round(len(track.pitch) * STEP, 3),
        "key": key_of(found),
        "range": {"lowest": min(note.pitch for note in found), "highest": max(note.pitch for note in found)},
        "tuningCents": round(100 * tuning(track), 1),
        "notes": [note.describe() for note in found],
    }


def tuning(track: PitchCurve) -> float:
    """Semitones (-0.5..0.5) by which the singer's notes lie above those of a piano at 440 Hz."""
    steady = track.pitch[track.voiced]
    if len(steady) < 2:
        return 0.0
    return float(np.angle(np.exp(2j * np.pi * steady).mean()) / (2 * np.pi))


def notes(track: PitchCurve) -> list[SungNote]:
    """In order of time; none overlap."""
    offset = tuning(track)
    states = _states(track.pitch - offset)
    found = []
    end = 0
    for settled, last in _runs(states, _loudness(track)):
        first = settled
        audible = _AUDIBLE * float(np.median(track.rms[settled:last]))
        while first > max(end, settled - _GLIDE) and not states[first - 1] and track.rms[first - 1] > audible:
            first -= 1
        if (last - first) * STEP < _SHORTEST:
            continue
        end = last
        sung = track.pitch[settled:last]
        sung = sung[~np.isnan(sung)]
        middle = sung[len(sung) // 5 : len(sung) - len(sung) // 10] if len(sung) > 8 else sung
        if not len(middle):
            continue
        exact = float(np.median(middle))
        pitch = round(exact - offset)
        level = 20 * math.log10(max(1e-6, float(np.sqrt(np.mean(np.square(track.rms[first:last]))))))
        found.append(
            SungNote(first * STEP, (last - first) * STEP, pitch, 100 * (exact - offset - pitch), _velocity(level))
        )
    return found


def key_of(found: list[SungNote]) -> str | None:
    """The key that the notes fit best, by how long each sounds; None when they don't tell."""
    classes = [np.eye(12)[note.pitch % 12] for note in found for _ in range(max(1, round(note.duration / 0.1)))]
    guess = key.estimate(chroma.Chroma(frames=np.array(classes), cents=0.0, step=0.1, tonality=1.0))
    if guess is None:
        return None
    return guess.name + ("m" if guess.scale == "minor" else "")


def _states(pitch: arrays.Doubles) -> np.ndarray:
    """For each frame its semitone, or 0 for a rest."""
    semitones = np.arange(_LOW, _HIGH + 1)
    count = len(pitch)
    costs = np.empty((count, len(semitones) + 1))
    missing = np.isnan(pitch)
    off = (np.nan_to_num(pitch, nan=0.0)[:, None] - semitones) / _SPREAD
    costs[:, 1:] = np.minimum(np.square(off), _FAR**2) / 2
    costs[missing, 1:] = _MISSING
    costs[:, 0] = np.where(missing, 0.0, _MISSING)
    came = np.zeros(costs.shape, np.int32)
    total = costs[0].copy()
    stay = np.arange(costs.shape[1])
    for frame in range(1, count):
        cheapest = int(np.argmin(total))
        changed = total[cheapest] + _CHANGE < total
        came[frame] = np.where(changed, cheapest, stay)
        total = np.minimum(total, total[cheapest] + _CHANGE) + costs[frame]
    state = int(np.argmin(total))
    chosen = np.zeros(count, np.int64)
    for frame in range(count - 1, -1, -1):
        chosen[frame] = semitones[state - 1] if state else 0
        state = int(came[frame, state])
    return chosen


def _loudness(track: PitchCurve) -> arrays.Doubles:
    level = 20 * np.log10(np.maximum(track.rms, 1e-6))
    padded = np.pad(level, 2, mode="edge")
    smoothed: arrays.Doubles = np.lib.stride_tricks.sliding_window_view(padded, 5).mean(axis=1)
    return smoothed


def _runs(states: np.ndarray, level: arrays.Doubles) -> list[tuple[int, int]]:
    """Stretches of one semitone; a clear dip in loudness inside begins a new note."""
    edges = np.flatnonzero(np.diff(states, prepend=-1, append=-1))
    runs: list[tuple[int, int]] = []
    for first, last in itertools.pairwise(edges):
        if states[first]:
            cuts = [int(first), *_dips(level, int(first), int(last)), int(last)]
            runs += itertools.pairwise(cuts)
    return runs


def _dips(level: arrays.Doubles, first: int, last: int) -> list[int]:
    least = round(_SHORTEST / STEP)
    cuts: list[int] = []
    begin = first
    for frame in range(first + least, last - least):
        before, after = level[begin:frame].max(), level[frame : min(last, frame + 4 * least)].max()
        lowest = level[frame] <= level[max(begin, frame - 3) : min(last, frame + 4)].min()
        if lowest and min(before, after) - level[frame] > _DIP_DB and frame - begin >= least:
            cuts.append(frame)
            begin = frame
    return cuts


def _velocity(level_db: float) -> int:
    return int(np.clip(round(127 + 2.0 * (level_db + 12)), 1, 127))
