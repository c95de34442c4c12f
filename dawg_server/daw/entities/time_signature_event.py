"""Changes of the time signature: from a bar on other bars."""

from __future__ import annotations

from dawg_server.daw.entity import EntityType, table_of
from dawg_server.schema import Number, TimeSignature

MAX_BARS = 100_000

FIELDS = {
    "bar": Number(0, MAX_BARS, "counted from 0 at the beginning of the project", whole=True, required=True),
    "timeSignature": TimeSignature("of the bars from there on, such as 6/8", required=True),
}

TIME_SIGNATURE_EVENT = EntityType(
    name="timeSignatureEvent",
    plural="timeSignatureEvents",
    help="another time signature from a bar on; one at bar 0 is that of the project",
    table=table_of("time_signature_events", FIELDS, sorted_by=("bar", "id")),
    fields=FIELDS,
    unique=("bar",),
    tempo=frozenset(FIELDS),
    limit=1000,
    module=__name__,
)
