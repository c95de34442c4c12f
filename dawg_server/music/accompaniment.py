"""Parts that fit to what is there: a bass to chords and kick, drums to the drums before them, a melody like another."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dawg_server.music import clip, moods, score, theory
from dawg_server.music.groove import SHORTEST_BEATS, untangle

KICKS = frozenset({35, 36})
SNAP_BEATS = 0.26  # within which a bass joins a kick
ON_LINE_BEATS = 0.1  # by which playing may miss a bar line
PHRASE_BARS = 8  # bars of drums that are played on
STRONG_BEATS = 2.0  # a melody like another has chord tones this often
CHANGED = 0.35  # share of steps of a melody that become another one, of the same direction
SWING_RANGE = (0.5, 0.72)
OFFBEATS = ((0.25, 0.2, 0.4), (0.5, 0.45, 0.74))  # grid, and where the second of a pair may lie, in beats
LEAST_OFFBEATS = 4  # that tell of a swing

Notes = Sequence[score.Note]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What sounds around a part, all of it in beats from where the part begins.

    `chords` and `drums` lie within it; `before` are drums of the bars before it, from beat 0 on; `like` are the notes
    of what it is to be like, from the beginning of its clip, which has `like_beats`.
    """

    chords: tuple[score.ScoreChord, ...] = ()
    drums: tuple[score.Note, ...] = ()
    before: tuple[score.Note, ...] = ()
    before_beats: float = 0.0
    like: tuple[score.Note, ...] = ()
    like_beats: float = 0.0


def part_notes(
    part: str,
    key: str,
    genre: str,
    bars: int,
    complexity: str,
    seed: int,
    beats_per_bar: float,
    around: Surroundings,
    mood: moods.Mood = moods.NEUTRAL,
) -> tuple[score.Note, ...]:
    """As `clip.part_notes`, fitted to its surroundings. The same arguments give the same notes."""
    swing = swing_of([*around.drums, *around.before])
    beats = bars * beats_per_bar
    rng = random.Random(f"{seed}/{part}/around")
    if around.like and part in ("bass", "melody"):
        return tuple(_alike(around, theory.parse_key(key), beats, beats_per_bar, rng))
    notes = clip.part_notes(part, key, genre, bars, complexity, seed, beats_per_bar, mood, around.chords, swing)
    if part == "drums":
        pattern = (around.like, around.like_beats) if around.like else (around.before, around.before_beats)
        notes = tuple(_with_groove(notes, around.drums, *pattern, beats))
    elif part == "bass":
        notes = tuple(_grounded(_locked(notes, around.drums), around.chords, beats_per_bar))
    return notes


def swing_of(drums: Notes) -> tuple[float, float] | None:
    """(where the second of two notes falls within their pair, the length of each in beats) of what drums play."""
    for grid, first, last in OFFBEATS:
        pair = 2 * grid
        places = [note.start % pair for note in drums]
        found = [place / pair for place in places if first <= place <= last]
        if len(found) >= LEAST_OFFBEATS and (mean := sum(found) / len(found)) > SWING_RANGE[0] + 0.02:
            return min(mean, SWING_RANGE[1]), grid
    return None


def _with_groove(notes: Notes, there: Notes, before: Notes, before_beats: float, beats: float) -> list[score.Note]:
    """New drums leave out what plays there already, and go on with the kick of what was before."""
    taken = {note.pitch for note in there}
    if taken & KICKS:
        taken |= KICKS
    kept = [note for note in notes if note.pitch not in taken]
    kicks = [note for note in before if note.pitch in KICKS]
    if kicks and before_beats > 0 and not taken & KICKS:
        kept = [note for note in kept if note.pitch not in KICKS]
        at = 0.0
        while at < beats - 1e-6:
            kept += [
                dataclasses.replace(note, start=note.start + at)
                for note in kicks
                if note.start + at < beats - SHORTEST_BEATS
            ]
            at += before_beats
    return untangle(sorted(kept, key=lambda note: (note.start, note.pitch)))


def _locked(notes: Notes, drums: Notes) -> list[score.Note]:
    """Notes near a kick begin with it."""
    kicks = [note.start for note in drums if note.pitch in KICKS]
    found = []
    for note in notes:
        near = min(kicks, key=lambda kick: abs(kick - note.start), default=None)
        if near is not None and 0 < abs(near - note.start) <= SNAP_BEATS:
            length = max(SHORTEST_BEATS, note.start + note.duration - near)
            note = dataclasses.replace(note, start=near, duration=length)
        found.append(note)
    return untangle(sorted(found, key=lambda note: note.start))


