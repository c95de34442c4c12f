"""An entity that only tests have: this file and its migration are all there is of it."""

from __future__ import annotations

from dawg_server.daw.entities.base import EntityType, Reference, table_of
from dawg_server.schema import Choice, Colour, Id, JsonValue, Number, Text

FIELDS = {
    "label": Text(1, 60, "what it says", required=True),
    "beat": Number(0, 10_000, "quarter notes from the beginning", required=True),
    "kind": Choice(("verse", "chorus"), "part of the song", load_default="verse"),
    "color": Colour("such as #3b82f6", allow_none=True, load_default=None),
    "trackId": Id("track", "the track that it is about", allow_none=True, load_default=None),
    "extra": JsonValue(1000, "anything", objects=True, allow_none=True, load_default=None),
}
FLAG = EntityType(
    name="flag",
    plural="flags",
    help="a named place on the time line",
    table=table_of("flags", FIELDS),
    fields=FIELDS,
    references={"trackId": Reference("track", "clear", None)},
    limit=20,
    module=__name__,
)
MIGRATION = """CREATE TABLE flags (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    label text NOT NULL,
    beat double precision NOT NULL CHECK (beat >= 0),
    kind text NOT NULL,
    color text,
    track_id uuid REFERENCES tracks ON DELETE SET NULL,
    extra jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);"""
