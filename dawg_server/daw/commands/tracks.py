"""Commands about tracks."""

from __future__ import annotations

from typing import Any

from dawg_server import errors
from dawg_server.daw import routing
from dawg_server.daw.cascade import cascade
from dawg_server.daw.commands.base import Specs, changing
from dawg_server.daw.draft import Draft, Entity, missing
from dawg_server.daw.entities import TRACK
from dawg_server.daw.entities.base import the
from dawg_server.daw.entities.track import MAX_TRACKS, MIXING
from dawg_server.schema import Id, Items, JsonValue, Number, Record, parameters

MAX_METADATA = 64 * 1024  # bytes of JSON

SPECS = Specs()
BULK_CHANGES = changing(MIXING)
ORDERS = Items(
    Record(parameters({"id": the("track"), "order": Number(0, MAX_TRACKS, whole=True, required=True)})),
    1,
    MAX_TRACKS,
    "the new places",
    required=True,
)


@SPECS.add("createTrack", "Adds a track.", parameters({**TRACK.fields, "id": Id("track")}))
async def create_track(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    tracks = await draft.tracks()
    if len(tracks) >= MAX_TRACKS:
        raise errors.Conflict(f"A project has at most {MAX_TRACKS} tracks.", details={"limit": MAX_TRACKS})
    await check_output(draft, None, values["outputDestination"])
    end = tracks[-1]["order"] + 1 if tracks else 0
    place = min(values.pop("order", end), end)
    await make_room(draft, place)
    track = draft.create("track", {**values, "projectId": draft.id, "order": place, "metadata": None})
    return {"track": draft.shown("track", track["id"])}


@SPECS.add(
    "updateTrack",
    "Changes fields of a track.",
    parameters({"trackId": the("track"), "changes": Record(TRACK.changes, required=True)}),
)
async def update_track(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    track, changes = await draft.track(values["trackId"]), dict(values["changes"])
    place = changes.pop("order", None)
    await _change(draft, track, changes)
    if place is not None and place != track["order"]:
        await _move(draft, [(track["id"], place)])
    return {"track": draft.shown("track", track["id"])}


@SPECS.add(
    "updateTracks",
    "Makes the same changes to several tracks.",
    parameters(
        {
            "trackIds": Items(Id("track"), 1, 100, required=True),
            "changes": Record(BULK_CHANGES, required=True),
        }
    ),
)
async def update_tracks(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    tracks = await all_of(draft, values["trackIds"])
    for track in tracks:
        await _change(draft, track, values["changes"])
    return {"tracks": [draft.shown("track", track["id"]) for track in tracks]}


@SPECS.add("deleteTrack", "Removes a track with its clips and the sends to it.", parameters({"trackId": the("track")}))
async def delete_track(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    track_id = (await draft.track(values["trackId"]))["id"]
    await cascade(draft, "track", track_id)
    draft.delete("track", track_id)
    return {"deleted": True, "trackId": track_id}


@SPECS.add("reorderTracks", "Puts tracks into another order.", parameters({"trackOrders": ORDERS}))
async def reorder_tracks(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    wanted = {pair["id"]: pair["order"] for pair in values["trackOrders"]}
    if len(wanted) < len(values["trackOrders"]):
        sentence = "names a track twice"
        raise errors.ValidationError(f"trackOrders {sentence}.", details={"trackOrders": sentence})
    await _move(draft, list(wanted.items()))
    tracks = await draft.tracks()
    return {
        "trackOrders": [{"id": track["id"], "order": track["order"]} for track in tracks],
        "tracks": [draft.shown("track", track["id"]) for track in tracks],
    }


@SPECS.add(
    "setTrackMetadata",
    "Keeps what is known about the sound of a track.",
    parameters(
        {
            "trackId": the("track"),
            "metadata": JsonValue(MAX_METADATA, objects=True, required=True, allow_none=True),
        }
    ),
)
async def set_track_metadata(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    track = await draft.track(values["trackId"])
    draft.update("track", track["id"], {"metadata": values["metadata"]})
    return {"track": draft.shown("track", track["id"])}


async def all_of(draft: Draft, ids: list[str]) -> list[Entity]:
    """The tracks of these ids, each once; raises `NotFound` naming every one that is missing."""
    found, lost = [], []
    for id in dict.fromkeys(ids):
        try:
            found.append(await draft.track(id))
        except errors.NotFound:
            lost.append(id)
    if lost:
        raise missing("track", *lost)
    return found


async def make_room(draft: Draft, place: int) -> None:
    """Moves the tracks from `place` on one further, as far as they stand in the way."""
    shifted = {}
    for track in await draft.tracks():
        if track["order"] == place:
            place += 1
            shifted[track["id"]] = place
    draft.reorder(shifted)


async def check_output(draft: Draft, track_id: str | None, destination: str) -> None:
    """Sound goes to the master or to an AUX track of this project other than the track itself."""
    if destination == routing.MASTER:
        return
    target = await draft.track(destination)
    if target["trackType"] != "AUX" or destination == track_id:
        sentence = "has to be master or another track of the type AUX"
        raise errors.ValidationError(f"outputDestination {sentence}.", details={"outputDestination": sentence})


async def check_loops(draft: Draft, field: str = "outputDestination") -> None:
    if routing.has_loop(await draft.tracks(), await draft.sends()):
        raise errors.ValidationError(
            "That would send the sound of a track back to itself.", details={field: "makes a routing loop"}
        )


async def _change(draft: Draft, track: Entity, changes: dict[str, Any]) -> None:
    kind = changes.get("trackType", track["trackType"])
    if track["trackType"] == "AUX" and kind != "AUX":
        await _check_unused(draft, track)
    output = str(changes.get("outputDestination", track["outputDestination"]))
    moved = output != track["outputDestination"]
    if moved:
        await check_output(draft, track["id"], output)
    draft.update("track", track["id"], changes)
    if moved and output != routing.MASTER:
        await check_loops(draft)


async def _check_unused(draft: Draft, aux: Entity) -> None:
    feeding = [send["trackId"] for send in await draft.sends() if send["destinationTrackId"] == aux["id"]]
    feeding += [track["id"] for track in await draft.tracks() if track["outputDestination"] == aux["id"]]
    if feeding:
        raise errors.InUse(
            "Other tracks send their sound to this AUX track.", details={"trackIds": list(dict.fromkeys(feeding))}
        )


async def _move(draft: Draft, wanted: list[tuple[str, int]]) -> None:
    """Puts the tracks where they are wanted and closes all gaps."""
    tracks = await draft.tracks()
    known = {track["id"] for track in tracks}
    if lost := [id for id, _ in wanted if id not in known]:
        raise missing("track", *lost)
    moving = {id for id, _ in wanted}
    order = [track["id"] for track in tracks if track["id"] not in moving]
    lowest = 0
    for id, place in sorted(wanted, key=lambda pair: pair[1]):
        place = min(max(place, lowest), len(order))
        order.insert(place, id)
        lowest = place + 1
    draft.reorder({id: place for place, id in enumerate(order)})
