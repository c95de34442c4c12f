"""What there is to read of projects: whole, as they are now, and what has changed since some revision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from bus import events
from dawg_server.database import operations, projects
from dawg_server.database.pool import Database
from dawg_server.daw import entity as registry
from dawg_server.daw.entity import EntityType
from dawg_server.wire import is_uuid

MAX_CATCH_UP = 1000  # operations; who missed more gets a snapshot
MAX_CATCH_UP_BYTES = 2**20  # of operations as JSON; likewise


class ProjectReader:
    """Every project of the server, for those who may see it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def role(self, project_id: str, user_id: str) -> str | None:
        return await projects.role(self._database, project_id, user_id) if is_uuid(project_id) else None

    async def roles(self, project_id: str, user_ids: Collection[str]) -> dict[str, str]:
        """Of those who may see the project."""
        return await projects.roles(self._database, project_id, user_ids)

    async def snapshot(self, project_id: str, user_id: str) -> dict[str, Any]:
        """The project as it was at one moment, which `revision` names, and the caller's `role`.

        `tracks` (each with its `sends` and `clips`), the lists of other entities, `audioFiles` (with `storageKey`, of
        which links are made) and `collaborators`.
        """
        known = is_uuid(project_id)
        row = await projects.snapshot(self._database, project_id, user_id, registry.tables()) if known else None
        registry.check(row["role"] if row else None, "viewer")
        assert row is not None
        members = row["collaborators"]
        if not any(member["userId"] == user_id for member in members):  # a reader of a public project
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
        if any(registry.sets_tempo(each["operation"]["entity"], each["operation"]["changes"]) for each in rows):
            things["tempo"] = registry.tempo_of({**row, **row["project"]})
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
