"""generateMidi: chords, a melody or drums as notes, in the project's key and metre, on a track of their own."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
import zlib

from dawg_server.daw.commands import Command
from dawg_server.daw.functions.service import Result, Task
from dawg_server.daw.tempo_map import bar_length
from dawg_server.music import clip as music

DEFAULT_GENRE = "pop"


async def generate(task: Task) -> Result:
    """The same call at the same revision of a project writes the same notes; `data.seed` says from which number."""
    arguments = task.arguments
    project = await task.document.snapshot(task.project_id, task.by.user_id)
    key, genre = arguments.get("key") or project["key"], arguments.get("genre") or DEFAULT_GENRE
    bar = bar_length(project["timeSignature"])
    seed = zlib.crc32(f"{task.project_id}/{project['revision']}".encode())
    notes = await asyncio.to_thread(
        music.part_notes, arguments["part"], key, genre, arguments["bars"], arguments["complexity"], seed, bar
    )
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
                    "startBeat": 0,
                    "lengthBeats": arguments["bars"] * bar,
                    "midiData": {"notes": [dataclasses.asdict(note) for note in notes]},
                },
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
