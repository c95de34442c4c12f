"""From a score's notes to the dry sound of each stem, block by block.

Every distinct note is synthesised once and then only added at its places; a bounded cache keeps these one-shots.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import zlib
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dawg_server.music import score as scores
from dawg_server.music.recorded import bank as banks
from dawg_server.music.sound import instruments, kits, recordings
from dawg_server.music.sound.amplifiers import Amplifier
from dawg_server.music.sound.tone import Bend, Samples, Tone

CACHE_BYTES = 32 * 2**20
LONGEST = 16.0  # seconds; a longer note is struck again, which bounds the memory of a single sound
LAYERS = 4  # of velocity, for the timbre; loudness follows the velocity exactly
CLIP_BLOCK = 131_072  # frames
CLIP_SEED = 1
NEXT_TIME = 0.1  # seconds of the next time round that a loop looks ahead to
TAKES = 3  # different recordings of the same drum hit, used in turn
RINGING = 8.0  # seconds that a sound may go on after its key is let go
HIT = 0.1  # seconds a drum key is held: a hit rings as it rings, so that all its lengths are one sound
TOUCHING = 0.03  # seconds between notes that are bound
DAMPING = 0.008  # seconds in which a sound that is cut off fades


@dataclass(frozen=True, slots=True)
class SoundEvent:
    """One sound to be: where it starts and must end (frames), what it is, and its gain left, right and to the room.

    `drive`: the gain into the amplifier of its part, if that has one. `came_from`: the pitch that it is slurred from.
    """

    start: int
    end: int
    instrument: str
    stem: str
    pitch: int
    seconds: float
    velocity: int
    take: int
    left: float
    right: float
    wet: float
    bends: tuple[Bend, ...] = ()
    came_from: int | None = None
    drive: float = 1.0


@dataclass(slots=True)
class StemBlock:
    """A block of one stem: `dry` float32 (frames, 2) and what it sends to the room, `wet` (frames,)."""

    dry: Samples
    wet: Samples
    silent: bool = True
    sends: bool = False


class Sequencer:
    """Plays events in order; call `render` with adjoining blocks."""

    def __init__(
        self,
        events: Sequence[SoundEvent],
        rate: int,
        beat: float,
        seed: int,
        stems: Sequence[str] = scores.STEMS,
        tonic: int | None = None,
    ) -> None:
        """`beat`: seconds per beat, for sounds that move in time with the music; `tonic`: what drums are tuned to."""
        self._events = sorted(events, key=lambda event: event.start)
        self._rate, self._beat, self._seed = rate, beat, seed
        self._stems = stems
        self._tonic = tonic
        self.end = 0  # the frame at which all that was started has faded
        self._next = 0
        self._sounding: list[tuple[SoundEvent, Samples]] = []
        self._cache: OrderedDict[tuple[object, ...], Samples] = OrderedDict()
        self._cached_bytes = 0
        self._bank = banks.current()
        self._amplified: dict[tuple[str, str], _Amplified] = {}

    def render(self, start: int, frames: int) -> dict[str, StemBlock]:
        blocks = {
            stem: StemBlock(np.zeros((frames, 2), np.float32), np.zeros(frames, np.float32)) for stem in self._stems
        }
        stop = start + frames
        while self._next < len(self._events) and self._events[self._next].start < stop:
            event = self._events[self._next]
            sound = self._sound(event)
            self._sounding.append((event, sound))
            self.end = max(self.end, min(event.start + len(sound), event.end))
            self._next += 1
        going_on = []
        for event, sound in self._sounding:
            piece, into = _within(event, sound, start, stop, self._rate)
            if len(piece):
                if (amplified := self._amplifier(event, frames)) is not None:
                    amplified.add(event, piece, into)
                else:
                    _mix(blocks[event.stem], event, piece, into)
            if min(event.start + len(sound), event.end) > stop:
                going_on.append((event, sound))
        self._sounding = going_on
        for (stem, _), amplified in self._amplified.items():
            amplified.play(blocks[stem], frames)
        return blocks

    def _amplifier(self, event: SoundEvent, frames: int) -> _Amplified | None:
        key = event.stem, event.instrument
        if key not in self._amplified:
            made = instruments.find(event.instrument, event.stem).amplifier
            if made is None or instruments.is_kit(event.instrument, event.stem):
                return None
            self._amplified[key] = _Amplified(made(self._rate), event, frames)
        return self._amplified[key]

    def _sound(self, event: SoundEvent) -> Samples:
        layer = math.ceil(event.velocity / 127 * LAYERS)
        key = (
            event.instrument,
            event.pitch,
            layer,
            event.take,
            round(event.seconds * 200),
            event.bends,
            event.came_from,
        )
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        name = zlib.crc32(event.instrument.encode())
        chance = np.random.SeedSequence([self._seed & 0xFFFFFFFF, name, event.pitch & 0xFF, event.take])
        tone = Tone(
            event.pitch,
            event.seconds,
            (layer - 0.5) / LAYERS,
            self._rate,
            self._beat,
            np.random.Generator(np.random.PCG64(chance)),
            event.bends,
            self._tonic,
            event.came_from,
        )
        sound = self._made(event, tone)
        self._cache[key] = sound
        self._cached_bytes += sound.nbytes
        while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
            self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes
        return sound

    def _made(self, event: SoundEvent, tone: Tone) -> Samples:
        if instruments.is_kit(event.instrument, event.stem):
            return kits.strike(tone, event.pitch, event.instrument, self._bank, event.take)
        instrument = instruments.find(event.instrument, event.stem)
        if self._bank is not None and (regions := self._bank.regions(instrument.name)):
            sound = recordings.play(tone, self._bank, regions, event.take, instrument.manner)
            return sound if instrument.amplifier else sound * np.float32(10 ** (-instrument.level_db / 20))
        return instrument.voice(tone)


class _Amplified:
    """The sum of a part on its way through its amplifier; all its notes have the same place and room."""

    def __init__(self, amplifier: Amplifier, event: SoundEvent, frames: int) -> None:
        self._amplifier = amplifier
        self._gains = event
        self._sum = np.zeros(frames, np.float32)

    def add(self, event: SoundEvent, piece: Samples, into: slice) -> None:
        mono = piece if piece.ndim == 1 else piece.mean(axis=1)
        self._sum[into] += mono * np.float32(event.drive)

    def play(self, block: StemBlock, frames: int) -> None:
        _mix(block, self._gains, self._amplifier(self._sum), slice(0, frames))
        self._sum[:] = 0.0


def _within(event: SoundEvent, sound: Samples, start: int, stop: int, rate: int) -> tuple[Samples, slice]:
    """The part of a sound that lies in a block, with its end damped, and where that is."""
    first, last = max(event.start, start), min(event.start + len(sound), event.end, stop)
    piece = sound[max(0, first - event.start) : max(0, last - event.start)]
    fade = max(1, round(DAMPING * rate))
    if event.start + len(sound) > event.end and last > event.end - fade:
        left = event.end - np.arange(first, last)
        curve = np.clip(left / fade, 0.0, 1.0).astype(np.float32)
        piece = piece * (curve if piece.ndim == 1 else curve[:, None])
    return piece, slice(first - start, last - start)


def _mix(block: StemBlock, event: SoundEvent, piece: Samples, into: slice) -> None:
    mono = piece if piece.ndim == 1 else None
    block.dry[into, 0] += (piece[:, 0] if mono is None else mono) * np.float32(event.left)
    block.dry[into, 1] += (piece[:, 1] if mono is None else mono) * np.float32(event.right)
    if event.wet:
        block.sends = True
        block.wet[into] += ((piece[:, 0] + piece[:, 1]) * np.float32(0.5) if mono is None else mono) * np.float32(
            event.wet
        )
    block.silent = False


def events_of(score: scores.Score, rate: int, last_frame: int, lead: int = 0) -> list[SoundEvent]:
    """All notes of a score that start before `last_frame`, with what cuts them off worked out.

    Of a loop, whose `last_frame` is its length, also what went before and is still heard from frame `-lead` on, and the
    first notes of the next time round.
    """
    beat = 60.0 / score.bpm
    events: list[SoundEvent] = []
    for part in score.parts:
        gain = 10.0 ** (part.gain_db / 20.0)
        if part.instrument == "vinyl noise":
            gain *= 0.4 + 1.2 * score.grit
        events += part_events(part, rate, beat, gain, last_frame if score.loop else None)
    events = [event for event in events if event.start < last_frame]
    return [*events, *_times_round(events, rate, last_frame, lead)] if score.loop else events


def _times_round(events: Sequence[SoundEvent], rate: int, period: int, lead: int) -> Iterator[SoundEvent]:
    for event in events:
        heard = event.start + round((event.seconds + RINGING) * rate)
        earlier = range(-period, -lead - heard, -period)
        later = (period,) if event.start < NEXT_TIME * rate else ()
        for shift in (*earlier, *later):
            yield dataclasses.replace(event, start=event.start + shift, end=event.end + shift)


def part_events(
    part: scores.Part, rate: int, beat: float, gain: float = 1.0, period: int | None = None
) -> list[SoundEvent]:
    """`beat` is seconds per beat, so that 1.0 plays notes given in seconds; `period`: frames until they come again."""
    kit = instruments.is_kit(part.instrument, part.stem)
    instrument = instruments.find(part.instrument, part.stem)
    notes = sorted(part.notes, key=lambda note: (note.start, note.pitch))
    starts = [round(note.start * beat * rate) for note in notes]
    ends = _hat_ends(notes, starts, period) if kit else _legato_ends(starts, period) if instrument.monophonic else {}
    slurs = _slurs(notes, beat) if instrument.legato and not kit else {}
    for index in slurs:
        ends[index - 1] = starts[index] + round(DAMPING * rate)
    bends = _bends(part, notes, beat)
    events = []
    for index, note in enumerate(notes):
        if kit:
            level, wet, pan = gain, kits.WET.get(note.pitch, 1.0), part.pan + kits.PAN.get(note.pitch, 0.0)
        else:
            level, wet, pan = gain * 10 ** (instrument.level_db / 20), instrument.wet, part.pan
        drive = (max(note.velocity, 1) / 127) ** 1.5
        if instrument.amplifier is None or kit:
            level *= drive
        angle = (min(1.0, max(-1.0, pan)) + 1) * math.pi / 4
        seconds = max(0.02, note.duration * beat)
        pieces = max(1, math.ceil(seconds / LONGEST - 1e-9))
        for piece in range(pieces):
            start = starts[index] + round(piece * seconds / pieces * rate)
            events.append(
                SoundEvent(
                    start,
                    ends.get(index, 2**62),
                    part.instrument,
                    part.stem,
                    note.pitch,
                    HIT if kit else round(seconds / pieces, 3),
                    note.velocity,
                    index % TAKES if kit else piece % 2,
                    level * math.cos(angle),
                    level * math.sin(angle),
                    level * wet,
                    bends.get(index, ()),
                    slurs.get(index) if not piece else None,
                    drive,
                )
            )
    return events


def _legato_ends(starts: list[int], period: int | None) -> dict[int, int]:
    """A monophonic instrument's note ends where the next one begins (notes that start together sound together)."""
    following = starts if period is None else [*starts, *(start + period for start in starts[:1])]
    later = [bisect_right(starts, start) for start in starts]
    return {index: following[after] for index, after in enumerate(later) if after < len(following)}


