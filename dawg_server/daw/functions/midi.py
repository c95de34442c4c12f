"""generateMidi: chords, bass, a melody or drums as notes, in key, metre and harmony of the project, on a new track."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import uuid
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from dawg_server.daw.commands import Command
from dawg_server.daw.functions.service import Result, Task
from dawg_server.daw.tempo_map import bar_length
from dawg_server.music import clip as music
from dawg_server.music.score import ScoreChord

DEFAULT_GENRE = "pop"


async def generate(task: Task) -> Result:
    """The same call at the same revision of a project writes the same notes; `data.seed` says from which number.

    The project's chords count where there are any; a part of chords where there are none becomes the project's harmony.
    """
    arguments = task.arguments
    project = await task.document.snapshot(task.project_id, task.by.user_id)
    key, genre = arguments.get("key") or project["key"], arguments.get("genre") or DEFAULT_GENRE
    start, bar = arguments["startBeat"], bar_length(project["timeSignature"])
    chords = _chords(project["chords"], start, start + arguments["bars"] * bar)
    seed = zlib.crc32(f"{task.project_id}/{project['revision']}".encode())
    piece = (key, genre, arguments["bars"], arguments["complexity"], seed, bar)
    notes = await asyncio.to_thread(music.part_notes, arguments["part"], *piece, chords=chords)
    new = music.chord_symbols(*piece) if arguments["part"] == "chords" and not chords else ()
    name = arguments["part"].capitalize()
    track_id = str(uuid.uuid4())
    executed = await task.document.execute(
        task.project_id,
        [
            Command("createTrack", {"id": track_id, "name": name, "trackType": "MIDI"}),
            Command(
                "createClip",
                {
                    "trackId": track_id,
                    "name": name,
                    "startBeat": start,
                    "lengthBeats": arguments["bars"] * bar,
                    "midiData": {"notes": [dataclasses.asdict(note) for note in notes]},
                },
            ),
            *(
                Command("createChord", {"symbol": each.symbol, "beat": start + each.start_beat, "length": each.beats})
                for each in new
            ),
        ],
        task.by,
        group=task.group,
    )
    track, clip = executed.results[0]["track"], executed.results[1]["clip"]
    clip = {name: value for name, value in clip.items() if name != "midiData"} | {"noteCount": len(notes)}
    return Result(
        f"{arguments['bars']} bars of {arguments['part']} in {key} ({genre}) were written: {len(notes)} notes on the "
        f"new track “{track['name']}”.",
        {"track": track, "clip": clip, "key": key, "genre": genre, "seed": seed},
        executed.revision,
    )


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
