"""Changes of a document, each declared once and mounted as routes and as a socket event: one schema, one way.

    Action(command="updateTrack", summary="Change a track", kind=TRACK, reply=TrackReply, told=replies.one(TRACK),
           event="track:update", paths=("PATCH /tracks/{track_id}",), fields=TRACK.fields, under="changes")

Over REST the fields are the body; over sockets they come under `changes`, or under the entity's name when it is new.
Whatever way they come, they are checked once. What a room is told of its project's changes is the other half
(`handlers.sockets.document`).
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dawg_server.daw import commands
from dawg_server.daw import entity as registry
from dawg_server.daw.entities.clip import CLIP
from dawg_server.daw.entities.project import PROJECT
from dawg_server.daw.entities.section import SECTION
from dawg_server.daw.entities.take import TAKE
from dawg_server.daw.entities.track import TRACK
from dawg_server.daw.entity import EntityType, needed, the
from dawg_server.daw.history import STEPS, UNDO
from dawg_server.schema import AnyField, Parameters, Record, parameters
from handlers.schemas import replies
from handlers.schemas.collaboration import BASE, REPLAY, WHERE, body
from handlers.schemas.replies import Told
from handlers.schemas.shown import Shown

HOW = ("baseRevision", "gesture", "clientOperationId")  # fields that are not the command's own


GESTURES = uuid.UUID("6f9d2c1e-5f0a-4f5e-9d43-0c5a3c6d1b77")  # namespace of the groups that gestures are


@dataclass(frozen=True, kw_only=True, eq=False)
class Action:
    """`fields` are those of the command that clients give; what names the entity is in the paths.

    `told`: what the command tells; the ack of the event has that, the reply of the routes as they show it.
    `under`: where they are in the payload of the event, if they are not next to the rest; `changes` is also how the
    command takes them, whose entity is there already. `updates`: what that is called in the body, which has it too.
    `parent`: what the body of a route needs besides, to know where a new one belongs.
    """

    command: str
    summary: str
    kind: EntityType
    paths: tuple[str, ...]
    event: str
    reply: type[Shown]
    told: Told
    fields: Mapping[str, AnyField] = field(default_factory=dict)
    under: str = ""
    updates: str = ""
    parent: Mapping[str, AnyField] = field(default_factory=dict)
    status: int = 200
    repeatable: bool = False  # with an Idempotency-Key
    travels: bool = False  # undo and redo: their sender hears the events too, and only REST is answered with operations
    name: str = ""  # of the schemas
    about: str = ""

    @property
    def makes(self) -> bool:
        return self.under == self.kind.name

    @property
    def names_one(self) -> bool:
        """Whether it is about one entity that is there already, and not the project."""
        return self.kind is not PROJECT and not self.makes and self.kind.id in self._declared

    @functools.cached_property
    def _declared(self) -> Mapping[str, AnyField]:
        return commands.find(self.command).parameters.declared

    @functools.cached_property
    def body(self) -> type[Parameters] | None:
        """Of the routes."""
        if not self.fields:
            return None
        declared = {self.updates if name == "changes" else name: each for name, each in self.fields.items()}
        base = {} if self.makes or self.travels else BASE
        named = self.name or f"{self.kind.title}{'Create' if self.makes else 'Change'}"
        if self.makes and "{track_id}" in self.paths[0]:
            declared.pop("trackId")
        return body(named, f"{self.summary}.", self._parameters({**self.parent, **declared, **base, **REPLAY}))

    @functools.cached_property
    def ack(self) -> type[Shown]:
        """Of the event."""
        verb = "Create" if self.makes else "Update" if self.fields else "Delete"
        return replies.stored(f"{self.name or self.kind.title + verb}Ack", self.told, travels=self.travels)

    @functools.cached_property
    def payload(self) -> type[Parameters]:
        """Of the event."""
        named = {self.kind.id: the(self.kind.name)} if self.names_one else {}
        values: Mapping[str, AnyField] = self.fields
        if self.under and self.fields:
            values = {self.under: Record(self._parameters(self.fields), required=True)}
        verb = self.name or f"{self.kind.title}{'Added' if self.makes else 'Update' if self.fields else 'Delete'}"
        base = {} if self.travels else BASE
        declared = {**WHERE, **named, **values, **base, **REPLAY}
        return body(f"{verb}Event" if self.name else verb, f"{self.summary}.", declared)

    def _parameters(self, fields: Mapping[str, AnyField]) -> Parameters:
        return parameters(fields, aliases=self.kind.aliases, changes=bool(self.under) and not self.makes)


@functools.cache
def of_kind(kind: EntityType) -> tuple[Action, ...]:
    """What every entity has by its declaration."""
    home = f"/{kind.plural}"
    if kind.within == "parent":
        home = f"/{registry.find(kind.parent).plural}/{{{kind.parent}_id}}/{kind.plural}"
    one = f"{home}/{{{kind.name}_id}}"
    article = "an" if kind.name[0] in "aeiou" else "a"
    reply = replies.of(kind)
    change = Action(
        command=f"update{kind.title}",
        summary=f"Change {article} {kind}",
        paths=(f"PUT {one}", f"PATCH {one}"),
        event=f"{kind.name}:update",
        fields=kind.fields,
        under="update" if kind is PROJECT else "changes",
        kind=kind,
        reply=reply,
        told=replies.one(kind),
    )
    if kind is PROJECT:
        return (change,)
    made = [
        Action(
            command=f"create{kind.title}",
            summary=f"Add {article} {kind}: {kind.help}",
            paths=(f"POST {home}",),
            event=f"{kind.name}:create",
            fields={**({"trackId": the("track")} if kind.parent == "track" else {}), **kind.fields},
            under=kind.name,
            parent={"projectId": the("project")} if kind.parent == "project" else {},
            status=200 if kind.within == "parent" else 201,
            repeatable=True,
            kind=kind,
            reply=reply,
            told=replies.one(kind),
        ),
        change,
        Action(
            command=f"delete{kind.title}",
            summary=f"Delete {article} {kind}",
            paths=(f"DELETE {one}",),
            event=f"{kind.name}:delete",
            about=kind.about_deletion,
            kind=kind,
            reply=replies.deleted(kind),
            told=replies.gone(kind),
        ),
    ]
    if kind.bulk is not None:
        made.append(
            Action(
                command=f"update{kind.titles}",
                summary=f"Make the same changes to several {kind.plural}",
                paths=(f"PATCH {home}/bulk",),
                event=f"{kind.plural}:update",
                fields=kind.same_changes,
                updates="updates",
                name=f"{kind.titles}Change",
                kind=kind,
                reply=replies.several_of(kind),
                told=replies.same(kind),
                about="All of them or none.",
            )
        )
    if kind.ordered:
        where = "project" if kind.parent == "project" else kind.parent
        made.append(
            Action(
                command=f"reorder{kind.titles}",
                summary=f"Put {kind.plural} into another order",
                paths=(f"POST {home}/{where}/{{{where}_id}}/reorder",),
                event=f"{kind.name}:reorder",
                fields={kind.orders: kind.places},
                name=f"{kind.title}Orders",
                kind=kind,
                reply=replies.in_order(kind),
                told=replies.sorted_anew(kind),
                about="The final order has no gaps.",
            )
        )
    return tuple(made)


def _travel(command: str, summary: str, about: str) -> Action:
    return Action(
        command=command,
        summary=summary,
        paths=(f"POST /projects/{{project_id}}/{command}",),
        event=f"project:{command}",
        fields=UNDO if command == "undo" else STEPS,
        name=f"{command.capitalize()}Steps",
        travels=True,
        kind=PROJECT,
        reply=replies.TravelledReply,
        told=replies.TRAVELLED,
        about=about,
    )


def _special(
    command: str,
    summary: str,
    kind: EntityType,
    *,
    path: str,
    event: str,
    told: EntityType | None = None,
    about: str = "",
) -> Action:
    """A command that several entities of a kind are told about afterwards; its fields are the command's own."""
    declared = commands.find(command).parameters.declared
    return Action(
        command=command,
        summary=summary,
        paths=(path,),
        event=event,
        fields={name: each for name, each in declared.items() if name != kind.id},
        name=f"{command[0].upper()}{command[1:]}",
        kind=kind,
        reply=replies.told_of(told or kind),
        told=replies.all_of(told or kind),
        about=about,
    )


