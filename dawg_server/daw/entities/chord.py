"""Chords: the harmony of the project, which parts that are generated go by."""

from __future__ import annotations

from dawg_server.daw.entity import EntityType, needed, table_of
from dawg_server.daw.in_time import InBeats
from dawg_server.daw.notes import MAX_BEATS
from dawg_server.schema import ChordSymbol, Number

MAX_CHORDS = 5_000  # of a project

FIELDS = {
    "symbol": needed(ChordSymbol("root, kind and perhaps the note in the bass, such as Cm7/G")),
    "beat": Number(0, MAX_BEATS, "quarter notes from the beginning of the project", required=True),
    "length": Number(
        0, MAX_BEATS, "quarter notes; null: until the next chord", over=True, allow_none=True, load_default=None
    ),
}

CHORD = EntityType(
    name="chord",
    plural="chords",
    help="the harmony from a beat on",
    table=table_of("chords", FIELDS, sorted_by=("beat", "id")),
    fields=FIELDS,
    in_time=InBeats(length="length", divisible=True),
    limit=MAX_CHORDS,
    module=__name__,
)
