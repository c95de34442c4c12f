"""A score as a Standard MIDI File: format 1, one named track per part, drums on channel 10, section markers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import mido  # type: ignore[import-untyped]

from dawg_server.music import instruments, score, theory

TICKS_PER_BEAT = 480
DRUM_CHANNEL = 9  # channel 10 as people count
BEND_RANGE_SEMITONES = 24
_BEND_STEPS_PER_BEAT = 32
_BEND_FULL = 8191
# The spellings that a MIDI key signature can carry, by pitch class.
_MAJOR_SIGNATURES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINOR_SIGNATURES = ("Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm")

# Tick, order within the tick (ends before bends before starts), message.
_Timed = tuple[int, int, mido.Message | mido.MetaMessage]


def write_midi(piece: score.Score, path: Path) -> None:
    """Write the score to `path`. The same score gives the same bytes; glides become pitch bends of ±24 semitones.

    Unpitched effects (riser, impact, vinyl noise) are sounds rather than notes and stay out.
    """
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    length = ticks(piece.duration * piece.bpm / 60)  # of every track, so that a program takes the file for whole bars
    file.tracks.append(_conductor(piece, length))
    channels = itertools.cycle(channel for channel in range(16) if channel != DRUM_CHANNEL)
    for part in piece.parts:
        if part.instrument in instruments.UNPITCHED:
            continue
        channel = DRUM_CHANNEL if part.stem == "drums" else next(channels)
        file.tracks.append(_track(part, channel, length))
    file.save(str(path))


def ticks(beats: float) -> int:
    """Beats as the file counts them."""
    return round(beats * TICKS_PER_BEAT)


def key_signature(key: theory.MusicalKey) -> str:
    """The key in the spelling of a MIDI key signature (A# major becomes Bb)."""
    return (_MINOR_SIGNATURES if key.minor else _MAJOR_SIGNATURES)[key.tonic]


def _conductor(piece: score.Score, length: int) -> mido.MidiTrack:
    events: list[_Timed] = [
        (0, 0, mido.MetaMessage("track_name", name=f"{piece.genre} in {piece.key}")),
        (0, 0, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(piece.bpm))),
        (0, 0, _time_signature(piece.beats_per_bar, piece.compound)),
        (0, 0, mido.MetaMessage("key_signature", key=key_signature(theory.parse_key(piece.key)))),
    ]
    events += [(ticks(s.start_beat), 1, mido.MetaMessage("marker", text=s.name)) for s in piece.sections]
    return _assemble(events, length)


def _time_signature(beats_per_bar: float, compound: bool) -> mido.MetaMessage:
    eighths = round(2 * beats_per_bar)
    numerator, denominator = (eighths, 8) if eighths % 2 or compound else (eighths // 2, 4)
    return mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)


def _track(part: score.Part, channel: int, length: int) -> mido.MidiTrack:
    pan = round(64 + 63 * part.pan)
    events: list[_Timed] = [
        (0, 0, mido.MetaMessage("track_name", name=f"{part.stem}: {part.instrument}")),
        (0, 0, mido.Message("program_change", channel=channel, program=instruments.program(part.instrument))),
        (0, 0, mido.Message("control_change", channel=channel, control=10, value=max(0, min(127, pan)))),
    ]
    if part.slides:
        events += [(0, 0, message) for message in _bend_range(channel)]
    for note in part.notes:
        start = ticks(note.start)
        end = max(start + 1, ticks(note.start + note.duration))
        for at, order, kind, velocity in ((end, 1, "note_off", 0), (start, 3, "note_on", note.velocity)):
            # Scores hold valid notes; checking every field of every message again costs more than writing them.
            message = mido.Message(kind, skip_checks=True, channel=channel, note=note.pitch, velocity=velocity)
            events.append((at, order, message))
    for slide in part.slides:
        events += _bends(slide, part.notes, channel)
    return _assemble(events, length)


def _bend_range(channel: int) -> Iterator[mido.Message]:
    """Registered parameter 0 sets the range of the pitch wheel (MIDI 1.0, table of registered parameters)."""
    for control, value in ((101, 0), (100, 0), (6, BEND_RANGE_SEMITONES), (38, 0)):
        yield mido.Message("control_change", channel=channel, control=control, value=value)


def _bends(slide: score.Slide, notes: tuple[score.Note, ...], channel: int) -> Iterator[_Timed]:
    steps = max(2, round(slide.duration * _BEND_STEPS_PER_BEAT))
    for step in range(1, steps + 1):
        semitones = (slide.to_pitch - slide.from_pitch) * step / steps
        bend = max(-8192, min(_BEND_FULL, round(semitones / BEND_RANGE_SEMITONES * 8192)))
        at = ticks(slide.start + slide.duration * step / steps)
        yield at, 2, mido.Message("pitchwheel", channel=channel, pitch=bend)
    # The wheel goes back just before the next note.
    following = next((n.start for n in notes if n.start > slide.start + 1e-6), slide.start + slide.duration + 1)
    yield max(ticks(slide.start + slide.duration), ticks(following)), 2, mido.Message("pitchwheel", channel=channel)


def _assemble(events: list[_Timed], length: int) -> mido.MidiTrack:
    track = mido.MidiTrack()
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        message.time = tick - now
        track.append(message)
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, length - now)))
    return track
