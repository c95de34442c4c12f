"""Edits of the notes of clips: transposed, humanised, ramped, tied together, and reversed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dawg_server.daw import timing
from dawg_server.daw.commands import command
from dawg_server.daw.entity import wrong
from dawg_server.schema import Id, Items, Number

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

Note = dict[str, Any]

CLIPS = Items(Id("clip"), 1, 100, required=True)
SHORTEST = 1 / 64  # beats of a note that is cut


async def _edited(draft: Draft, values: dict[str, Any], edit: Callable[[list[Note]], list[Note]]) -> dict[str, Any]:
    """Gives each clip the notes that `edit` makes of its own, which it must not change in place."""
    found = await draft.several("clip", values["clipIds"])
    for clip in found:
        if clip["midiData"] is None:
            raise wrong("clipIds", "has to name clips of notes")
        await draft.pause()
        draft.update("clip", clip["id"], {"midiData": {**clip["midiData"], "notes": edit(clip["midiData"]["notes"])}})
    return {"clips": [draft.shown("clip", clip["id"]) for clip in found], "count": len(found)}


@command(
    "transposeNotes",
    "Moves the notes of clips up or down by semitones.",
    {"clipIds": CLIPS, "semitones": Number(-127, 127, "up if positive", whole=True, required=True)},
)
async def transpose(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    semitones = int(values["semitones"])

    def edit(notes: list[Note]) -> list[Note]:
        if any(not 0 <= note["pitch"] + semitones <= 127 for note in notes):
            raise wrong("semitones", "would move a note beyond the pitches 0 to 127")
        return [{**note, "pitch": note["pitch"] + semitones} for note in notes]

    return await _edited(draft, values, edit)


@command(
    "humanizeNotes",
    "Moves the starts and velocities of notes a little, as a player would; the same seed gives the same notes.",
    {
        "clipIds": CLIPS,
        "timing": Number(0, 0.25, "beats by which a start moves at most", load_default=0.02),
        "velocity": Number(0, 40, "by which a velocity changes at most", whole=True, load_default=8),
        "seed": Number(0, 2**31 - 1, "what the changes follow from", whole=True, load_default=1),
    },
)
async def humanize(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    dice = random.Random(int(values["seed"]))

    def edit(notes: list[Note]) -> list[Note]:
        return [
            {
                **note,
                "start": max(0.0, note["start"] + dice.uniform(-values["timing"], values["timing"])),
                "velocity": min(127, max(1, note["velocity"] + round(dice.uniform(-1, 1) * values["velocity"]))),
            }
            for note in notes
        ]

    return await _edited(draft, values, edit)


@command(
    "rampVelocities",
    "Lets the velocities of notes rise or fall evenly from the first note of a clip to its last.",
    {
        "clipIds": CLIPS,
        "from": Number(1, 127, "velocity of the first note", whole=True, required=True),
        "to": Number(1, 127, "velocity of the last note", whole=True, required=True),
    },
)
async def ramp(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    def edit(notes: list[Note]) -> list[Note]:
        first = min((note["start"] for note in notes), default=0.0)
        span = max((note["start"] for note in notes), default=0.0) - first
        return [
            {
                **note,
                "velocity": round(values["from"] + (values["to"] - values["from"]) * (note["start"] - first) / span),
            }
            if span > 0
            else {**note, "velocity": int(values["from"])}
            for note in notes
        ]

    return await _edited(draft, values, edit)


@command(
    "legatoNotes",
    "Lets each note of clips last until the next one begins.",
    {"clipIds": CLIPS, "gap": Number(0, 1, "beats of silence before the next note", load_default=0)},
)
async def legato(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    """Notes that begin together end together; the last ones stay as they are."""

    def edit(notes: list[Note]) -> list[Note]:
        starts = sorted({note["start"] for note in notes})
        following = dict(itertools.pairwise(starts))
        return [
            {**note, "duration": max(SHORTEST, following[note["start"]] - note["start"] - values["gap"])}
            if note["start"] in following
            else note
            for note in notes
        ]

    return await _edited(draft, values, edit)


@command("reverseNotes", "Plays the notes of clips backwards, within what is heard of each clip.", {"clipIds": CLIPS})
async def reverse(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    found = await draft.several("clip", values["clipIds"])
    for clip in found:
        if clip["midiData"] is None:
            raise wrong("clipIds", "has to name clips of notes")
        first = clip["offsetBeats"]
        last = first + clip["lengthBeats"]
        notes = [
            {
                **note,
                "start": max(
                    first, first + last - note["start"] - (heard := min(note["duration"], last - note["start"]))
                ),
                "duration": heard,
            }
            if first - timing.TINY <= note["start"] < last
            else note
            for note in clip["midiData"]["notes"]
        ]
        notes.sort(key=lambda note: float(note["start"]))
        draft.update("clip", clip["id"], {"midiData": {**clip["midiData"], "notes": notes}})
    return {"clips": [draft.shown("clip", clip["id"]) for clip in found], "count": len(found)}
