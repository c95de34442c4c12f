"""The working copy of a project while its one writer holds the lock, and the steps by which it is changed.

Commands read from it and change it; nothing reaches the database before every command of the call has succeeded. What
they need is read when they first ask for it, so that a small change to a large project stays small.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dawg_server.database import table, tracks
from dawg_server.database.pool import Connection
from dawg_server.database.table import TIMES, Batch
from dawg_server.daw import entity as registry
from dawg_server.daw.entity import Entity, EntityType, missing
from dawg_server.daw.tempo_map import TempoMap
from dawg_server.wire import TimeSlices

ROUNDS = 32  # of a long loop, that take a millisecond or less

ChangeKind = Literal["create", "update", "delete", "reorder"]


@dataclass(frozen=True, slots=True)
class Change:
    """One step. `forward` and `inverse` hold wire fields with their values after and before it.

    create: everything / nothing. update: the fields that differ. delete: nothing / everything, and of what has a place
    `after`, the one behind which it stood.
    reorder: `trackOrders` (of other entities likewise) with the new and the old places of those that move, `[{id,
    order}]`; it has no entity id. `parent_id`: the track that an entity is on. `follows`: it follows another change by
    itself (`timing`). `group`: the undo group that it belongs to, if not to that of its call.
    """

    kind: ChangeKind
    entity: str
    entity_id: str | None
    forward: dict[str, Any]
    inverse: dict[str, Any]
    parent_id: str | None = None
    follows: bool = False
    group: str | None = None

    def operation(self, revision: int, group: str, actor_id: str, source: str, now: str) -> dict[str, Any]:
        """As clients see it in the log."""
        return {
            "id": str(uuid.uuid4()),
            "revision": revision,
            "groupId": group,
            "actorId": actor_id,
            "source": source,
            "kind": self.kind,
            "entity": self.entity,
            "entityId": self.entity_id,
            "changes": {**self.forward, **registry.find(self.entity).in_decibels(self.forward)},
            "createdAt": now,
        }

    def write(self, batch: Batch) -> None:
        kind = registry.find(self.entity)
        if self.kind == "reorder":
            kind.table.reorder(batch, self.forward[kind.orders])
            return
        assert self.entity_id is not None
        if self.kind == "create":
            kind.table.insert(batch, self.forward)
        elif self.kind == "update":
            kind.table.update(batch, self.entity_id, self.forward)
        else:
            kind.table.delete(batch, self.entity_id)


class Draft:
    """`project` is the project's own fields; `role`, `username` are the actor's; `now` is the transaction's time.

    `locks` are those of tracks that others hold. `travelled` are the groups that undo or redo took, and `source` which
    of the two it was.
    """

    def __init__(
        self, connection: Connection, user_id: str, row: Mapping[str, Any], named: Mapping[str, Iterable[str]]
    ) -> None:
        """`row` is what `operations.lock` has read, `named` the ids that it was asked for, by the kind of entity,
        besides what is always read."""
        self.connection = connection
        self.project: Entity = row["project"]
        self.id: str = self.project["id"]
        self.revision: int = self.project["revision"]
        self.user_id = user_id
        self.role: str = row["role"]
        self.username: str = row["username"]
        self.now: str = row["now"]
        self.locks: list[dict[str, Any]] = row["locks"] or []
        self.changes: list[Change] = []
        self.growth: Counter[str] = Counter()  # how many have come, by the names of kinds and weights
        self._stored: dict[str, int] = {}  # how many there were
        self._worked = 0
        self._slices: TimeSlices | None = None
        self.attached: set[str] = set()  # recordings that become the project's own
        self.tempo_map: TempoMap | None = None  # see `timing`; None when it is not known
        self.retimed = False  # the tempo is another one, and what follows it has not followed yet
        self.group: str | None = None  # of the changes that come now, if not that of the call
        self.turn: str | None = None  # the undo group of the call, if it was named
        self.source: Literal["undo", "redo"] | None = None
        self.travelled: list[str] = []
        # By kind and id; None stands for what is known not to be there.
        self._entities: dict[str, dict[str, Entity | None]] = {}
        self._complete: set[str] = set()  # kinds of which everything is known
        self._naming: set[tuple[str, str, str]] = set()  # (kind, field, id) of which everything is known
        self._recordings: dict[str, Entity | None] = {}
        for name, ids in named.items():
            self._learn(name, row.get(registry.find(name).plural) or ())
            for id in ids:
                self._known(name).setdefault(id, None)
        for kind in registry.always_read():
            self._learn(kind.name, row.get(kind.plural) or ())
            self._complete.add(kind.name)

    # -- reading -------------------------------------------------------------------------------------------------------

    async def get(self, name: str, id: str) -> Entity:
        """An entity of any kind; raises `NotFound` if the project has none of that id."""
        if name == "project":
            return self.project
        await self._read(name, [id])
        if (entity := self._known(name).setdefault(id, None)) is None:
            raise missing(name, id)
        return entity

    async def several(self, name: str, ids: Iterable[str]) -> list[Entity]:
        """The entities of these ids, each once; raises `NotFound` naming every one that is missing."""
        wanted = list(dict.fromkeys(ids))
        await self._read(name, wanted)
        found = [(id, self._known(name).setdefault(id, None)) for id in wanted]
        if lost := [id for id, entity in found if entity is None]:
            raise missing(name, *lost)
        return [entity for _, entity in found if entity is not None]

    async def look_up(self, name: str, ids: Iterable[str]) -> None:
        """Reads them all at once, so that each of them is known to be there, or not."""
        wanted = list(ids)
        await self._read(name, wanted)
        for id in wanted:
            self._known(name).setdefault(id, None)

    async def all(self, name: str) -> list[Entity]:
        """Every entity of a kind, sorted as clients see them."""
        if name not in self._complete:
            kind = registry.find(name)
            if kind.within == "parent":
                await self.all(kind.parent)
            else:
                self._learn(name, await table.of_project(self.connection, kind.table, self.id))
                self._complete |= {name, *(part.name for part in registry.parts_of(kind))}
        return self._sorted(name, (each for each in self._known(name).values() if each))

    async def naming(self, name: str, field: str, id: str) -> list[Entity]:
        """The entities of a kind whose field is this id, sorted as clients see them."""
        if name not in self._complete and (name, field, id) not in self._naming:
            kind = registry.find(name)
            if kind.within != "parent":
                self._learn(name, await table.naming(self.connection, kind.table, self.id, field, id))
            elif field == kind.parent_field:
                await self._read(kind.parent, [id])
            else:
                await self.all(kind.parent)
            self._naming.add((name, field, id))
        return self._sorted(name, (each for each in self._known(name).values() if each and each[field] == id))

    async def siblings(self, kind: EntityType, parent_id: str) -> list[Entity]:
        """All of a kind that have the same parent, sorted as clients see them."""
        if kind.parent == "project":
            return await self.all(kind.name)
        return await self.naming(kind.name, kind.parent_field, parent_id)

    async def count(self, name: str) -> int:
        """How many entities of a kind there are."""
        if name in self._complete:
            return sum(each is not None for each in self._known(name).values())
        if name not in self._stored:
            self._stored[name] = await table.count(self.connection, registry.find(name).table, self.id)
        return self._stored[name] + self.growth[name]

    async def total(self, kind: EntityType) -> int:
        """How much the entities of a kind hold together (`EntityType.weight`)."""
        assert kind.weight is not None
        name = kind.weight.name
        if name not in self._stored:
            self._stored[name] = await table.total(self.connection, kind.table, self.id, kind.weight.column)
        return self._stored[name] + self.growth[name]

    async def recording(self, id: str) -> Entity | None:
        """`id, owner_id, project_id, duration, original_name, filename, played`, or None."""
        if id not in self._recordings:
            self._recordings[id] = await tracks.recording(self.connection, self.id, id)
        return self._recordings[id]

    def find(self, name: str, id: str) -> Entity | None:
        """What is known already."""
        return self.project if name == "project" else self._known(name).get(id)

    def known(self, name: str) -> list[Entity]:
        """All that are known already, sorted as clients see them."""
        return self._sorted(name, (each for each in self._known(name).values() if each))

    def shown(self, name: str, id: str) -> Entity:
        """As clients see it: a track has its sends with it."""
        entity = self.find(name, id)
        assert entity is not None
        shown = dict(entity)
        for part in registry.parts_of(registry.find(name)):
            found = (each for each in self._known(part.name).values() if each and each[part.parent_field] == id)
            shown[part.plural] = [dict(each) for each in self._sorted(part.name, found)]
        return shown

    async def touched(self, revision: int) -> dict[str, dict[str, Any]]:
        """What was created or changed, as it is now, by kind and id; of what is shown as a part of its track, the
        track, and the track's id. `revision` is the project's afterwards.

        `order`: by kind, the places of all entities that stand beside those that were moved. `tempo`: all that decides
        about it, where something of that may have changed.
        """
        parents: dict[str, dict[str, str | None]] = {}
        order: dict[str, dict[str, int]] = {}
        for change in self.changes:
            await self.pause()
            kind = registry.find(change.entity)
            if change.entity_id is None:
                beside = await self.siblings(kind, change.parent_id or self.id)
                order.setdefault(kind.name, {}).update({each["id"]: each["order"] for each in beside})
            elif kind.within == "parent":
                parents.setdefault(kind.name, {})[change.entity_id] = change.parent_id
                parents.setdefault(kind.parent, {})[str(change.parent_id)] = None
            else:
                parents.setdefault(kind.name, {})[change.entity_id] = None
        found: dict[str, dict[str, Any]] = {}
        for name, ids in parents.items():
            shown = found[name] = {}
            for id, parent in ids.items():
                await self.pause()
                if parent or self.find(name, id):
                    shown[id] = parent or self.shown(name, id)
        if (project := found.get("project", {}).get(self.id)) is not None:
            project |= {"revision": revision, "updatedAt": self.now}
        if any(registry.sets_tempo(change.entity, change.forward) for change in self.changes):
            lists = {kind.plural: self.known(kind.name) for kind in registry.deciding_tempo()}
            found["tempo"] = registry.tempo_of({**self.project, **lists})
        return {**found, "order": order}

    # -- changing ------------------------------------------------------------------------------------------------------

    def create(self, name: str, fields: Mapping[str, Any]) -> Entity:
        """`fields` are complete but for the id; an earlier release may have kept fewer of them."""
        declared = registry.find(name)
        entity = {"id": str(uuid.uuid4()), **declared.blank, **fields}
        self._note("create", name, entity["id"], entity, {}, entity)
        times = {each: self.now for each in declared.table.extra if each in TIMES}
        self._known(name)[entity["id"]] = shown = {**entity, **declared.in_decibels(entity), **times}
        for kind in registry.contents():
            if kind.parent == name:  # nothing is on it yet
                self._naming.add((kind.name, kind.parent_field, entity["id"]))
        return shown

    def update(self, name: str, id: str, fields: Mapping[str, Any], *, follows: bool = False) -> None:
        """Only what differs is a change. `follows`: it follows another change by itself."""
        entity = self.find(name, id)
        assert entity is not None
        forward = {field: value for field, value in fields.items() if entity[field] != value}
        if not forward:
            return
        inverse = {field: entity[field] for field in forward}
        self._note("update", name, id, forward, inverse, entity, follows=follows)
        entity.update(forward, **registry.find(name).in_decibels(forward))
        self._touch(entity)

    def delete(self, name: str, id: str, **more: Any) -> None:
        """Nothing may depend on it any more. `more` is kept for whoever brings it back."""
        entity = self.find(name, id)
        assert entity is not None
        self._note("delete", name, id, {}, {**registry.find(name).stored(entity), **more}, entity)
        self._known(name)[id] = None

    def reorder(self, name: str, orders: Mapping[str, int]) -> None:
        """Moves entities of one kind to other places; all of them are known."""
        found = {id: entity for id in orders if (entity := self.find(name, id)) is not None}
        before = {id: entity["order"] for id, entity in found.items()}
        moved = {id: order for id, order in orders.items() if before[id] != order}
        if not moved:
            return
        places = ({id: moved[id] for id in moved}, {id: before[id] for id in moved})
        forward, inverse = (
            {registry.find(name).orders: [{"id": id, "order": order} for id, order in each.items()]} for each in places
        )
        self._note("reorder", name, None, forward, inverse, found[next(iter(moved))])
        for id, order in moved.items():
            found[id]["order"] = order
            self._touch(found[id])

    async def pause(self) -> None:
        """For every round of a loop over many changes: lets others go on now and then."""
        self._worked += 1
        if self._worked % ROUNDS == 0:
            self._slices = self._slices or TimeSlices()
            await self._slices.pause()

    def take_back(self) -> None:
        """The latest change was too much: it has not been."""
        change = self.changes.pop()
        self._grow(registry.find(change.entity), change.kind, change.forward, change.inverse, -1)
        thing = self.find(change.entity, str(change.entity_id))
        assert thing is not None
        if change.kind == "create":
            self._known(change.entity)[str(change.entity_id)] = None
        else:
            thing.update(change.inverse)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _note(
        self,
        kind: ChangeKind,
        name: str,
        id: str | None,
        forward: Entity,
        inverse: Entity,
        entity: Entity,
        *,
        follows: bool = False,
    ) -> None:
        declared = registry.find(name)
        if not declared.tempo.isdisjoint(forward.keys() | inverse.keys()):
            self.retimed, self.tempo_map = True, None
        self._grow(declared, kind, forward, inverse, 1)
        parent_id = entity[declared.parent_field] if declared.parent != "project" else None
        self.changes.append(Change(kind, name, id, forward, inverse, parent_id, follows, self.group))

    def _grow(self, kind: EntityType, change: ChangeKind, forward: Entity, inverse: Entity, sign: int) -> None:
        if change in ("create", "delete"):
            self.growth[kind.name] += sign if change == "create" else -sign
        if (weight := kind.weight) is not None and (weight.field in forward or weight.field in inverse):
            after, before = weight.of(forward.get(weight.field)), weight.of(inverse.get(weight.field))
            self.growth[weight.name] += sign * (after - before)

    async def _read(self, name: str, ids: Iterable[str]) -> None:
        """What is a part of something else is read with that, which is told with all its parts."""
        unknown = [id for id in ids if id not in self._known(name)]
        if not unknown or name in self._complete:
            return
        kind = registry.find(name)
        if kind.within == "parent":
            await self.all(kind.parent)
        else:
            self._learn(name, await table.get(self.connection, kind.table, self.id, unknown))

    def _touch(self, entity: Entity) -> None:
        if "updatedAt" in entity:
            entity["updatedAt"] = self.now

    def _known(self, name: str) -> dict[str, Entity | None]:
        return self._entities.setdefault(name, {})

    def _sorted(self, name: str, found: Iterable[Entity]) -> list[Entity]:
        fields = registry.find(name).table.sorted_by
        return sorted(found, key=lambda each: [each[field] for field in fields])

    def _learn(self, name: str, found: Iterable[Entity]) -> None:
        """What was changed or deleted here is newer than what is read."""
        parts = registry.parts_of(registry.find(name))
        for entity in found:
            for part in parts:
                self._learn(part.name, entity.pop(part.plural))
                self._naming.add((part.name, part.parent_field, entity["id"]))
            self._known(name).setdefault(entity["id"], entity)