def _slurs(notes: Sequence[scores.Note], beat: float) -> dict[int, int]:
    """The notes that are bound to the one before, which is held until they begin, and its pitch. Chords are not."""
    found = {}
    for index, (before, note) in enumerate(itertools.pairwise(notes), 1):
        alone = index + 1 == len(notes) or notes[index + 1].start > note.start + 1e-6
        touches = abs(before.start + before.duration - note.start) * beat <= TOUCHING
        if alone and touches and before.start < note.start - 1e-6 and 0 < abs(note.pitch - before.pitch) <= 7:
            found[index] = before.pitch
    return found


def _hat_ends(notes: Sequence[scores.Note], starts: list[int], period: int | None) -> dict[int, int]:
    ends: dict[int, int] = {}
    ringing: int | None = None
    first = next((start for note, start in zip(notes, starts, strict=True) if note.pitch in kits.HATS), None)
    for index, note in enumerate(notes):
        if note.pitch in kits.HATS:
            if ringing is not None and starts[index] > starts[ringing]:
                ends[ringing] = starts[index]
            ringing = index
    if period is not None and ringing is not None and first is not None:
        ends[ringing] = first + period
    return ends


def _bends(part: scores.Part, notes: Sequence[scores.Note], beat: float) -> dict[int, tuple[Bend, ...]]:
    """Each slide goes to the note of the part that sounds at its start."""
    found: dict[int, tuple[Bend, ...]] = {}
    starts = [note.start for note in notes]
    for slide in part.slides:
        index = bisect_right(starts, slide.start + 1e-6) - 1
        if index >= 0:
            bend = Bend((slide.start - starts[index]) * beat, slide.duration * beat, slide.from_pitch, slide.to_pitch)
            found[index] = (*found.get(index, ()), bend)
    return found


def synthesize(notes: Sequence[scores.Note], instrument: str, rate: int = 44_100, *, bpm: float = 120.0) -> Samples:
    """Plays `notes`, whose `start` and `duration` are in seconds here, on an instrument or a drum kit ("kit …").

    Returns float32 (frames, 2) from time zero until the last note has rung out; unknown names are played on the piano.
    """
    part = scores.Part("clip", instrument, tuple(notes))
    events = part_events(part, rate, 1.0)
    player = Sequencer(events, rate, 60.0 / bpm, CLIP_SEED, ("clip",))
    last = max((event.start for event in events), default=-1)
    blocks = []
    start = 0
    while start <= last or player.end > start:
        blocks.append(player.render(start, CLIP_BLOCK)["clip"].dry)
        start += CLIP_BLOCK
    return np.concatenate([np.zeros((0, 2), np.float32), *blocks])[: player.end]
