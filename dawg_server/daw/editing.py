"""One transaction on one project: commands are planned on a draft, and their changes are stored as operations."""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from bus import events
from dawg_server import errors
from dawg_server.database import operations, tracks
from dawg_server.database.pool import Connection
from dawg_server.database.table import Batch
from dawg_server.daw import access, ordering, timing
from dawg_server.daw import commands as catalogue
from dawg_server.daw import entity as registry
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command, Spec
from dawg_server.daw.draft import Change, Draft, touched
from dawg_server.daw.entity import Entity


@dataclass(frozen=True, slots=True)
class Executed:
    """`results`: what each command has to tell. `operations`: as clients see them, empty when nothing was different.

    `replayed`: this client operation was executed before, and this is its first answer. `locks`: the rows of the track
    locks that others hold at present.
    """

    revision: int
    results: list[dict[str, Any]]
    operations: list[dict[str, Any]] = field(default_factory=list)
    group_id: str | None = None
    replayed: bool = False
    locks: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class ClientOperation:
    """A client operation: its `id`, and the SHA-256 of what it asks for."""

    id: str
    digest: bytes


class Editing:
    """Use it through `Document.editing`. `connection` is inside of the transaction; `news` go out after the commit."""

    def __init__(self, connection: Connection, project_id: str, by: Actor, *, whole: bool = False) -> None:
        """`whole`: one call is the whole transaction, which it ends."""
        self.connection = connection
        self.news: list[events.ProjectChanged] = []
        self._project_id = project_id
        self._by = by
        self._whole = whole

    async def execute(
        self,
        commands: Sequence[Command],
        *,
        group: str | None = None,
        base_revision: int | None = None,
        client_operation_id: str | None = None,
        first_of_all: Callable[[], Awaitable[dict[str, Any]]] | None = None,
    ) -> Executed:
        """Everything or nothing. See `Document.execute`.

        `first_of_all` writes something else before, unless this is a repetition; what it returns is told with the first
        result.
        """
        requested = [_check(command) for command in commands]
        role = max((spec.role for spec, _ in requested), key=access.RANKS.__getitem__, default="viewer")
        once = _once(client_operation_id, [(spec.name, values) for spec, values in requested])
        draft, first = await self._open(role, _named(requested), once)
        draft.turn = group
        if first is not None:
            return _replayed(first, draft)
        more = await first_of_all() if first_of_all is not None else {}
        results = [await spec.plan(draft, values) for spec, values in requested]
        if more:
            results[0] |= more
        if base_revision is not None:
            await _check_base(draft, base_revision)
        return await self._store(draft, results, group, once)

    async def follow_recording(self, audio_file_id: str, length: float) -> None:
        """Clips end where their recording does, which has turned out to be `length` seconds long."""
        row = await operations.lock(self.connection, self._project_id, self._by.user_id)
        if row is None:
            return
        draft = Draft(self.connection, self._by.user_id, row, {})
        for clip in await draft.naming("clip", "audioFileId", audio_file_id):
            draft.update("clip", clip["id"], timing.fitted(clip, length), follows=True)
        await self._store(draft, [], None, None)

    async def _open(
        self, role: str, named: dict[str, list[str]], once: ClientOperation | None
    ) -> tuple[Draft, dict[str, Any] | None]:
        """(the draft, the answer to the first use of that client operation).

        Raises `IdempotencyConflict` when the first use was for something else.
        """
        row = await operations.lock(
            self.connection,
            self._project_id,
            self._by.user_id,
            named={(kind := registry.find(name)).plural: (kind.table, ids) for name, ids in named.items()},
            client_operation_id=once.id if once else None,
        )
        access.check(row["role"] if row else None, role)
        assert row is not None
        replay = row.get("replay")
        if replay and once and replay["digest"] not in (None, once.digest.hex()):
            raise errors.IdempotencyConflict(
                "This clientOperationId was used before for something else. Use a new one for each change.",
                details={"clientOperationId": "was used before for something else"},
            )
        return Draft(self.connection, self._by.user_id, row, named), replay["reply"] if replay else None

    async def _store(
        self,
        draft: Draft,
        results: list[dict[str, Any]],
        group: str | None,
        once: ClientOperation | None,
    ) -> Executed:
        source, travelled = draft.source or self._by.source, draft.source is not None
        revision = draft.revision + len(draft.changes)
        for result in results:
            if "project" in result:
                result["project"] |= {"revision": revision, "updatedAt": draft.now}
        group = (None if travelled else group) or str(uuid.uuid4())
        stored = [
            _operation(change, number, change.group or group, self._by.user_id, source, draft.now)
            for number, change in enumerate(draft.changes, draft.revision + 1)
        ]
        group = stored[0]["groupId"] if stored else group
        batch = Batch()
        if stored:
            for change in draft.changes:
                change.write(batch)
            operations.append(
                batch, self._project_id, stored, draft.changes, client_operation_id=once.id if once else None
            )
            operations.advance(batch, self._project_id, len(stored))
            self.news.append(
                events.ProjectChanged(
                    project_id=self._project_id,
                    revision=revision,
                    operations=stored,
                    things=await _things(draft, revision),
                    user_id=self._by.user_id,
                    username=draft.username,
                    source=source,
                    group_id=group,
                    cause=draft.source,
                    group_ids=draft.travelled,
                    skip_sid=None if draft.travelled else self._by.sid,
                    client_operation_id=once.id if once else None,
                    own=self._by.source in ("rest", "restore") and self._by.sid is None,
                )
            )
        if once is not None:
            reply = {
                "revision": revision,
                "results": results,
                "groupId": group if stored else None,
                "operations": stored,
            }
            operations.remember(batch, self._project_id, self._by.user_id, once.id, once.digest, reply)
        if draft.attached:
            tracks.attach(batch, self._project_id, draft.attached)
        await batch.run(self.connection, finish=self._whole)
        return Executed(revision, results, stored, group if stored else None, locks=draft.locks)


