"""The working copy of a project while its one writer holds the lock.

Commands read from it and change it; nothing reaches the database before every command of the call has succeeded. What
they need is read when they first ask for it, so that a small change to a large project stays small.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dawg_server import errors
from dawg_server.database import clips, table, tracks
from dawg_server.database.pool import Connection
from dawg_server.database.table import Batch
from dawg_server.daw import entities
from dawg_server.schema import spoken

Entity = dict[str, Any]
Kind = Literal["create", "update", "delete", "reorder"]

ORDERS = "trackOrders"  # what a reorder holds: [{id, order}] of the tracks that move


@dataclass(frozen=True, slots=True)
class Change:
    """One step. `forward` and `inverse` hold wire fields with their values after and before it.

    create: everything / nothing. update: the fields that differ. delete: nothing / everything.
    reorder (of tracks): `trackOrders` with the new and the old places; it has no entity id.
    `track_id`: of a send, the track that it comes from. `follows`: it follows another change by itself (`following`).
    `group`: the undo group that it belongs to, if not to that of its call.
    """

    kind: Kind
    entity: str
    entity_id: str | None
    forward: dict[str, Any]
    inverse: dict[str, Any]
    track_id: str | None = None
    follows: bool = False
    group: str | None = None

    def write(self, batch: Batch) -> None:
        rows = entities.find(self.entity).table
        if self.kind == "reorder":
            tracks.reorder(batch, self.forward[ORDERS])
            return
        assert self.entity_id is not None
        if self.kind == "create":
            rows.insert(batch, self.forward)
        elif self.kind == "update":
            rows.update(batch, self.entity_id, self.forward)
        else:
            rows.delete(batch, self.entity_id)


class Draft:
    """`project` is the project's own fields; `role`, `username` are the actor's; `now` is the transaction's time.

    `locks` are those of tracks that others hold.
    """

    def __init__(
        self, connection: Connection, user_id: str, row: Mapping[str, Any], named: Mapping[str, Iterable[str]]
    ) -> None:
        """`row` is what `projects.lock` has read, `named` the ids of tracks and clips that it was asked for."""
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
        self.attached: set[str] = set()  # recordings that become the project's own
        self.group: str | None = None  # of the changes that come now, if not that of the call
        # None stands for what is known not to be there.
        self._entities: dict[str, dict[str, Entity | None]] = {each.name: {} for each in entities.every()}
        self._tracks, self._sends, self._clips = (self._entities[name] for name in ("track", "send", "clip"))
        self._complete: set[str] = set()  # kinds of which everything is known
        self._recordings: dict[str, Entity | None] = {}
        self._all_tracks = False
        self._with_clips: set[str] = set()  # tracks all of whose clips are known
        self._learn_tracks(row.get("tracks") or ())
        self._learn_clips(row.get("clips") or ())
        for entity in ("track", "clip"):
            for id in named.get(entity, ()):
                self._known(entity).setdefault(id, None)

    # -- reading -------------------------------------------------------------------------------------------------------

    async def track(self, id: str) -> Entity:
        """The track, without its sends; `NotFound` if the project has none of that id."""
        if id not in self._tracks and not self._all_tracks:
            found = [each for each in await tracks.get(self.connection, [id]) if each["projectId"] == self.id]
            self._learn_tracks(found)
        track = self._tracks.setdefault(id, None)
        if track is None:
            raise missing("track", id)
        return track

    async def tracks(self) -> list[Entity]:
        """All tracks, in order."""
        if not self._all_tracks:
            self._learn_tracks(await tracks.of_project(self.connection, self.id))
            self._all_tracks = True
        return sorted((each for each in self._tracks.values() if each), key=lambda each: each["order"])

    async def clip(self, id: str) -> Entity:
        if id not in self._clips:
            self._learn_clips(await clips.get(self.connection, self.id, [id]))
        clip = self._clips.setdefault(id, None)
        if clip is None:
            raise missing("clip", id)
        return clip

    async def clips_of(self, track_id: str) -> list[Entity]:
        """All clips of a track, by time."""
        if track_id not in self._with_clips:
            self._learn_clips(await clips.of_tracks(self.connection, [track_id]))
            self._with_clips.add(track_id)
        found = [each for each in self._clips.values() if each and each["trackId"] == track_id]
        return sorted(found, key=lambda each: (each["startTime"], each["id"]))

    async def get(self, name: str, id: str) -> Entity:
        """An entity of any kind; raises `NotFound`."""
        if name == "track":
            return await self.track(id)
        if name == "clip":
            return await self.clip(id)
        known = self._entities[name]
        if name == "send":
            await self.tracks()
        elif id not in known and name not in self._complete:
            self._learn(name, await table.get(self.connection, entities.find(name).table, self.id, [id]))
        if (entity := known.setdefault(id, None)) is None:
            raise missing(name, id)
        return entity

    async def all(self, name: str) -> list[Entity]:
        """Every entity of a kind."""
        if name == "track":
            return await self.tracks()
        if name == "send":
            return await self.sends()
        if name == "clip":
            return [clip for track in await self.tracks() for clip in await self.clips_of(track["id"])]
        if name not in self._complete:
            self._learn(name, await table.of_project(self.connection, entities.find(name).table, self.id))
            self._complete.add(name)
        return [each for each in self._entities[name].values() if each]

    async def naming(self, name: str, field: str, id: str) -> list[Entity]:
        """The entities of a kind whose field is this id."""
        if (name, field) == ("clip", "trackId"):
            return await self.clips_of(id)
        return [each for each in await self.all(name) if each[field] == id]

    async def note_clips(self) -> list[Entity]:
        """All clips of notes."""
        self._learn_clips(await clips.with_notes(self.connection, self.id))
        return [each for each in self._clips.values() if each and each["midiData"] is not None]

    async def clips_playing(self, audio_file_id: str) -> list[Entity]:
        """All clips that play this recording."""
        self._learn_clips(await clips.playing(self.connection, self.id, audio_file_id))
        return [each for each in self._clips.values() if each and each["audioFileId"] == audio_file_id]

    async def send(self, track_id: str, id: str) -> Entity:
        await self.track(track_id)
        send = self._sends.get(id)
        if send is None or send["trackId"] != track_id:
            raise missing("send", id)
        return send

    async def sends(self) -> list[Entity]:
        """All sends of all tracks."""
        await self.tracks()
        return [each for each in self._sends.values() if each]

    async def recording(self, id: str) -> Entity | None:
        """`id, owner_id, project_id, duration, original_name, filename, played`, or None."""
        if id not in self._recordings:
            self._recordings[id] = await clips.recording(self.connection, self.id, id)
        return self._recordings[id]

    def find(self, entity: str, id: str) -> Entity | None:
        """What is known already."""
        return self.project if entity == "project" else self._known(entity).get(id)

    def shown(self, entity: str, id: str) -> Entity:
        """As clients see it: a track has its sends with it."""
        thing = self.find(entity, id)
        assert thing is not None
        if entity != "track":
            return dict(thing)
        return {**thing, "sends": [dict(each) for each in self._sends_of(id)]}

    # -- changing ------------------------------------------------------------------------------------------------------

    def create(self, entity: str, fields: Mapping[str, Any]) -> Entity:
        """`fields` are complete but for the id."""
        thing = {"id": str(uuid.uuid4()), **fields}
        self._note("create", entity, thing["id"], thing, {}, thing)
        shown = {**thing, "createdAt": self.now, "updatedAt": self.now} if entity != "send" else dict(thing)
        self._known(entity)[thing["id"]] = shown
        if entity == "track":
            self._with_clips.add(thing["id"])
        return shown

    def update(self, entity: str, id: str, fields: Mapping[str, Any], *, follows: bool = False) -> None:
        """Only what differs is a change. `follows`: it follows another change by itself."""
        thing = self.find(entity, id)
        assert thing is not None
        forward = {name: value for name, value in fields.items() if thing[name] != value}
        if not forward:
            return
        self._note("update", entity, id, forward, {name: thing[name] for name in forward}, thing, follows=follows)
        thing.update(forward)
        self._touch(thing)

    def delete(self, entity: str, id: str) -> None:
        """Nothing may depend on it any more."""
        thing = self.find(entity, id)
        assert thing is not None
        self._note("delete", entity, id, {}, {name: thing[name] for name in entities.find(entity).table.fields}, thing)
        self._known(entity)[id] = None

    def reorder(self, orders: Mapping[str, int]) -> None:
        """Moves tracks to other places; all of them are known."""
        before = {id: track["order"] for id in orders if (track := self._tracks[id]) is not None}
        moved = {id: order for id, order in orders.items() if before[id] != order}
        if not moved:
            return
        self._note("reorder", "track", None, _orders(moved), _orders({id: before[id] for id in moved}), {})
        for id, order in moved.items():
            track = self._tracks[id]
            assert track is not None
            track["order"] = order
            self._touch(track)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _note(
        self,
        kind: Kind,
        entity: str,
        id: str | None,
        forward: Entity,
        inverse: Entity,
        thing: Entity,
        *,
        follows: bool = False,
    ) -> None:
        track_id = thing["trackId"] if entity == "send" else None
        self.changes.append(Change(kind, entity, id, forward, inverse, track_id, follows, self.group))

    def _touch(self, thing: Entity) -> None:
        if "updatedAt" in thing:
            thing["updatedAt"] = self.now

    def _known(self, entity: str) -> dict[str, Entity | None]:
        return self._entities[entity]

    def _sends_of(self, track_id: str) -> list[Entity]:
        found = [each for each in self._sends.values() if each and each["trackId"] == track_id]
        return sorted(found, key=lambda each: str(each["id"]))

    def _learn(self, name: str, found: Iterable[Entity]) -> None:
        for entity in found:
            self._entities[name].setdefault(entity["id"], entity)

    def _learn_tracks(self, found: Iterable[Entity]) -> None:
        for track in found:
            if track["id"] not in self._tracks:  # what was changed or deleted here is newer
                for send in track.pop("sends"):
                    self._sends[send["id"]] = send
                self._tracks[track["id"]] = track

    def _learn_clips(self, found: Iterable[Entity]) -> None:
        for clip in found:
            self._clips.setdefault(clip["id"], clip)


def missing(kind: str, *ids: str) -> errors.NotFound:
    names = "There is no such" if len(ids) == 1 else "Some are not in this project:"
    return errors.NotFound(f"{names} {spoken(kind)}.", details={"kind": kind, "missing": list(ids)})


def touched(operations: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """(entity, id, field) of everything that operations (rows of the log) have changed; field "*" stands for all."""
    for operation in operations:
        if operation["kind"] == "reorder":
            for pair in operation["forward"][ORDERS]:
                yield "track", pair["id"], "order"
        elif operation["kind"] == "update":
            for field in operation["forward"]:
                yield operation["entity"], operation["entity_id"], field
        else:
            yield operation["entity"], operation["entity_id"], "*"


def _orders(places: Mapping[str, int]) -> dict[str, Any]:
    return {ORDERS: [{"id": id, "order": order} for id, order in places.items()]}
