"""Freezes: a recording of what a track sounds like before its fader, which plays instead of its clips and devices."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from dawg_server import errors
from dawg_server.daw import freezing
from dawg_server.daw.entity import Entity, EntityType, needed, table_of, wrong
from dawg_server.daw.timing import MAX_SECONDS
from dawg_server.schema import Id, Number, Text

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

FIELDS = {
    "audioFileId": needed(Id("audioFile", "its recording")),
    "startTime": Number(0, MAX_SECONDS, "seconds of the project at which the recording begins", load_default=0),
    "soundDigest": Text(64, 64, "of what was recorded; without it of what the track sounds like now"),
}


async def judge(draft: Draft, freeze: Entity | None, changed: Entity) -> Collection[str]:
    """What was recorded is what the track sounds like."""
    track = await draft.get("track", {**(freeze or {}), **changed}["trackId"])
    if track["trackType"] in ("AUX", "GROUP", "MASTER"):
        raise wrong("trackId", "has to be a track with clips: buses and groups are not frozen")
    present = await freezing.of_draft(draft, track["id"])
    if changed.get("soundDigest") not in (None, present):
        raise errors.Conflict("The track was changed while it was being frozen. Freeze it again.")
    changed["soundDigest"] = present
    return ()


FREEZE = EntityType(
    name="freeze",
    plural="freezes",
    help="a recording that plays instead of the clips and devices of a track",
    table=table_of("freezes", FIELDS, "track"),
    fields=FIELDS,
    parent="track",
    unique=("trackId",),
    recording="audioFileId",
    rule=judge,
    ruled=frozenset(FIELDS),
    limit=None,
    always_read=True,
    about_deletion="The clips and devices of the track are heard again; the recording stays.",
    module=__name__,
)
