"""Sends: copies of a track's sound for an AUX track."""

from __future__ import annotations

from dawg_server.database import tracks
from dawg_server.daw.entities.track import MAX_DECIBELS, MAX_GAIN
from dawg_server.daw.entity import EntityType, Reference, the
from dawg_server.schema import Decibels, Flag, Number

FIELDS = {
    "destinationTrackId": the("track", "id of an AUX track"),
    "level": Number(0, MAX_GAIN, "linear, 1 is unity", load_default=0.8),
    "levelDb": Decibels("level", MAX_DECIBELS),
    "pan": Number(-1, 1, "-1 is left, 1 is right", load_default=0),
    "preFader": Flag("whether the track's volume does not matter to it", load_default=False),
    "enabled": Flag(load_default=True),
}

SEND = EntityType(
    name="send",
    plural="sends",
    help="a copy of a track's sound for an AUX track",
    table=tracks.SENDS,
    fields=FIELDS,
    parent="track",
    within="parent",
    references={"destinationTrackId": Reference("track", sound="AUX")},
    unique=("trackId", "destinationTrackId"),
    limit=None,
    module=__name__,
)