_SPECIAL = (
    _travel(
        "undo",
        "Take back own steps",
        "The caller's own newest groups. What others have changed since is skipped, and said; nothing to undo is 409."
        " The events of the entities go to everybody, the sender too, and then `project:undone`.",
    ),
    _travel("redo", "Repeat what was taken back", "The events go to everybody as for undo, and then `project:redone`."),
    Action(
        command="setLyrics",
        summary="Write the lyrics of the project, or of a track",
        paths=("PUT /projects/{project_id}/lyrics",),
        event="lyrics:update",
        fields={
            "trackId": commands.find("setLyrics").parameters.declared["trackId"],
            "lyrics": needed(TRACK.fields["lyrics"]),
        },
        name="LyricsWritten",
        kind=PROJECT,
        reply=replies.LyricsReply,
        told=replies.LYRICS,
    ),
    _special(
        "groupTracks",
        "Put tracks into a new group",
        TRACK,
        path="POST /tracks/group",
        event="tracks:group",
        about="`track` is the new track, of the type GROUP; `tracks` are those in it.",
    ),
    _special(
        "ungroupTracks",
        "Remove a group and keep its tracks",
        TRACK,
        path="POST /tracks/{track_id}/ungroup",
        event="track:ungroup",
    ),
    _special(
        "compTakes",
        "Choose which take of a clip is heard when",
        CLIP,
        told=TAKE,
        path="POST /clips/{clip_id}/comp",
        event="takes:comp",
        about="`takes` are all takes of the clip as they are now. One step to undo.",
    ),
    _special(
        "moveSection",
        "Move a section with everything in it",
        SECTION,
        path="POST /sections/{section_id}/move",
        event="section:move",
        about="Give `beat` or `bars`. What lies on its way makes room and closes the gap. Clips that cross a line at"
        " which something else follows now are cut there. The events of all entities that moved tell the rest.",
    ),
    _special(
        "arrangeSections",
        "Put sections with everything in them into another order",
        SECTION,
        path="POST /projects/{project_id}/sections/arrange",
        event="sections:arrange",
        about="What lies between the named sections stays between them. One step to undo.",
    ),
)


