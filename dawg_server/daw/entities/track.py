"""Tracks: where clips lie, and the channels of the mixer."""

from __future__ import annotations

from dawg_server.database import tracks
from dawg_server.daw.entities.base import EntityType, Reference
from dawg_server.daw.entities.project import MAX_LYRICS
from dawg_server.daw.routing import MASTER
from dawg_server.schema import Choice, Colour, Flag, Id, Number, Text

MAX_TRACKS = 500  # per project

MIXING = {
    "color": Colour("such as #3b82f6", allow_none=True, load_default=None),
    "volume": Number(0, 1, "linear, 1 is unity", load_default=0.8),
    "pan": Number(-1, 1, "-1 is left, 1 is right", load_default=0),
    "isMuted": Flag(load_default=False),
    "isSolo": Flag(load_default=False),
    "isArmed": Flag("ready to record", load_default=False),
    "outputDestination": Id("AUX track", 'or "master"', words=(MASTER,), load_default=MASTER),
}
FIELDS = {
    "name": Text(1, 120, "what the track is called", required=True),
    "trackType": Choice(("AUDIO", "MIDI", "INSTRUMENT", "AUX", "MASTER"), load_default="AUDIO"),
    **MIXING,
    "order": Number(0, MAX_TRACKS, "place in the list, from 0", whole=True),
    "channels": Choice(("mono", "stereo"), load_default="stereo"),
    "lyrics": Text(0, MAX_LYRICS, strip=False, allow_none=True, load_default=None),
}

TRACK = EntityType(
    name="track",
    plural="tracks",
    help="a channel of the mixer with clips on it",
    table=tracks.TABLE,
    fields=FIELDS,
    references={"outputDestination": Reference("track", "clear", MASTER, sound=True)},
    limit=MAX_TRACKS,
    own_api=True,
)
