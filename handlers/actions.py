"""Every change that is mounted: those of every entity by its declaration, and those with a command of their own."""

from __future__ import annotations

import uuid
from dataclasses import replace

from dawg_server.daw import commands
from dawg_server.daw import entity as registry
from dawg_server.daw.entities.clip import CLIP
from dawg_server.daw.entities.project import PROJECT
from dawg_server.daw.entities.section import SECTION
from dawg_server.daw.entities.take import TAKE
from dawg_server.daw.entities.track import TRACK
from dawg_server.daw.entity import EntityType, needed
from dawg_server.daw.history import STEPS, UNDO
from handlers.action import Action, of_kind
from handlers.schemas import replies

HOW = ("baseRevision", "gesture", "clientOperationId")  # fields that are not the command's own
GESTURES = uuid.UUID("6f9d2c1e-5f0a-4f5e-9d43-0c5a3c6d1b77")  # namespace of the groups that gestures are


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
