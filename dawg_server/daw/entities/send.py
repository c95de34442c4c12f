"""Sends: copies of a track's sound for an AUX track."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from dawg_server.database import tracks
from dawg_server.daw.entities.track import MAX_DECIBELS, MAX_GAIN
from dawg_server.daw.entity import Condition, Entity, EntityType, Hindrance, Reference, the
from dawg_server.schema import Decibels, Flag, Number

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

FIELDS = {
    "destinationTrackId": the("track", "id of an AUX track"),
    "level": Number(0, MAX_GAIN, "linear, 1 is unity", load_default=0.8),
    "levelDb": Decibels("level", MAX_DECIBELS),
    "pan": Number(-1, 1, "-1 is left, 1 is right", load_default=0),
    "preFader": Flag("whether the track's volume does not matter to it", load_default=False),
    "enabled": Flag(load_default=True),
}


async def unmet(draft: Draft, send: Entity, changed: Collection[str]) -> Hindrance | None:
    """All sound ends at the MASTER."""
    track = await draft.get("track", send["trackId"])
    if track["trackType"] != "MASTER":
        return None
    return Hindrance("trackId", "is the MASTER track, which has no sends", "track", [track["id"]])


SEND = EntityType(
    name="send",
    plural="sends",
    help="a copy of a track's sound for an AUX track",
    table=tracks.SENDS,
    fields=FIELDS,
    parent="track",
    within="parent",
    references={"destinationTrackId": Reference("track", sound="AUX")},
    conditions=[Condition(frozenset({"trackId"}), unmet)],
    unique=("trackId", "destinationTrackId"),
    limit=None,
    module=__name__,
)
