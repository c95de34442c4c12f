"""generateMidi for assistants: as the command, told without the notes."""

from __future__ import annotations

from dawg_server.daw.functions.service import Result, Task


async def generate(task: Task) -> Result:
    """The same call at the same revision of a project writes the same notes; `data.seed` says from which number."""
    made = await task.change("", "generateMidi", **task.arguments)
    data, part, bars = made.data, task.arguments["part"], task.arguments["bars"]
    clips = [
        {name: value for name, value in clip.items() if name != "midiData"}
        | {"noteCount": len(clip["midiData"]["notes"])}
        for clip in data["clips"]
    ]
    names = ", ".join(f"“{track['name']}”" for track in data["tracks"])
    where = f"the new track {names}" if len(clips) == 1 else f"the new tracks {names}"
    return Result(
        f"{bars} bars of {part} in {data['key']} ({data['genre']}) were written: {clips[0]['noteCount']} notes on "
        f"{where}.",
        {**data, "clip": clips[0], "clips": clips},
        made.revision,
    )
