"""Markers: named places on the time line."""

from __future__ import annotations

from dawg_server.daw.entity import EntityType, table_of
from dawg_server.daw.in_time import InBeats
from dawg_server.daw.notes import MAX_BEATS
from dawg_server.schema import Colour, Number, Text

FIELDS = {
    "name": Text(1, 120, required=True),
    "beat": Number(0, MAX_BEATS, "quarter notes from the beginning of the project", required=True),
    "color": Colour("such as #3b82f6", allow_none=True, load_default=None),
}

MARKER = EntityType(
    name="marker",
    plural="markers",
    help="a named place on the time line",
    table=table_of("markers", FIELDS, sorted_by=("beat", "id")),
    fields=FIELDS,
    in_time=InBeats(),
    limit=1000,
    module=__name__,
)
