"""The sound of one clip, in order and in blocks: read, resampled, cut, faded, and its notes played."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import numpy as np

from dawg_server.audio import arrays, codecs, formats
from dawg_server.audio.devices.sampler import Sampler
from dawg_server.audio.mixing import stretching
from dawg_server.audio.mixing.arrangement import Clip
from dawg_server.audio.pitch import shift
from dawg_server.daw.tempo_map import TempoMap
from dawg_server.music import expression, sound
from dawg_server.music.score import Note

BLOCK = 32_768  # frames
RING = 4.0  # seconds that a note may sound beyond the end of its clip
_PORTION = 20.0  # seconds of notes that are played at once
_Blocks = Generator[arrays.Samples, None, None]
_CENTRE = np.sqrt(0.5)  # ITU-R BS.775-3, table 2: centre and surround at -3 dB


def blocks(clip: Clip, rate: int, tempo: TempoMap, raw: _Blocks | None = None) -> _Blocks:
    """The clip from its first frame on, float32 `(frames, 2)` of any length, with gain and fades; `raw`: its parts."""
    frames = round(clip.end * rate) - round(clip.start * rate)
    if clip.path is not None:
        raw = material(clip, rate, tempo, raw)
    else:
        raw = _notes(clip, rate, tempo)
        frames += 0 if clip.fade_out else round(RING * rate)
    gain = np.float32(10 ** (clip.gain_db / 20))
    position = 0
    with contextlib.closing(raw):
        for block in raw:
            block = block[: frames - position]
            yield _faded(block * gain, clip, position, rate)
            position += len(block)
            if position >= frames:
                return


def _faded(block: arrays.Samples, clip: Clip, position: int, rate: int) -> arrays.Samples:
    frames = round(clip.end * rate) - round(clip.start * rate)
    rise, fall = round(clip.fade_in * rate), round(clip.fade_out * rate)
    index = np.arange(position, position + len(block))
    if rise and position < rise:
        block *= _curve(index / rise, clip)
    if fall and position + len(block) > frames - fall:
        block *= _curve((frames - index) / fall, clip)
    return block


def _curve(way: arrays.Doubles, clip: Clip) -> arrays.Samples:
    """The gain after this share of the way from silence to full sound, as a column."""
    way = np.clip(way, 0.0, 1.0)
    return (np.sin(way * (np.pi / 2)) if clip.equal_power else way).astype(np.float32)[:, None]


def material(clip: Clip, rate: int, tempo: TempoMap, raw: _Blocks | None = None) -> _Blocks:
    """The recording from where the clip begins in it, or its parts (`raw`), stretched if it is, and not cut at the end
    of the clip."""
    assert clip.path is not None
    raw = raw or _recording(clip.path, clip.offset, rate)
    origin = stretching.origin(clip, tempo)
    return raw if origin is None else _stretched(raw, rate, origin)


def _stretched(raw: _Blocks, rate: int, origin: Callable[[float], float]) -> _Blocks:
    with contextlib.closing(raw):
        yield from shift.retimed(raw, rate, 2, lambda frame: origin(frame / rate) * rate)


def _recording(path: str, offset: float, rate: int) -> _Blocks:
    own, found = _from(path, offset)
    with contextlib.closing(found):
        if own == rate:
            yield from map(_stereo, found)
            return
        import soxr  # type: ignore[import-untyped]

        stream = soxr.ResampleStream(own, rate, 2, dtype="float32", quality="HQ")
        for block in found:
            yield stream.resample_chunk(_stereo(block))
        yield stream.resample_chunk(np.zeros((0, 2), np.float32), last=True)


def _from(path: str, offset: float) -> tuple[int, _Blocks]:
    """The recording's own rate, and its blocks from `offset` seconds on."""
    if is_seekable(path):
        import soundfile  # type: ignore[import-untyped]

        with contextlib.suppress(soundfile.LibsndfileError):
            file = soundfile.SoundFile(path)
            return file.samplerate, _seek(file, round(offset * file.samplerate))
    rate = codecs.probe(path, max_seconds=None).rate
    return rate, _skip(codecs.read_blocks(path, BLOCK, max_seconds=None), round(offset * rate))


def is_seekable(path: str) -> bool:
    """Whether a jump to any sample of the file is quick and exact."""
    return formats.detect(pathlib.Path(path)) in ("wav", "flac", "aiff")


