"""Parts written as notes, on new tracks, that fit to what is there: chords, tempo, metre, key, drums, another clip."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dawg_server.daw import timing
from dawg_server.daw.commands import command, find
from dawg_server.daw.entities.clip import CLIP
from dawg_server.daw.entities.track import TRACK
from dawg_server.daw.entity import Entity, wrong
from dawg_server.daw.notes import MAX_BEATS
from dawg_server.daw.tempo_map import TempoMap, bar_length
from dawg_server.music import accompaniment, instruments, moods
from dawg_server.music import clip as music
from dawg_server.music.score import Note, ScoreChord
from dawg_server.schema import Choice, Genre, Id, Key, Number, Text

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

DEFAULT_GENRE, DEFAULT_BARS = "pop", 8
MAX_VARIATIONS = 8
MAX_SEED = 2**31 - 1
COLOURS = {"drums": "#ef4444", "bass": "#f59e0b", "chords": "#3b82f6", "melody": "#22c55e"}


@command(
    "generateMidi",
    "Writes chords, bass, a melody or drums as notes, on new MIDI tracks: in key, metre and chords of the project, a "
    "bass with the kick, drums that go on as those before them do, or a line like another clip's.",
    {
        "part": Choice(music.PARTS, required=True),
        "key": Key("without it the project's"),
        "genre": Genre(),
        "mood": Text(1, 60),
        "bars": Number(1, music.MOST_BARS, whole=True, load_default=DEFAULT_BARS),
        "complexity": Choice(tuple(music.COMPLEXITIES), load_default="medium"),
        "startBeat": Number(0, MAX_BEATS, "where it begins, in quarter notes", load_default=0),
        "startBar": Number(1, 100_000, "instead of startBeat: the bar, counted from 1", whole=True),
        "likeClipId": Id("clip", "a clip of notes whose rhythm and contour it is to have"),
        "variations": Number(1, MAX_VARIATIONS, "each on a track; all but the first muted", whole=True, load_default=1),
        "seed": Number(0, MAX_SEED, "which one; the same call at the same revision writes the same", whole=True),
    },
)
async def generate(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    """A part of chords where there are none becomes the project's harmony."""
    tempo = timing.tempo_map(draft)
    bar = values.get("startBar")
    start = values["startBeat"] if bar is None else tempo.beat_of_bar(bar - 1)
    end = tempo.beat_of_bar(tempo.bar(start) + values["bars"])
    if end > MAX_BEATS:
        raise wrong("bars", f"would reach beyond beat {MAX_BEATS}")
    part, key = values["part"], values.get("key") or draft.project["key"]
    genre = values.get("genre") or DEFAULT_GENRE
    seed = values.get("seed")
    if seed is None:
        seed = zlib.crc32(f"{draft.id}/{draft.revision}".encode())
    around = await _surroundings(draft, values, start, end)
    runs = list(_runs(tempo, start, values["bars"]))
    mood = moods.read(values.get("mood") or "")
    created, clips = [], []
    for number in range(values["variations"]):
        notes = await asyncio.to_thread(
            _written, part, key, genre, runs, values["complexity"], seed + number, around, mood
        )
        name = part.capitalize() + (f" {number + 1}" if values["variations"] > 1 else "")
        track = await find("createTrack").plan(
            draft,
            {
                **TRACK.create.defaults,
                "name": name,
                "trackType": "MIDI",
                "instrument": music.instrument(part, key, genre, seed),
                "color": COLOURS[part],
                "isMuted": number > 0,
            },
        )
        made = await find("createClip").plan(
            draft,
            {
                **CLIP.create.defaults,
                "trackId": track["track"]["id"],
                "name": name,
                "startBeat": start,
                "lengthBeats": end - start,
                "midiData": {"notes": [dataclasses.asdict(note) for note in notes]},
            },
        )
        created.append(track["track"]["id"])
        clips.append(made["clip"]["id"])
    if part == "chords" and not around.chords:
        for beat, quarters, bars in runs:
            symbols = music.chord_symbols(key, genre, bars, values["complexity"], seed, quarters)
            for each in symbols:
                place = {"beat": start + beat + each.start_beat, "length": each.beats}
                draft.create("chord", {"projectId": draft.id, "symbol": each.symbol, **place})
    tracks = [draft.shown("track", id) for id in created]
    found = [draft.shown("clip", id) for id in clips]
    return {"track": tracks[0], "tracks": tracks, "clips": found, "key": key, "genre": genre, "seed": seed}


