"""Commands about the project as a whole."""

from __future__ import annotations

from typing import Any

from dawg_server import errors
from dawg_server.daw.commands.base import Specs
from dawg_server.daw.draft import Draft
from dawg_server.daw.entities import PROJECT
from dawg_server.daw.entities.project import MAX_LYRICS
from dawg_server.daw.following import change_tempo
from dawg_server.schema import Flag, Id, Record, Text, parameters

SPECS = Specs()


@SPECS.add(
    "updateProject", "Changes fields of the project.", parameters({"changes": Record(PROJECT.changes, required=True)})
)
async def update_project(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    changes = dict(values["changes"])
    if changes.get("isPublic", draft.project["isPublic"]) != draft.project["isPublic"] and draft.role != "owner":
        raise errors.Forbidden(
            "Only the owner decides whether a project is public.", details={"role": draft.role, "required": "owner"}
        )
    if (bpm := changes.pop("bpm", None)) is not None:
        await change_tempo(draft, bpm)
    draft.update("project", draft.id, changes)
    return {"project": draft.shown("project", draft.id)}


@SPECS.add(
    "setLyrics",
    "Writes the lyrics of the project, or of one track.",
    parameters(
        {
            "lyrics": Text(0, MAX_LYRICS, strip=False, required=True, allow_none=True),
            "trackId": Id("track", "whose lyrics; without it the project's", allow_none=True),
            "append": Flag("whether to add to what is there, on a new line", load_default=False),
        }
    ),
)
async def set_lyrics(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    track_id = values.get("trackId")
    thing = await draft.track(track_id) if track_id else draft.project
    lyrics = values["lyrics"]
    if values["append"] and thing["lyrics"]:
        lyrics = f"{thing['lyrics']}\n{lyrics or ''}"
        if len(lyrics) > MAX_LYRICS:
            sentence = f"would become longer than {MAX_LYRICS} characters"
            raise errors.ValidationError(f"The lyrics {sentence}.", details={"lyrics": sentence})
    draft.update("track" if track_id else "project", track_id or draft.id, {"lyrics": lyrics})
    return {"trackId": track_id, "lyrics": lyrics}