def _seek(file: Any, start: int) -> _Blocks:
    with file:
        if start < file.frames:
            file.seek(start)
            while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
                yield np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)


def _skip(found: Iterator[arrays.Samples], count: int) -> _Blocks:
    for block in found:
        left = block[count:]
        count -= len(block) - len(left)
        if len(left):
            yield left


def _notes(clip: Clip, rate: int, tempo: TempoMap) -> _Blocks:
    """Plays the notes in portions, so that a long clip needs no more memory than a short one."""
    sampler = Sampler(clip.sampler.path, clip.sampler.parameters, rate) if clip.sampler else None
    controls = _controls(clip, tempo)
    cut = expression.sustained(list(_cut(clip, tempo)), controls.pedal, clip.duration)
    played = sorted(cut, key=lambda note: (note.start, note.pitch))
    ringing = np.zeros((0, 2), np.float32)
    length = round(_PORTION * rate)
    index = 0
    while played or len(ringing):
        until = (index + 1) * _PORTION
        bpm = tempo.bpm(tempo.beat(clip.start + index * _PORTION))
        now = [dataclasses.replace(note, start=note.start - index * _PORTION) for note in played if note.start < until]
        played = [note for note in played if note.start >= until]

        def play(notes: Sequence[Note], bpm: float = bpm) -> arrays.Samples:
            return sampler.play(notes) if sampler else sound.synthesize(notes, clip.instrument, rate, bpm=bpm)

        fresh = np.zeros((0, 2), np.float32)
        if now:
            fresh = expression.played(now, controls.since(index * _PORTION), rate, play)
        total = np.zeros((max(len(fresh), len(ringing), length if played else 0), 2), np.float32)
        total[: len(fresh)] += fresh
        total[: len(ringing)] += ringing
        ready, ringing = total[:length], total[length:]
        if controls.gain.times:
            times = index * _PORTION + np.arange(len(ready)) / rate
            ready *= controls.gain.over(times).astype(np.float32)[:, None]
        yield ready
        index += 1


def _controls(clip: Clip, tempo: TempoMap) -> expression.Controls:
    """What moves its notes, in seconds from the clip's beginning; what was before it still counts."""
    if (given := clip.controls) is None:
        return expression.Controls()
    origin = tempo.beat(clip.start - clip.offset)

    def timed(events: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        beats = np.array([beat for beat, _ in events], np.float64)
        times = tempo.seconds_of(origin + beats) - clip.start
        return list(zip(times.tolist(), (value for _, value in events), strict=True))

    def values(number: int) -> list[tuple[float, float]]:
        return timed([(beat, value) for beat, each, value in given.controllers if each == number])

    return expression.Controls(
        bend=expression.Steps.of(timed(given.bends)),
        modulation=expression.Steps.of([(time, value / 127) for time, value in values(expression.MODULATION)]),
        pedal=expression.Steps.of([(time, float(value >= 64)) for time, value in values(expression.SUSTAIN)]),
        gain=expression.gains(values(expression.VOLUME), values(expression.EXPRESSION)),
    )


def _cut(clip: Clip, tempo: TempoMap) -> Generator[Note, None, None]:
    """The notes in seconds from the clip's beginning; what lies outside of the clip is not played."""
    origin = tempo.beat(clip.start - clip.offset)  # the beat at which the material begins
    starts = np.array([note.start for note in clip.notes], np.float64)
    lengths = np.array([note.duration for note in clip.notes], np.float64)
    # To a nanosecond, so that rounding moves no note to the next frame.
    times = np.round(tempo.seconds_of(origin + np.stack([starts, starts + lengths])) - clip.start, 9)
    for note, begin, finish in zip(clip.notes, *times.tolist(), strict=True):
        start, end = max(begin, 0.0), min(finish, clip.duration)
        if end > start:
            yield dataclasses.replace(note, start=start, duration=end - start)


def _stereo(block: arrays.Samples) -> arrays.Samples:
    """Mono goes to both sides; of more than two channels the front pair, and of 5.0 and 5.1 the downmix of BS.775."""
    channels = block.shape[1]
    if channels == 1:
        return np.repeat(block, 2, axis=1)
    if channels in (5, 6):
        surround = block[:, channels - 2 :]
        return np.ascontiguousarray(block[:, :2] + (block[:, 2:3] + surround) * np.float32(_CENTRE))
    return np.ascontiguousarray(block[:, :2])
