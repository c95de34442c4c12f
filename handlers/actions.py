"""Changes of a document, each declared once and mounted as routes and as a socket event: one schema, one way.

    Action(command="updateTrack", summary="Change a track", kind=TRACK, reply=TrackReply, event="track:update",
           paths=("PUT /tracks/{track_id}", "PATCH /tracks/{track_id}"), fields=TRACK.fields, nested=True)

Over REST the fields are the body; over sockets they come under `changes`, or under the entity's name when it is new.
Whatever way they come, they are checked once, and `perform` has them executed. What a room is told of its project's
changes is the other half: one event for each stored operation (contract, section 6.4).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bus import events
from dawg_server.daw import entities
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.draft import ORDERS
from dawg_server.daw.editing import Executed
from dawg_server.daw.entities import CLIP, PROJECT, TRACK
from dawg_server.daw.entities.base import EntityType, the
from dawg_server.schema import AnyField, Body, Parameters, Record, parameters
from dawg_server.services import Services
from handlers.schemas import replies
from handlers.schemas.collaboration import BASE, REPLAY, WHERE, body

EVENTS = {
    "project:updated": "Fields of the project in `update`; `project` is how all of it is now, without its tracks.",
    "track:created": "A `track` was added.",
    "track:updated": "`changes` of the track `trackId`, or of its sends; `track` is how it is now.",
    "track:deleted": "The track `trackId` is gone; its clips were told before.",
    "track:reordered": "`trackOrders`: the places of all tracks.",
    "clip:created": "A `clip` was added.",
    "clip:updated": "`changes` of the clip `clipId`; `clip` is how it is now.",
    "clip:deleted": "The clip `clipId` is gone.",
    "lyrics:updated": "The lyrics of the track `trackId`, or (null) of the project.",
    "project:undone": "The steps `groupIds` were taken back; the changes were told before.",
    "project:redone": "The steps `groupIds` were repeated; the changes were told before.",
}
HOW = ("baseRevision", "clientOperationId")  # fields that are not the command's own


@dataclass(frozen=True, kw_only=True, eq=False)
class Action:
    """`makes`: the entity is new; else `{…_id}` in the paths names it. `nested`: the command takes the fields as
    `changes`. `parent`: what the body of a route needs besides, to know where a new one belongs.
    """

    command: str
    summary: str
    kind: EntityType
    paths: tuple[str, ...]
    event: str
    reply: type[Body]
    fields: Mapping[str, AnyField] = field(default_factory=dict)
    makes: bool = False
    nested: bool = False
    parent: Mapping[str, AnyField] = field(default_factory=dict)
    about: str = ""

    @property
    def id(self) -> str:
        """The parameter that names the entity."""
        return f"{self.kind.name}Id"

    @property
    def under(self) -> str:
        """Where the fields are in the payload of the event."""
        if self.makes:
            return self.kind.name
        return "update" if self.kind is PROJECT else "changes"

    @functools.cached_property
    def body(self) -> type[Parameters] | None:
        """Of the routes."""
        if not self.fields:
            return None
        base = {} if self.makes else BASE
        return body(
            f"{self.kind.title}{'Create' if self.makes else 'Change'}",
            f"{self.summary}.",
            self._parameters({**self.parent, **self.fields, **base, **REPLAY}),
        )

    @functools.cached_property
    def payload(self) -> type[Parameters]:
        """Of the event."""
        named = {} if self.makes or self.kind is PROJECT else {self.id: the(self.kind.name)}
        values = {self.under: Record(self._parameters(self.fields), required=True)} if self.fields else {}
        verb = "Added" if self.makes else "Update" if self.fields else "Delete"
        return body(f"{self.kind.title}{verb}", f"{self.summary}.", {**WHERE, **named, **values, **BASE, **REPLAY})

    def command_for(self, id: str | None, values: Mapping[str, Any]) -> Command:
        """`values` have been checked; `id` names what is there already."""
        named = {self.id: id} if id is not None and self.kind is not PROJECT else {}
        return Command(self.command, {**named, **({"changes": values} if self.nested else values)}, checked=True)

    def _parameters(self, fields: Mapping[str, AnyField]) -> Parameters:
        return parameters(fields, aliases=self.kind.aliases, changes=self.nested)


def three(
    kind: EntityType, path: str, reply: type[Body], parent: Mapping[str, AnyField], *, about: str = ""
) -> tuple[Action, ...]:
    """Making, changing and deleting an entity. `about` says what goes with a deleted one."""
    one = f"{path}/{{{kind.name}_id}}"
    article = "an" if kind.name[0] in "aeiou" else "a"
    return (
        Action(
            command=f"create{kind.title}",
            summary=f"Add {article} {kind.name}",
            paths=(f"POST {path}",),
            event=f"{kind.name}:create",
            fields={**({"trackId": the("track")} if kind.parent == "track" else {}), **kind.fields},
            makes=True,
            parent=parent,
            kind=kind,
            reply=reply,
        ),
        Action(
            command=f"update{kind.title}",
            summary=f"Change {article} {kind.name}",
            paths=(f"PUT {one}", f"PATCH {one}"),
            event=f"{kind.name}:update",
            fields=kind.fields,
            nested=True,
            kind=kind,
            reply=reply,
        ),
        Action(
            command=f"delete{kind.title}",
            summary=f"Delete {article} {kind.name}",
            paths=(f"DELETE {one}",),
            event=f"{kind.name}:delete",
            about=about,
            kind=kind,
            reply=replies.Deleted,
        ),
    )


_OWN = (
    Action(
        command="updateProject",
        summary="Change a project",
        kind=PROJECT,
        paths=("PUT /projects/{project_id}", "PATCH /projects/{project_id}"),
        event="project:update",
        reply=replies.ProjectReply,
        fields=PROJECT.fields,
        nested=True,
    ),
    *three(
        TRACK,
        "/tracks",
        replies.TrackReply,
        {"projectId": the("project")},
        about="With its clips and the sends to it; all of that can be undone.",
    ),
    *three(CLIP, "/clips", replies.ClipReply, {}, about="Its recording stays."),
)


def every() -> tuple[Action, ...]:
    """Those of the entities with APIs of their own, and those that are made from declarations."""
    return (*_OWN, *(action for kind in entities.declared() for action in _declared(kind)))


@functools.cache
def _declared(kind: EntityType) -> tuple[Action, ...]:
    parent = {"projectId": the("project")} if kind.parent == "project" else {}
    return three(kind, f"/{kind.plural}", replies.of(kind), parent)


async def perform(
    services: Services, actor: Actor, project_id: str, command: Command, how: Mapping[str, Any]
) -> Executed:
    """What every change comes to. `how` has `baseRevision` and `clientOperationId`, if they were given."""
    return await services.documents.document.execute(
        project_id,
        [command],
        actor,
        base_revision=how.get("baseRevision"),
        client_operation_id=how.get("clientOperationId"),
    )


def event_names() -> dict[str, str]:
    """Every event about a document, with what it means."""
    made = {}
    for each in entities.declared():
        made[f"{each.name}:created"] = f"A new {each.name} in `{each.name}`: {each.help}."
        made[f"{each.name}:updated"] = f"`changes` of `{each.name}Id`; `{each.name}` is how it is now."
        made[f"{each.name}:deleted"] = f"The {each.name} `{each.name}Id` is gone."
    return EVENTS | made


def told(event: events.ProjectChanged) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, payload) in the order of the log; then, after undo and redo, which groups that was."""
    common = {
        "projectId": event.project_id,
        "userId": event.user_id,
        "username": event.username,
        "userName": event.username,
        "source": event.source,
        "groupId": event.group_id,
        "cause": event.cause,
        "clientOperationId": event.client_operation_id,
    }
    for operation in event.operations:
        for name, payload in _told(operation, event.things):
            yield name, {**payload, **common, "revision": operation["revision"]}
    if event.cause is not None and event.group_ids:
        payload = {**common, "groupIds": event.group_ids, "revision": event.revision}
        yield f"project:{'undone' if event.cause == 'undo' else 'redone'}", payload


