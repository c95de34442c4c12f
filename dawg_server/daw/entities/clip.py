"""Clips: pieces of recordings, or notes, on the time line of a track."""

from __future__ import annotations

from dawg_server.database import clips
from dawg_server.daw.entities.base import EntityType, Reference, the
from dawg_server.daw.notes import Notes
from dawg_server.schema import Colour, Id, Number, Text

MAX_SECONDS = 86_400  # a day: no position or length lies beyond it

FIELDS = {
    "trackId": the("track"),
    "audioFileId": Id("audioFile", "the recording to play", allow_none=True, load_default=None),
    "midiData": Notes("notes, instead of a recording", allow_none=True, load_default=None),
    "name": Text(1, 120, "without it the name of the recording"),
    "startTime": Number(0, MAX_SECONDS, "seconds from the beginning of the project", required=True),
    "duration": Number(0, MAX_SECONDS, "seconds; without it the rest of the recording", over=True),
    "offset": Number(0, MAX_SECONDS, "seconds into the recording", load_default=0),
    "fadeIn": Number(0, MAX_SECONDS, "seconds", load_default=0),
    "fadeOut": Number(0, MAX_SECONDS, "seconds", load_default=0),
    "gain": Number(-60, 24, "dB", load_default=0),
    "color": Colour("such as #3b82f6", allow_none=True, load_default=None),
}

CLIP = EntityType(
    name="clip",
    plural="clips",
    help="a recording or notes on a track",
    table=clips.TABLE,
    fields=FIELDS,
    parent="track",
    references={"trackId": Reference("track")},
    own_api=True,
)
