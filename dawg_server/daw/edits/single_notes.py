"""Notes of a clip, edited one by one instead of as a whole."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError

from dawg_server import errors
from dawg_server.daw.commands import command
from dawg_server.daw.entity import missing, the, wrong
from dawg_server.daw.notes import MAX_BEATS, MAX_NOTES, Notes, note_id
from dawg_server.schema import Items, Number, Record, Text, parameters

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

MOST = 1000  # notes in one edit

_FIELDS = {
    "pitch": Number(0, 127, "60 is middle C", whole=True),
    "start": Number(0, MAX_BEATS, "in beats"),
    "duration": Number(0, MAX_BEATS, "in beats", over=True),
    "velocity": Number(1, 127, whole=True),
}
_ADDED = parameters({"id": Text(1, 36, "a new one without it"), **_FIELDS})
_CHANGED = parameters({"id": Text(1, 36, required=True), **_FIELDS})


@command(
    "editNotes",
    "Adds, changes and removes single notes of a clip.",
    {
        "clipId": the("clip"),
        "add": Items(Record(_ADDED), 0, MOST, "new notes, complete but for their ids", load_default=[]),
        "change": Items(Record(_CHANGED), 0, MOST, "fields of notes that are there, by id", load_default=[]),
        "remove": Items(
            Text(1, 36), 0, MOST, "ids of notes; those that are gone already do not matter", load_default=[]
        ),
    },
)
async def edit(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    """Tells the notes that were added and changed, not the others. A note without an id has `n` and its place."""
    clip = await draft.get("clip", values["clipId"])
    if (midi := clip["midiData"]) is None:
        raise wrong("clipId", "has to name a clip of notes")
    present = {note_id(number, note): note for number, note in enumerate(midi["notes"])}
    changed = {
        each["id"]: {name: each[name] for name in _FIELDS if each.get(name) is not None} for each in values["change"]
    }
    if lost := [id for id in changed if id not in present]:
        raise missing("note", *lost)
    removed = set(values["remove"])
    notes = [{**note, **changed.get(id, {}), "id": id} for id, note in present.items() if id not in removed]
    added = [{**each, "id": each.get("id") or uuid.uuid4().hex[:12]} for each in values["add"]]
    if twice := [each["id"] for each in added if each["id"] in present]:
        raise errors.Conflict("There is such a note already.", details={"ids": twice})
    if len(notes) + len(added) > MAX_NOTES:
        raise wrong("add", f"would make a clip of more than {MAX_NOTES} notes")
    try:
        checked = Notes().check({"notes": added})["notes"]
    except ValidationError as error:
        raise errors.ValidationError("add is not right.", details={"add": error.messages}) from None
    draft.update("clip", clip["id"], {"midiData": {**midi, "notes": [*notes, *checked]}})
    told = [note for note in notes if note["id"] in changed]
    return {"clipId": clip["id"], "notes": [*told, *checked], "removed": sorted(removed & present.keys())}
