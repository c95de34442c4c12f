"""The shared document: the one door through which projects are read and changed.

    executed = await document.execute(project_id, [Command("updateTrack", {...})], by=Actor(user_id, "rest"))

The mouse (REST, sockets), the text assistant, the voice assistant and jobs all come through here, so each change is
checked, stored with its inverse, counted by the project's revision and told to everybody in the same way.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any

from bus import events
from bus.local import LocalBus
from dawg_server import errors
from dawg_server.database import (
    ForeignKeyViolation,
    IntegrityError,
    UniqueViolation,
    constraint,
    operations,
    projects,
    tracks,
)
from dawg_server.database.pool import Connection, Database
from dawg_server.daw import (  # noqa: F401 (entities and history declare commands)
    access,
    entities,
    history,
)
from dawg_server.daw import entity as registry
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.editing import Editing, Executed
from dawg_server.daw.entity import EntityType
from dawg_server.keyed_lock import KeyedLock
from dawg_server.wire import is_uuid

MAX_CATCH_UP = 1000  # operations; who missed more gets a snapshot
LOCK_PATIENCE = 10.0  # seconds that a writer waits for those before it
MAX_CATCH_UP_BYTES = 2**20  # of operations as JSON; likewise


class Document:
    """Every project of the server. Subscribers of `ProjectChanged` must not await a change of the same project."""

    def __init__(self, database: Database, bus: LocalBus) -> None:
        self._database, self._bus = database, bus
        # One writer per project in this process: the others wait here instead of each holding a database session. News
        # of a project are published while it is locked, so they keep their order.
        self._locks = KeyedLock(patience=LOCK_PATIENCE, late=_busy)

    # -- writing -------------------------------------------------------------------------------------------------------

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
        if not is_uuid(project_id):
            access.check(None, "viewer")
        async with self._locks.holding(project_id):
            try:
                async with self._database.transaction() as connection:
                    editing = Editing(connection, project_id, by, whole=whole)
                    yield editing
            except IntegrityError as error:
                raise _refused(error) from error
            for event in editing.news:
                await self._bus.publish(event)

    async def measured(self, audio_file_id: str, length: float, store: Callable[[Connection], Awaitable[None]]) -> None:
        """Stores what was measured of a recording; clips that would outlast its `length` (seconds) follow at once."""
        playing = await tracks.projects_playing(self._database, audio_file_id)
        while (others := await self._measured(audio_file_id, length, store, playing)) is not None:
            playing = others

    async def _measured(
        self,
        audio_file_id: str,
        length: float,
        store: Callable[[Connection], Awaitable[None]],
        project_ids: Sequence[str],
    ) -> list[str] | None:
        """None when it is done, else all the projects that have to be locked before the recording is."""
        async with contextlib.AsyncExitStack() as stack:
            for project_id in project_ids:
                await stack.enter_async_context(self._locks.holding(project_id))
            news: list[events.ProjectChanged] = []
            async with self._database.transaction() as connection:
                for project_id in project_ids:
                    await operations.lock(connection, project_id, "")
                recording = await tracks.lock_recording(connection, audio_file_id)
                if recording is None:  # deleted meanwhile
                    return None
                playing = await tracks.projects_playing(connection, audio_file_id)
                if not set(playing) <= set(project_ids):
                    return playing
                await store(connection)
                for project_id in playing:
                    editing = Editing(connection, project_id, Actor(str(recording["owner_id"]), "measuring"))
                    await editing.follow_recording(audio_file_id, length)
                    news += editing.news
            for event in news:
                await self._bus.publish(event)
        return None

    async def create(self, owner_id: str, values: dict[str, Any]) -> dict[str, Any]:
        """A new project with the (checked) fields of the entity `project`."""
        return await projects.insert(self._database, owner_id, values)

    async def delete(self, project_id: str, user_id: str) -> None:
        """Removes a project and everything in it, for good. Only its owner may."""
        access.check(await self.role(project_id, user_id), "owner")
        async with self._locks.holding(project_id):
            if not await projects.delete(self._database, project_id):
                access.check(None, "owner")
        await self._bus.publish(events.ProjectDeleted(project_id=project_id, user_id=user_id))

    # -- reading -------------------------------------------------------------------------------------------------------

    async def role(self, project_id: str, user_id: str) -> str | None:
        return await projects.role(self._database, project_id, user_id) if is_uuid(project_id) else None

    async def snapshot(self, project_id: str, user_id: str) -> dict[str, Any]:
        """The project as it was at one moment, which `revision` names, and the caller's `role`.

        `tracks` (each with its `sends` and `clips`), the lists of other entities, `audioFiles` (with `storageKey`, of
        which links are made) and `collaborators`.
        """
        known = is_uuid(project_id)
        row = await projects.snapshot(self._database, project_id, user_id, registry.tables()) if known else None
        access.check(row["role"] if row else None, "viewer")
        assert row is not None
        members = row["collaborators"]
        if not any(member["userId"] == user_id for member in members):  # a visitor of a public project
            members = [member | {"email": None} for member in members if member["acceptedAt"] is not None]
        people = {"audioFiles": row["audioFiles"], "collaborators": members, "role": row["role"]}
        return {**row["project"], **_nested(row), **people}

    async def missed(self, project_id: str, since: int, revision: int) -> list[dict[str, Any]] | None:
        """The operations after `since`, or None when only a snapshot helps: too much, or an unknown revision."""
        if since > revision or revision - since > MAX_CATCH_UP:
            return None
        if await operations.size_since(self._database, project_id, since) > MAX_CATCH_UP_BYTES:
            return None
        return await operations.since(self._database, project_id, since, MAX_CATCH_UP)

    async def revisions(self, project_ids: Sequence[str]) -> dict[str, int]:
        """The present revision of each of those projects that is still there."""
        return await projects.revisions(self._database, project_ids)

    async def news_since(self, project_id: str, revision: int) -> list[events.ProjectChanged]:
        """What was told about the changes after `revision`, put together from the log: one event for each operation,
        with the things as they are by now. Of more than `MAX_CATCH_UP` the newest.

        Which groups an undo took back is not in the log, so these events do not say it.
        """
        rows = await operations.newest_since(self._database, project_id, revision, MAX_CATCH_UP)
        if not rows:
            return []
        actor_id = rows[0]["operation"]["actorId"]
        row = await projects.snapshot(self._database, project_id, actor_id, registry.tables())
        if row is None:
            return []
        things: dict[str, dict[str, Any]] = {"order": {}, "project": {project_id: row["project"]}}
        for kind in registry.contents():
            if kind.within == "parent":  # their tracks are told instead
                found = {each["id"]: each[kind.parent_field] for each in _parts(row, kind)}
                gone = {each["operation"]["entityId"]: each["track_id"] for each in rows if _about(each, kind)}
                things[kind.name] = gone | found
            else:
                things[kind.name] = {each["id"]: each for each in row[kind.plural]}
            if kind.ordered:
                things["order"][kind.name] = {each["id"]: each["order"] for each in row[kind.plural]}
        return [_news(project_id, row["operation"], row["username"], things) for row in rows]


def _nested(row: dict[str, Any]) -> dict[str, list[Any]]:
    """The lists of a snapshot, those that are shown with their parents under these."""
    lists = {kind.plural: row[kind.plural] for kind in registry.contents() if kind.within == "project"}
    for kind in registry.contents():
        if kind.within == "whole parent":
            found = defaultdict(list)
            for each in row[kind.plural]:
                found[each[kind.parent_field]].append(each)
            parents = registry.find(kind.parent).plural
            lists[parents] = [{**each, kind.plural: found.get(each["id"], [])} for each in lists[parents]]
    return lists


def _parts(row: dict[str, Any], kind: EntityType) -> Iterator[dict[str, Any]]:
    for parent in row[registry.find(kind.parent).plural]:
        yield from parent[kind.plural]


def _about(logged: dict[str, Any], kind: EntityType) -> bool:
    return logged["operation"]["entity"] == kind.name and logged["track_id"] is not None


def _news(
    project_id: str, operation: dict[str, Any], username: str, things: dict[str, dict[str, Any]]
) -> events.ProjectChanged:
    source = operation["source"]
    return events.ProjectChanged(
        project_id=project_id,
        revision=operation["revision"],
        operations=[operation],
        things=things,
        user_id=operation["actorId"],
        username=username,
        source=source,
        group_id=operation["groupId"],
        cause=source if source in ("undo", "redo") else None,
    )


def _busy() -> errors.DependencyUnavailable:
    return errors.DependencyUnavailable("database", "Too many people are changing this project at once. Try again.")


def _refused(error: Exception) -> errors.DawgError:
    """What slipped past the checks because two things happened at once."""
    name = constraint(error)
    if isinstance(error, UniqueViolation):
        return errors.Conflict("That exists already.", details={"constraint": name})
    if isinstance(error, ForeignKeyViolation):
        return errors.Conflict("Something that this needs was deleted meanwhile.", details={"constraint": name})
    return errors.ValidationError("A value is out of range.", details={"constraint": name})
