"""Commands about sends: copies of a track's sound for an AUX track."""

from __future__ import annotations

from typing import Any

from dawg_server import errors
from dawg_server.daw.commands.base import Specs
from dawg_server.daw.commands.tracks import check_loops
from dawg_server.daw.draft import Draft
from dawg_server.daw.entities import SEND
from dawg_server.daw.entities.base import the
from dawg_server.schema import Record, parameters

SPECS = Specs()


@SPECS.add(
    "createSend", "Sends the sound of a track to an AUX track.", parameters({"trackId": the("track"), **SEND.fields})
)
async def create_send(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    track = await draft.track(values["trackId"])
    await _check_destination(draft, track["id"], values["destinationTrackId"])
    send = draft.create("send", values)
    await check_loops(draft, "destinationTrackId")
    return _told(draft, track["id"], send["id"])


@SPECS.add(
    "updateSend",
    "Changes a send.",
    parameters({"trackId": the("track"), "sendId": the("send"), "changes": Record(SEND.changes, required=True)}),
)
async def update_send(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    send, changes = await draft.send(values["trackId"], values["sendId"]), values["changes"]
    destination = changes.get("destinationTrackId", send["destinationTrackId"])
    moved = destination != send["destinationTrackId"]
    if moved:
        await _check_destination(draft, send["trackId"], destination)
    draft.update("send", send["id"], changes)
    if moved:
        await check_loops(draft, "destinationTrackId")
    return _told(draft, send["trackId"], send["id"])


@SPECS.add("removeSend", "Removes a send.", parameters({"trackId": the("track"), "sendId": the("send")}))
async def remove_send(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    send = await draft.send(values["trackId"], values["sendId"])
    told = _told(draft, send["trackId"], send["id"])
    draft.delete("send", send["id"])
    return {"deleted": True, **told, "track": draft.shown("track", send["trackId"])}


async def _check_destination(draft: Draft, track_id: str, destination: str) -> None:
    target = await draft.track(destination)
    if target["trackType"] != "AUX" or destination == track_id:
        sentence = "has to be another track of the type AUX"
        raise errors.ValidationError(f"destinationTrackId {sentence}.", details={"destinationTrackId": sentence})
    if any(send["trackId"] == track_id and send["destinationTrackId"] == destination for send in await draft.sends()):
        raise errors.Conflict("This track has a send to that AUX track already.", details={"trackId": track_id})


def _told(draft: Draft, track_id: str, send_id: str) -> dict[str, Any]:
    track = draft.shown("track", track_id)
    return {"send": next(send for send in track["sends"] if send["id"] == send_id), "track": track}