def _once(client_operation_id: str | None, asked: Any) -> ClientOperation | None:
    if client_operation_id is None:
        return None
    return ClientOperation(
        client_operation_id, hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).digest()
    )


def _replayed(first: dict[str, Any], draft: Draft) -> Executed:
    return Executed(
        first["revision"], first["results"], first["operations"], first["groupId"], replayed=True, locks=draft.locks
    )


def _check(command: Command) -> tuple[Spec, dict[str, Any]]:
    spec = catalogue.find(command.name)
    return spec, dict(command.parameters) if command.checked else spec.parameters.check(command.parameters)


def _named(requested: Iterable[tuple[Spec, dict[str, Any]]]) -> dict[str, list[str]]:
    """The entities that commands name, so that they are read together with the lock."""
    named: dict[str, dict[str, None]] = defaultdict(dict)
    for spec, values in requested:
        for name, id in spec.parameters.ids(values):
            if registry.known(name):
                named[name][id] = None
    return {kind: list(ids) for kind, ids in named.items()}


async def _check_base(draft: Draft, base: int) -> None:
    if base > draft.revision:
        sentence = f"is beyond the present revision, which is {draft.revision}"
        raise errors.ValidationError(f"baseRevision {sentence}.", details={"baseRevision": sentence})
    if base == draft.revision or not draft.changes:
        return
    later = set(touched(await operations.touched_since(draft.connection, draft.id, base)))
    changed = {(entity, id) for entity, id, _ in later}
    for change in draft.changes:
        if change.kind == "create":
            continue
        if change.kind == "delete":
            clash = (change.entity, change.entity_id) in changed
        else:
            mine = touched(
                [
                    {
                        "kind": change.kind,
                        "entity": change.entity,
                        "entity_id": change.entity_id,
                        "forward": change.forward,
                    }
                ]
            )
            clash = any(each in later for each in mine)
        if clash:
            raise errors.RevisionConflict(
                details={"current": _current(draft, change), "revision": draft.revision, "entity": change.entity}
            )


def _current(draft: Draft, change: Change) -> Any:
    """What stands in the database: the draft without its own changes."""
    if change.kind == "reorder" or change.entity_id is None:
        return change.inverse[registry.find(change.entity).orders]
    thing: Entity = dict(draft.find(change.entity, change.entity_id) or {"id": change.entity_id})
    for each in reversed(draft.changes):
        if each.entity == change.entity and each.entity_id == change.entity_id:
            thing |= each.inverse
    return thing


def _operation(change: Change, revision: int, group: str, actor_id: str, source: str, now: str) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "revision": revision,
        "groupId": group,
        "actorId": actor_id,
        "source": source,
        "kind": change.kind,
        "entity": change.entity,
        "entityId": change.entity_id,
        "changes": change.forward,
        "createdAt": now,
    }


async def _things(draft: Draft, revision: int) -> dict[str, dict[str, Any]]:
    """What was created or changed, as it is now, by kind and id; of what is shown as a part of its track, the track,
    and the track's id.

    `order`: by kind, the places of all entities that stand beside those that were moved.
    """
    touched: dict[str, dict[str, Any]] = defaultdict(dict)
    order: dict[str, dict[str, int]] = {}
    for change in draft.changes:
        kind = registry.find(change.entity)
        if change.entity_id is None:
            places = await ordering.siblings(draft, kind, change.parent_id or draft.id)
            order.setdefault(kind.name, {}).update({each["id"]: each["order"] for each in places})
        elif kind.within == "parent":
            touched[kind.name][change.entity_id] = change.parent_id
            touched[kind.parent][str(change.parent_id)] = None
        else:
            touched[kind.name][change.entity_id] = None
    shown = {
        name: {
            id: draft.shown(name, id) if parent is None else parent
            for id, parent in things.items()
            if parent is not None or draft.find(name, id)
        }
        for name, things in touched.items()
    }
    for project in shown.get("project", {}).values():
        project |= {"revision": revision, "updatedAt": draft.now}
    return {**shown, "order": order}
