"""Changes of a document, each declared once and mounted as routes and as a socket event: one schema, one way.

    Action(command="updateTrack", summary="Change a track", kind=TRACK, reply=TrackReply, told=replies.one(TRACK),
           event="track:update", paths=("PATCH /tracks/{track_id}",), fields=TRACK.fields, under="changes")

Over REST the fields are the body; over sockets they come under `changes`, or under the entity's name when it is new.
Whatever way they come, they are checked once. What a room is told of its project's changes is the other half
(`handlers.sockets.document`).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from dawg_server.daw import commands
from dawg_server.daw import entity as registry
from dawg_server.daw.entities.project import PROJECT
from dawg_server.daw.entity import EntityType, the
from dawg_server.schema import AnyField, Parameters, Record, parameters
from handlers.schemas import replies
from handlers.schemas.collaboration import BASE, REPLAY, WHERE, body
from handlers.schemas.replies import Told
from handlers.schemas.shown import Shown


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