def _written(
    part: str,
    key: str,
    genre: str,
    runs: Sequence[tuple[float, float, int]],
    complexity: str,
    seed: int,
    around: accompaniment.Surroundings,
    mood: moods.Mood,
) -> list[Note]:
    found: list[Note] = []
    for beat, quarters, bars in runs:
        there = accompaniment.from_beat(around, beat, bars * quarters)
        notes = accompaniment.part_notes(part, key, genre, bars, complexity, seed, quarters, there, mood)
        found += [dataclasses.replace(note, start=note.start + beat) for note in notes]
    return found


def _runs(tempo: TempoMap, start: float, bars: int) -> Iterator[tuple[float, float, int]]:
    """(beats from the start, quarter notes in a bar, bars) of stretches of one metre."""
    first = tempo.bar(start)
    signatures = [tempo.signature(tempo.beat_of_bar(first + number)) for number in range(bars)]
    done = 0
    for signature, group in itertools.groupby(signatures):
        count = len(list(group))
        yield tempo.beat_of_bar(first + done) - start, bar_length(signature), count
        done += count


async def _surroundings(
    draft: Draft, values: Mapping[str, Any], start: float, end: float
) -> accompaniment.Surroundings:
    chords = await draft.all("chord")
    like: Entity | None = None
    if id := values.get("likeClipId"):
        like = await draft.get("clip", id)
        if not (like["midiData"] or {}).get("notes"):
            raise wrong("likeClipId", "has to be a clip with notes")
    before = max(0.0, start - accompaniment.PHRASE_BARS * (end - start) / values["bars"])
    drums = await _drums(draft)
    return accompaniment.Surroundings(
        chords=tuple(_chords(chords, start, end)),
        drums=_between(drums, start, end),
        before=_between(drums, before, start),
        before_beats=start - before,
        like=_between([like], like["startBeat"], like["startBeat"] + like["lengthBeats"]) if like else (),
        like_beats=like["lengthBeats"] if like else 0.0,
    )


async def _drums(draft: Draft) -> list[Entity]:
    """The clips of notes that drums play, and that are heard."""
    tracks = {each["id"]: each for each in await draft.all("track")}
    found = []
    for clip in await draft.all("clip"):
        track = tracks[clip["trackId"]]
        named = track["instrument"] or instruments.spoken_of(track["name"]) or ""
        if clip["midiData"] and not track["isMuted"] and instruments.kind(named) == "drums":
            found.append(clip)
    return found


def _between(clips: Sequence[Entity], start: float, end: float) -> tuple[Note, ...]:
    """What of the clips begins between two beats, counted from the first."""
    found: list[Note] = []
    for clip in clips:
        first, last = clip["startBeat"], clip["startBeat"] + clip["lengthBeats"]
        shift = first - clip["offsetBeats"]
        found += [
            dataclasses.replace(note, start=note.start - start)
            for note in accompaniment.of_json(clip["midiData"]["notes"], shift)
            if max(first, start) - 1e-6 <= note.start < min(last, end) - 1e-6
        ]
    return tuple(sorted(found, key=lambda note: (note.start, note.pitch)))


def _chords(chords: Sequence[Mapping[str, Any]], start: float, end: float) -> list[ScoreChord]:
    """The chords of a project between two beats, counted from `start`. Each ends when the next one begins."""
    found = []
    for each, following in itertools.zip_longest(chords, chords[1:]):
        begin = max(each["beat"], start)
        stop = min(end, following["beat"] if following else end)
        if each["length"] is not None:
            stop = min(stop, each["beat"] + each["length"])
        if stop > begin:
            found.append(ScoreChord(each["symbol"], begin - start, stop - begin))
    return found
