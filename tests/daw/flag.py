"""Entities that only tests have: this file and their migration are all there is of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from dawg_server.daw import entity as registry
from dawg_server.daw.entity import Bulk, EntityType, Reference, table_of
from dawg_server.schema import Choice, Colour, Flag, Id, JsonValue, Number, Text

FLAG_FIELDS = {
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
    table=table_of("flags", FLAG_FIELDS),
    fields=FLAG_FIELDS,
    references={"trackId": Reference("track", "clear", None)},
    limit=20,
    module=__name__,
)
# On a track, in an order, beside a track that it listens to, and named once.
KNOB_FIELDS = {
    "type": Text(1, 40, "what it does", required=True),
    "amount": Number(0, 100, "percent", load_default=50),
    "bypassed": Flag(load_default=False),
    "order": Number(0, 100, "place in the chain, from 0", whole=True),
    "sidechainTrackId": Id("track", "the track that it listens to", allow_none=True, load_default=None),
}
KNOB = EntityType(
    name="knob",
    plural="knobs",
    help="what the sound of a track goes through",
    table=table_of("knobs", KNOB_FIELDS, "track"),
    fields=KNOB_FIELDS,
    parent="track",
    within="whole parent",
    references={"sidechainTrackId": Reference("track", "clear", None)},
    ordered=True,
    unique=("trackId", "type"),
    bulk=Bulk({name: KNOB_FIELDS[name] for name in ("amount", "bypassed")}, 10),
    limit=20,
    module=__name__,
)
# What is heard or read at a time: it plays a recording or says something, and never both.
CUE_FIELDS = {
    "beat": Number(0, 10_000, "quarter notes from the beginning", required=True),
    "audioFileId": Id("audioFile", "the recording to play", allow_none=True, load_default=None),
    "words": Text(1, 200, "to be said, instead of a recording", allow_none=True, load_default=None),
}
CUE = EntityType(
    name="cue",
    plural="cues",
    help="what the performers hear or read",
    table=table_of("cues", CUE_FIELDS),
    fields=CUE_FIELDS,
    recording="audioFileId",
    either=("audioFileId", "words"),
    bulk=Bulk(CUE_FIELDS, 10),
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
);
CREATE TABLE knobs (
    id uuid PRIMARY KEY,
    track_id uuid NOT NULL REFERENCES tracks ON DELETE CASCADE,
    type text NOT NULL,
    amount double precision NOT NULL,
    bypassed boolean NOT NULL,
    position integer NOT NULL CHECK (position >= 0),
    sidechain_track_id uuid REFERENCES tracks ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (track_id, position) DEFERRABLE INITIALLY DEFERRED,
    UNIQUE (track_id, type) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE cues (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    beat double precision NOT NULL CHECK (beat >= 0),
    audio_file_id uuid REFERENCES audio_files ON DELETE RESTRICT,
    words text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);"""


@contextlib.contextmanager
def added(*kinds: EntityType) -> Iterator[None]:
    """As if they stood among the others."""
    for kind in kinds:
        registry.register(kind)
    try:
        yield
    finally:
        for kind in kinds:
            del registry._ALL[kind.name]
        registry._forget()
