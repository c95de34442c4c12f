"""The project itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from dawg_server import errors
from dawg_server.database import projects
from dawg_server.daw import timing
from dawg_server.daw.entity import Entity, EntityType
from dawg_server.daw.notes import MAX_BEATS
from dawg_server.schema import Flag, Key, Number, OneNumber, Text, TimeSignature

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

MAX_LYRICS = 20_000  # characters

FIELDS = {
    "name": Text(1, 120, "what the project is called", required=True),
    "description": Text(0, 2000, allow_none=True, load_default=None),
    "bpm": Number(20, 300, "beats per minute", decimals=2, load_default=120),
    "key": Key("such as C or F#m", load_default="C"),
    "timeSignature": TimeSignature("such as 4/4", load_default="4/4"),
    "sampleRate": OneNumber((44_100, 48_000, 88_200, 96_000), "Hz", load_default=44_100),
    "isPublic": Flag("whether everybody who knows the id may read it", load_default=False),
    "lyrics": Text(0, MAX_LYRICS, strip=False, allow_none=True, load_default=None),
    # Either end may be moved beyond the other one, also by undo: then there is nothing to loop.
    "loopStart": Number(0, MAX_BEATS, "where the loop region begins, in quarter notes", load_default=0),
    "loopEnd": Number(0, MAX_BEATS, "where it ends; without length nothing is looped", load_default=16),
    "looping": Flag("whether the loop region is played again and again", load_default=False),
}

COMPUTED = {
    "userId": Text(help="the owner's"),
    "thumbnailUrl": Text(allow_none=True),
    "version": Number(0, help="the number of the newest version; 0: there is none", whole=True),
    "revision": Number(0, help="how many changes have led here", whole=True),
}


async def judge(draft: Draft, project: Entity | None, changed: Entity) -> Collection[str]:
    """Whatever keeps its beats at a new tempo stays within reach."""
    if "isPublic" in changed and draft.role != "owner":
        raise errors.Forbidden(
            "Only the owner decides whether a project is public.", details={"role": draft.role, "required": "owner"}
        )
    if "bpm" in changed:
        await timing.check_reach(draft, "bpm", bpm=changed["bpm"])
    # Events at the start say the same as the project.
    for name, at, field in timing.AT_START:
        if field in changed:
            for event in draft.known(name):
                if event[at] == 0:
                    draft.update(name, event["id"], {field: changed[field]})
    return ()


PROJECT = EntityType(
    name="project",
    plural="projects",
    help="a song with everything in it",
    table=projects.TABLE,
    fields=FIELDS,
    computed=COMPUTED,
    aliases={"tempo": "bpm"},
    rule=judge,
    ruled=frozenset({"isPublic", "bpm", "timeSignature"}),
    tempo=frozenset({"bpm", "timeSignature"}),
    transport=frozenset({"loopStart", "loopEnd", "looping"}),
    # Who may read a project is its owner's alone to decide.
    kept=tuple(name for name in FIELDS if name != "isPublic"),
    module=__name__,
)
