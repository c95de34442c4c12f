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
from dawg_server.database import clips, operations
from dawg_server.database.pool import Connection
from dawg_server.database.table import Batch
from dawg_server.daw import access, history
from dawg_server.daw import commands as catalogue
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command, Spec
from dawg_server.daw.draft import ORDERS, Change, Draft, Entity, touched
from dawg_server.daw.following import follow_recording


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
        if first is not None:
            return _replayed(first, draft)
        more = await first_of_all() if first_of_all is not None else {}
        results = [await spec.plan(draft, values) for spec, values in requested]
        if more:
            results[0] |= more
        if base_revision is not None:
            await _check_base(draft, base_revision)
        return await self._store(draft, results, self._by.source, group, once)

    async def undo(self, steps: int, client_operation_id: str | None = None, *, within: str | None = None) -> Executed:
        """Takes back the caller's own newest groups; see `history`."""
        once = _once(client_operation_id, ["undo", steps])
        draft, first = await self._open("editor", {}, once)
        if first is not None:
            return _replayed(first, draft)
        return await self._travelled(
            draft, "undo", await history.undo(draft, self._by.user_id, steps, within=within), once
        )

    async def redo(self, steps: int, client_operation_id: str | None = None) -> Executed:
        """Repeats what the caller has taken back, the latest first."""
        once = _once(client_operation_id, ["redo", steps])
        draft, first = await self._open("editor", {}, once)
        if first is not None:
            return _replayed(first, draft)
        return await self._travelled(draft, "redo", await history.redo(draft, self._by.user_id, steps), once)

    async def follow_recording(self, audio_file_id: str, length: float) -> None:
        """Clips end where their recording does, which has turned out to be `length` seconds long."""
        row = await operations.lock(self.connection, self._project_id, self._by.user_id)
        if row is None:
            return
        draft = Draft(self.connection, self._by.user_id, row, {})
        for clip in await draft.clips_playing(audio_file_id):
            follow_recording(draft, clip, length)
        await self._store(draft, [], self._by.source, None, None)

    async def _travelled(
        self, draft: Draft, way: str, travelled: history.Travelled, once: ClientOperation | None
    ) -> Executed:
        result = {"groupIds": travelled.groups, "steps": travelled.steps, "skipped": travelled.skipped}
        return await self._store(draft, [result], way, None, once, groups=travelled.groups)

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
            track_ids=named.get("track", ()),
            clip_ids=named.get("clip", ()),
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
        source: str,
        group: str | None,
        once: ClientOperation | None,
        *,
        groups: Sequence[str] = (),
    ) -> Executed:
        revision = draft.revision + len(draft.changes)
        for result in results:
            if "project" in result:
                result["project"] |= {"revision": revision, "updatedAt": draft.now}
        group = group or str(uuid.uuid4())
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
                    cause=source if source in ("undo", "redo") else None,
                    group_ids=list(groups),
                    skip_sid=None if groups else self._by.sid,
                    client_operation_id=once.id if once else None,
                    own=self._by.source == "rest" and self._by.sid is None,
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
            clips.attach(batch, self._project_id, draft.attached)
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
    """The tracks and clips that commands name, so that they are read together with the lock."""
    named: dict[str, dict[str, None]] = defaultdict(dict)
    for spec, values in requested:
        for kind, id in spec.parameters.ids(values):
            named[kind][id] = None
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
        return change.inverse[ORDERS]
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
    """What was created or changed, as it is now; of each touched send, its track's id.

    `order`: the places of all tracks, when some were moved.
    """
    tracks: dict[str, None] = {}
    clip_ids: dict[str, None] = {}
    sends: dict[str, str] = {}
    for change in draft.changes:
        if change.entity == "send" and change.entity_id and change.track_id:
            sends[change.entity_id] = change.track_id
            tracks[change.track_id] = None
        elif change.entity_id and change.entity in ("track", "clip"):
            (tracks if change.entity == "track" else clip_ids)[change.entity_id] = None
    others: dict[str, dict[str, Any]] = defaultdict(dict)
    for change in draft.changes:
        known = change.entity_id is not None and change.entity not in ("project", "send", "track", "clip")
        if known and change.entity_id and draft.find(change.entity, change.entity_id):
            others[change.entity][change.entity_id] = draft.shown(change.entity, change.entity_id)
    changed = any(change.entity == "project" for change in draft.changes)
    project = {**draft.shown("project", draft.id), "revision": revision, "updatedAt": draft.now} if changed else None
    order = await draft.tracks() if any(change.kind == "reorder" for change in draft.changes) else []
    return {
        "track": {id: draft.shown("track", id) for id in tracks if draft.find("track", id)},
        "clip": {id: draft.shown("clip", id) for id in clip_ids if draft.find("clip", id)},
        "send": sends,
        "order": {track["id"]: track["order"] for track in order},
        "project": {draft.id: project} if project else {},
        **others,
    }