def _told(
    operation: Mapping[str, Any], things: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    entity, id, kind, changes = (operation[name] for name in ("entity", "entityId", "kind", "changes"))
    if kind == "reorder":
        yield "track:reordered", {ORDERS: [{"id": id, "order": place} for id, place in things["order"].items()]}
    elif entity == "send":
        track_id = things["send"].get(id, "")
        # A track that is gone by the end of the transaction has none; it is told as deleted after this.
        track = things["track"].get(track_id) or {"id": track_id, "sends": []}
        yield "track:updated", {"trackId": track_id, "changes": {"sends": track["sends"]}, "track": track}
    elif kind == "update" and set(changes) == {"lyrics"}:
        yield "lyrics:updated", {"trackId": id if entity == "track" else None, "lyrics": changes["lyrics"]}
    elif entity == "project":
        project = things.get("project", {}).get(id) or {"id": id, **changes}
        yield "project:updated", {"update": changes, "project": project}
    elif kind == "create":
        yield f"{entity}:created", {entity: things.get(entity, {}).get(id) or changes}
    elif kind == "update":
        # What is gone by the end of the transaction has nothing more to show than its changes.
        thing = things.get(entity, {}).get(id) or {"id": id, **changes}
        yield f"{entity}:updated", {f"{entity}Id": id, "changes": changes, entity: thing}
    else:
        yield f"{entity}:deleted", {f"{entity}Id": id}
