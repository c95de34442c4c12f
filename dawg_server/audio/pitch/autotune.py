"""Pulls one voice to the notes of a key.

The pitch is followed, each note gets its nearest step of the scale, and the wave is laid anew, period by period
(TD-PSOLA: E. Moulines, F. Charpentier, "Pitch-synchronous waveform processing techniques for text-to-speech synthesis
using diphones", Speech Communication 9, 1990). Formants stay where they are, and what is not sung stays as it is.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from dawg_server.audio import arrays, codecs, encoder, recording_meter
from dawg_server.audio.pitch import melody, tracker
from dawg_server.music import theory

_UNVOICED = 0.008  # seconds between the marks where nothing is sung
_GLIDE = 7  # frames of 10 ms over which a correction sets in
_MOST = 3.0  # semitones; a larger distance is not a wrong note but a wrong guess
_SEARCH = 0.25  # of a period, in which a mark may move to where the wave looks like the one before
_PORTION = 262_144  # frames written at once

Marks = npt.NDArray[np.int64]
Report = Callable[[float], None]


def autotune(
    source: str,
    target: str,
    key: str,
    strength: float = 80.0,
    format: encoder.WriteFormat = "wav",
    *,
    report: Report = lambda fraction: None,
) -> dict[str, Any]:
    """Writes `source`, a single voice, pulled to `key` by `strength` percent (0..100); same rate, same length, two
    channels at most. Returns `facts`, and `corrected`: how many notes were moved by how many cents in the mean.
    """
    info = codecs.probe(source, max_seconds=None)
    channels, rate = min(2, info.channels), encoder.writable_rate(format, info.rate)
    track = tracker.of_file(source)
    report(0.3)
    moves, cents = corrections(track, theory.parse_key(key), strength / 100)
    raw = pathlib.Path(target).with_suffix(".raw")
    try:
        frames = _decode(source, raw, rate, channels)
        wave = np.memmap(raw, np.float32, "r", shape=(frames, channels))
        report(0.4)
        marks = _marks(wave, rate, track)
        report(0.6)
        with codecs.Writer(target, format, rate, channels) as writer:
            for block in _laid(wave, rate, marks, track, moves):
                writer.write(block)
                report(0.6 + 0.35 * writer.frames / frames)
        del wave
    finally:
        raw.unlink(missing_ok=True)
    return {
        "facts": recording_meter.of_file(target).facts(24 if format in encoder.BIT_DEPTHS else None),
        "corrected": {"notes": len(cents), "meanCents": round(float(np.mean(np.abs(cents))), 1) if cents else 0.0},
    }


def corrections(track: tracker.PitchCurve, key: theory.MusicalKey, share: float) -> tuple[arrays.Doubles, list[float]]:
    """For each frame of the track the semitones to move by, and for each note its distance from the scale in cents."""
    scale = {pitch % 12 for pitch in key.scale}
    steps = np.array([pitch for pitch in range(128) if pitch % 12 in scale])
    moves = np.zeros(len(track.pitch))
    cents = []
    for note in melody.notes(track):
        first, last = round(note.start / melody.STEP), round((note.start + note.duration) / melody.STEP)
        sung = track.pitch[first:last]
        if np.isnan(sung).all():
            continue
        middle = float(np.nanmedian(sung))
        wanted = float(steps[np.argmin(np.abs(steps - middle))])
        cents.append(100 * (middle - wanted))
        away = wanted - np.where(np.isnan(sung), middle, sung)
        # Glides into the note keep their shape: only the steady part is pulled all the way.
        moves[first:last] = share * np.clip(np.where(np.abs(away) < 1.0, away, wanted - middle), -_MOST, _MOST)
    kernel = np.hanning(_GLIDE + 2)[1:-1]
    smoothed: arrays.Doubles = np.convolve(moves, kernel / kernel.sum(), mode="same")
    return smoothed, cents


def _decode(source: str, raw: pathlib.Path, rate: int, channels: int) -> int:
    frames = 0
    with raw.open("wb") as file:
        for block in codecs.read_blocks(source, rate=rate, max_seconds=None):
            file.write(np.ascontiguousarray(block[:, :channels]).tobytes())
            frames += len(block)
    return frames


def _marks(wave: Any, rate: int, track: tracker.PitchCurve) -> Marks:
    """One mark per period, at the same place of each; every 8 ms where nothing is sung."""
    frames = len(wave)
    pitch, voiced = track.pitch, track.voiced
    found = [0]
    at = 0
    while True:
        index = min(len(pitch) - 1, int(at / rate / melody.STEP))
        if not voiced[index]:
            at += round(_UNVOICED * rate)
        else:
            period = rate / (440 * 2 ** ((pitch[index] - 69) / 12))
            at = _alike(wave, at, period)
        if at >= frames:
            return np.array([*found, frames], np.int64)
        found.append(at)


def _alike(wave: Any, at: int, period: float) -> int:
    """Where, about a period later, the wave is most like around `at`."""
    half, slack = max(4, round(period / 2)), max(1, round(_SEARCH * period))
    expected = at + round(period)
    first = expected - slack - half
    if at - half < 0 or first < 0 or expected + slack + half >= len(wave):
        return expected
    model = np.asarray(wave[at - half : at + half]).sum(axis=1)
    around = np.asarray(wave[first : expected + slack + half]).sum(axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(around, len(model))
    energy = np.sqrt(np.square(windows).sum(axis=1)) + 1e-9
    return int(first + half + np.argmax(windows @ model / energy))


def _laid(
    wave: Any, rate: int, marks: Marks, track: tracker.PitchCurve, moves: arrays.Doubles
) -> Iterator[arrays.Samples]:
    """Grains of two periods around the marks, laid at the distances that the new pitch asks for."""
    frames, channels = wave.shape
    output = np.zeros((_PORTION + 2 * rate, channels), np.float32)
    weight = np.zeros(_PORTION + 2 * rate, np.float32)
    begin, place = 0, 0.0
    ended = False  # the grain after the end rounds off what the last one inside begins
    while not ended:
        ended = place >= frames
        near = int(np.searchsorted(marks, place))
        near = near - 1 if near and place - marks[near - 1] <= marks[min(near, len(marks) - 1)] - place else near
        near = min(max(near, 0), len(marks) - 1)
        centre = int(marks[near])
        after = int(marks[near + 1] - centre if near + 1 < len(marks) else centre - marks[near - 1])
        before = centre - int(marks[near - 1]) if near else after
        _add(wave, output, weight, centre, round(place) - begin, before, after)
        index = min(len(moves) - 1, int(place / rate / melody.STEP))
        place += max(2.0, after / 2 ** ((moves[index] if track.voiced[index] else 0.0) / 12))
        if place - begin > _PORTION + rate:
            yield _even(output[:_PORTION], weight[:_PORTION])
            begin += _PORTION
            for array in (output, weight):
                array[: 2 * rate] = array[_PORTION : _PORTION + 2 * rate].copy()
                array[2 * rate :] = 0
    rest = frames - begin
    yield _even(output[:rest], weight[:rest])


def _add(
    wave: Any, output: arrays.Samples, weight: arrays.Samples, centre: int, place: int, before: int, after: int
) -> None:
    rise, fall = np.hanning(2 * before + 1)[:before], np.hanning(2 * after + 1)[after:-1]
    first, last = max(centre - before, 0, centre - place), min(centre + after, len(wave), centre + len(output) - place)
    if last <= first:
        return
    whole = np.concatenate((rise, fall)).astype(np.float32)
    window = whole[first - centre + before : last - centre + before]
    here = slice(first - centre + place, last - centre + place)
    output[here] += wave[first:last] * window[:, None]
    weight[here] += window


def _even(output: arrays.Samples, weight: arrays.Samples) -> arrays.Samples:
    """Where grains overlap more or less than once, the level is put right."""
    return np.divide(output, np.maximum(weight, 0.3)[:, None], dtype=np.float32)