def _grounded(notes: Notes, chords: Sequence[score.ScoreChord], beats_per_bar: float) -> list[score.Note]:
    """The first note of each bar is a tone of the chord there."""
    found = []
    bar = -1
    for note in notes:
        here = int((note.start + ON_LINE_BEATS) / beats_per_bar)
        tones = _tones(chords, note.start + ON_LINE_BEATS)
        if here != bar and tones:
            note = dataclasses.replace(note, pitch=_nearest(note.pitch, tones))
        bar = here
        found.append(note)
    return found


def _alike(
    around: Surroundings, key: theory.MusicalKey, beats: float, beats_per_bar: float, rng: random.Random
) -> list[score.Note]:
    """The rhythm of another line, moved to these chords; it rises and falls where that one does, by other steps."""
    line = _upper(around.like)
    scale = frozenset(key.scale)
    period = max(beats_per_bar, -(-around.like_beats // beats_per_bar) * beats_per_bar)
    low, high = min(note.pitch for note in line) - 3, max(note.pitch for note in line) + 3
    found: list[score.Note] = []
    at = 0.0
    while at < beats - 1e-6:
        previous: score.Note | None = None
        for note in line:
            start = note.start + at
            if start >= beats - SHORTEST_BEATS:
                break
            if previous is None:
                pitch = note.pitch + rng.choice((-4, -3, 3, 4))
            else:
                step = note.pitch - previous.pitch
                wider = rng.choice((-2, 2)) if step and rng.random() < CHANGED else 0
                pitch = found[-1].pitch + (step + wider if (step + wider) * step > 0 else step)
            pitch = _within(_nearest(pitch, scale), low, high)
            tones = _tones(around.chords, start + ON_LINE_BEATS)
            if tones and (start + ON_LINE_BEATS) % STRONG_BEATS <= 2 * ON_LINE_BEATS:
                pitch = _within(_nearest(pitch, tones), low, high)
            length = min(note.duration, beats - start)
            found.append(dataclasses.replace(note, start=start, duration=length, pitch=pitch))
            previous = note
        at += period
    return untangle(found)


def _upper(notes: Notes) -> list[score.Note]:
    """One voice: of notes that begin together the highest."""
    found: dict[float, score.Note] = {}
    for note in sorted(notes, key=lambda note: (note.start, note.pitch)):
        found[round(note.start, 3)] = note
    return list(found.values())


def _tones(chords: Sequence[score.ScoreChord], beat: float) -> frozenset[int]:
    """Pitch classes of the chord at a beat; none where there is none."""
    there = next((each for each in chords if each.start_beat <= beat < each.start_beat + each.beats), None)
    if there is None:
        return frozenset()
    _, chord = theory.parse_chord(there.symbol)
    return frozenset({*chord.tones, chord.bass % 12})


def _nearest(pitch: int, classes: frozenset[int]) -> int:
    return min(range(pitch - 6, pitch + 7), key=lambda each: (each % 12 not in classes, abs(each - pitch), each))


def _within(pitch: int, low: int, high: int) -> int:
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return pitch


def of_json(notes: Sequence[Mapping[str, float]], shift: float = 0.0) -> tuple[score.Note, ...]:
    """Notes as a project keeps them, moved by `shift` beats."""
    return tuple(
        score.Note(float(note["start"]) + shift, float(note["duration"]), int(note["pitch"]), int(note["velocity"]))
        for note in sorted(notes, key=lambda note: (note["start"], note["pitch"]))
    )


def from_beat(around: Surroundings, beat: float, beats: float) -> Surroundings:
    """The same for a stretch of the part, from `beat` on."""
    if not beat:
        return around
    chords = tuple(
        score.ScoreChord(
            each.symbol,
            max(0.0, each.start_beat - beat),
            min(each.start_beat + each.beats, beat + beats) - max(each.start_beat, beat),
        )
        for each in around.chords
        if each.start_beat < beat + beats and each.start_beat + each.beats > beat
    )
    drums = tuple(dataclasses.replace(note, start=note.start - beat) for note in around.drums if note.start >= beat)
    return dataclasses.replace(around, chords=chords, drums=drums)
