"""The shared document: the one way in which projects are read and changed.

    executed = await document.execute(project_id, [Command("updateTrack", {...})], by=Actor(user_id, "rest"))

The mouse (REST, sockets), the text assistant, the voice assistant and jobs all come through here, so each change is
checked, stored with its inverse, counted by the project's revision and told to everybody in the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from bus import events
from bus.local import LocalBus
from dawg_server import errors
from dawg_server.database import IntegrityError, operations, projects, tracks
from dawg_server.database.pool import Connection, Database
from dawg_server.database.table import Batch, Table
from dawg_server.daw import (  # noqa: F401 (edits, entities and history declare commands)
    bounds,
    conflicts,
    edits,
    entities,
    freezing,
    history,
    timing,
)
from dawg_server.daw import commands as catalogue
from dawg_server.daw import entity as registry
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.draft import Draft
from dawg_server.daw.reading import ProjectReader
from dawg_server.keyed_lock import KeyedLock

LOCK_PATIENCE = 10.0  # seconds that a writer waits for those before it


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
    """Use it through `Document.editing`. `connection` is inside of the transaction; `outgoing` is published after."""

    def __init__(self, connection: Connection, project_id: str, by: Actor, *, whole: bool = False) -> None:
        """`whole`: one call is the whole transaction, which it ends."""
        self.connection = connection
        self.outgoing: list[events.ProjectEvent] = []
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
        requested = [catalogue.checked(each) for each in commands]
        role = max((spec.role for spec, _ in requested), key=registry.RANKS.__getitem__, default="viewer")
        once = _once(client_operation_id, [(spec.name, values) for spec, values in requested])
        draft, first = await self._open(role, catalogue.named(requested), once)
        draft.turn = group
        if first is not None:
            return _replayed(first, draft)
        more = await first_of_all() if first_of_all is not None else {}
        results = []
        for spec, values in requested:
            results.append(await spec.plan(draft, values))
            if draft.retimed:
                await timing.follow(draft)
        if more:
            results[0] |= more
        if draft.known("freeze"):
            await freezing.thaw(draft)
        if base_revision is not None:
            await conflicts.check_base(draft, base_revision)
        if +draft.growth:
            await bounds.check(draft)
        return await self._store(draft, results, group, once)

    async def follow_recording(self, audio_file_id: str, length: float) -> None:
        """Clips end where their recording does, which has turned out to be `length` seconds long."""
        row = await operations.lock(self.connection, self._project_id, self._by.user_id, named=_read({}))
        if row is None:
            return
        draft = Draft(self.connection, self._by.user_id, row, {})
        tempo = timing.tempo_map(draft)
        for clip in await draft.naming("clip", "audioFileId", audio_file_id):
            draft.update("clip", clip["id"], timing.fitted(clip, length, tempo), follows=True)
        if draft.known("freeze"):
            await freezing.thaw(draft)
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
            named=_read(named),
            client_operation_id=once.id if once else None,
        )
        registry.check(row["role"] if row else None, role)
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
        stored = []
        for number, change in enumerate(draft.changes, draft.revision + 1):
            await draft.pause()
            stored.append(change.operation(number, change.group or group, self._by.user_id, source, draft.now))
        group = stored[0]["groupId"] if stored else group
        if stored:
            self.outgoing.append(
                events.ProjectChanged(
                    project_id=self._project_id,
                    revision=revision,
                    operations=stored,
                    things=await draft.touched(revision),
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
            if any("isPublic" in change.forward for change in draft.changes if change.entity == "project"):
                self.outgoing.append(events.PublicityChanged(self._project_id, self._by.user_id))
        batch = Batch()
        async with batch.sent(self.connection, finish=self._whole):
            for change in draft.changes:
                await draft.pause()
                change.write(batch)
            first_id = once.id if once else None
            for operation, change in zip(stored, draft.changes, strict=True):
                await draft.pause()
                operations.append(batch, self._project_id, operation, change, client_operation_id=first_id)
                first_id = None
            if stored:
                operations.advance(batch, self._project_id, len(stored))
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
        return Executed(revision, results, stored, group if stored else None, locks=draft.locks)


class Document(ProjectReader):
    """Every project of the server. Subscribers of `ProjectChanged` must not await a change of the same project."""

    def __init__(self, database: Database, bus: LocalBus) -> None:
        super().__init__(database)
        self._bus = bus
        # One writer per project in this process: the others wait here instead of each holding a database session. News
        # of a project are published while it is locked, so they keep their order.
        self._locks = KeyedLock()

    async def execute(
        self,
        project_id: str,
        commands: Sequence[Command],
        by: Actor,
        *,
        group: str | None = None,
        base_revision: int | None = None,
        client_operation_id: str | None = None,
    ) -> Executed:
        """Runs the commands in order as one transaction: all of them, or none.

        `group`: the UUID of the undo group they belong to (a new one without it; one turn of an assistant is one).
        `base_revision`: refuse with `RevisionConflict` what somebody changed after that revision.
        `client_operation_id`: the second use by the same person returns the first answer and changes nothing.

        Raises `NotFound` (also for projects that are none of the caller's business), `Forbidden`, `ValidationError`
        and `Conflict`.
        """

        async def once() -> Executed:
            async with self.editing(project_id, by, whole=True) as editing:
                return await editing.execute(
                    commands, group=group, base_revision=base_revision, client_operation_id=client_operation_id
                )

        return await self._database.repeat(once)  # when it has to give way to another transaction

    @contextlib.asynccontextmanager
    async def editing(self, project_id: str, by: Actor, *, whole: bool = False) -> AsyncIterator[Editing]:
        """A transaction for whoever has to write something else together with a change of the document.

        `whole`: nobody has; the change itself ends the transaction.
        """
        async with self._writing(project_id):
            try:
                async with self._database.transaction() as connection:
                    editing = Editing(connection, project_id, by, whole=whole)
                    yield editing
            except IntegrityError as error:
                raise conflicts.refused(error) from error
            for event in editing.outgoing:
                await self._bus.publish(event)

    @contextlib.asynccontextmanager
    async def alone(self, project_ids: Sequence[str]) -> AsyncIterator[list[events.ProjectEvent]]:
        """For whoever changes several projects in one transaction of their own, inside of which they lock each of these
        (sorted). What they put into the list is told afterwards.
        """
        outgoing: list[events.ProjectEvent] = []
        async with contextlib.AsyncExitStack() as stack:
            for project_id in project_ids:
                await stack.enter_async_context(self._writing(project_id))
            yield outgoing
            for event in outgoing:
                await self._bus.publish(event)

    async def create(self, owner_id: str, values: dict[str, Any]) -> dict[str, Any]:
        """A new project with the (checked) fields of the entity `project`."""
        return await projects.insert(self._database, owner_id, values)

    async def delete(self, project_id: str, user_id: str) -> None:
        """Removes a project and everything in it, for good. Only its owner may."""
        registry.check(await self.role(project_id, user_id), "owner")
        async with self._writing(project_id):
            if not await projects.delete(self._database, project_id):
                registry.check(None, "owner")
        await self._bus.publish(events.ProjectDeleted(project_id=project_id, user_id=user_id))

    @contextlib.asynccontextmanager
    async def _writing(self, project_id: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault(project_id, asyncio.Lock())
        try:
            async with asyncio.timeout(LOCK_PATIENCE):
                await lock.acquire()
        except TimeoutError:
            sentence = "Too many people are changing this project at once. Try again."
            raise errors.DependencyUnavailable("database", sentence) from None
        try:
            yield
        finally:
            lock.release()


def _read(named: Mapping[str, Sequence[str]]) -> dict[str, tuple[Table, Sequence[str] | None]]:
    """What the draft has to know from the beginning: entities by their ids, and what is always read."""
    wanted: dict[str, tuple[Table, Sequence[str] | None]] = {
        (kind := registry.find(name)).plural: (kind.table, ids) for name, ids in named.items()
    }
    return wanted | {kind.plural: (kind.table, None) for kind in registry.always_read()}


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