_PARTS = replace(
    _special(
        "generateMidi",
        "Write parts as notes that fit to what is there",
        TRACK,
        path="POST /projects/{project_id}/parts",
        event="parts:generate",
        about="On new tracks, in key, metre and chords of the project: a bass with its kick, drums that go on as those"
        " before them do, a melody like another clip's. One step to undo.",
    ),
    reply=replies.WrittenPartsReply,
    told=replies.WRITTEN_PARTS,
)

_NOTES = replace(
    _special(
        "editNotes",
        "Add, change and remove single notes",
        CLIP,
        path="PATCH /clips/{clip_id}/notes",
        event="notes:edit",
        about="`notes` are those that were added and changed. A note without an id has `n` and its place in the list.",
    ),
    reply=replies.EditedNotesReply,
    told=replies.EDITED_NOTES,
)
_EDITS = tuple(
    _special(command, summary, CLIP, path=path, event=event, about="`clips` are as they are now. One step to undo.")
    for command, summary, path, event in (
        ("splitClip", "Cut a clip in two", "POST /clips/{clip_id}/split", "clip:split"),
        ("duplicateClips", "Copy clips, behind themselves or to a beat", "POST /clips/duplicate", "clips:duplicate"),
        ("moveClips", "Move clips together", "POST /clips/move", "clips:move"),
        ("deleteClips", "Delete several clips", "POST /clips/delete", "clips:delete"),
        ("glueClips", "Join clips of one track", "POST /clips/glue", "clips:glue"),
        ("crossfadeClips", "Fade one clip into the next one", "POST /clips/crossfade", "clips:crossfade"),
        ("quantize", "Move clips and their notes to the grid", "POST /clips/quantize", "clips:quantize"),
        ("transposeNotes", "Move notes up or down", "POST /clips/transpose", "clips:transpose"),
        ("humanizeNotes", "Move notes a little, as a player would", "POST /clips/humanize", "clips:humanize"),
        ("rampVelocities", "Let velocities rise or fall evenly", "POST /clips/velocity-ramp", "clips:velocity-ramp"),
        ("legatoNotes", "Let each note last until the next one", "POST /clips/legato", "clips:legato"),
        ("reverseNotes", "Play notes backwards", "POST /clips/reverse-notes", "clips:reverse-notes"),
    )
)


def group_of(project_id: str, user_id: str, gesture: str) -> str:
    """The undo group of a gesture."""
    return str(uuid.uuid5(GESTURES, f"{project_id}/{user_id}/{gesture}"))


def every() -> tuple[Action, ...]:
    return (*(action for kind in registry.every() for action in of_kind(kind)), *_SPECIAL, *_EDITS, _NOTES, _PARTS)
