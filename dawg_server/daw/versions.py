"""Versions: states of a project that are kept by number and can be brought back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from dawg_server import errors, logs
from dawg_server.database import operations, versions
from dawg_server.database.pool import Connection, Database
from dawg_server.daw import entity as registry
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command, cascade, change, command
from dawg_server.daw.document import Document, Executed
from dawg_server.daw.draft import Draft
from dawg_server.daw.entity import Entity, EntityType
from dawg_server.schema import Number
from dawg_server.wire import is_uuid

MAX_NUMBER = 2**31 - 1
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")

log: structlog.stdlib.BoundLogger = logs.get("main")


class Versions:
    """Rows are those of `database.versions`. A version is kept whole, so that it outlives the log of changes."""

    def __init__(self, database: Database, document: Document) -> None:
        self._database = database
        self._document = document

    async def page(self, project_id: str, user_id: str, *, page: int, limit: int) -> tuple[list[dict[str, Any]], int]:
        """(versions, the newest first; how many there are in all)."""
        registry.check(await self._document.role(project_id, user_id), "viewer")
        return await versions.page(self._database, project_id, limit=limit, offset=(page - 1) * limit)

    async def make(self, project_id: str, user_id: str, *, name: str | None, description: str | None) -> dict[str, Any]:
        """Keeps the present state."""
        if not is_uuid(project_id):
            registry.check(None, "editor")
        async with self._database.transaction() as connection:
            made = await self._keep(connection, project_id, user_id, name=name, description=description)
        log.info("A version was made.", action="version_made", project_id=project_id, number=made["number"])
        return made

    async def restore(
        self,
        project_id: str,
        user_id: str,
        number: str,
        *,
        client_operation_id: str | None = None,
        sid: str | None = None,
    ) -> Executed:
        """Brings back a version as one group of changes, which its author can undo. `sid` as in `Actor`.

        The state before is kept as a version, too. `results[0]` tells its `savedNumber`, and `missingAudio`:
        recordings that were deleted since, whose clips cannot come back.
        """
        if not _NUMBER.fullmatch(number):
            registry.check(await self._document.role(project_id, user_id), "editor")
            raise errors.NotFound("There is no such version.", details={"kind": "version"})
        async with self._document.editing(project_id, Actor(user_id, "restore", sid)) as editing:

            async def keep() -> dict[str, Any]:
                name = f"Before restoring version {number}"
                saved = await self._keep(editing.connection, project_id, user_id, name=name, automatic=True)
                return {"savedNumber": saved["number"]}

            executed = await editing.execute(
                [Command("restoreVersion", {"number": int(number)})],
                client_operation_id=client_operation_id,
                first_of_all=keep,
            )
            await versions.prune(editing.connection, project_id)
        log.info("A version was restored.", action="version_restored", project_id=project_id, number=int(number))
        return executed

    async def _keep(self, connection: Connection, project_id: str, user_id: str, **fields: Any) -> dict[str, Any]:
        row = await operations.lock(connection, project_id, user_id)
        registry.check(row["role"] if row else None, "editor")
        made = await versions.insert(connection, project_id, user_id, tables=registry.tables(), **fields)
        assert made is not None  # because it is locked
        return made


@command(
    "restoreVersion",
    "Brings back a kept version of the project.",
    {"number": Number(1, MAX_NUMBER, "number of the version", whole=True, required=True)},
)
async def restore_version(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    """`missingAudio` are recordings that were deleted since; what plays them cannot come back."""
    number = values["number"]
    kept = await versions.snapshot(draft.connection, draft.id, number)
    if kept is None:
        raise errors.NotFound("There is no such version.", details={"kind": "version"})
    wanted, missing = await _playable(draft, _kept(kept))
    kinds = [kind for kind in registry.contents() if kind.name in wanted]

    # In this order every step, and every step backwards, finds what it needs: things go before what they hang on.
    for kind in reversed(kinds):
        await _delete_others(draft, kind, wanted[kind.name])
    for kind in filter(_carries, kinds):
        await _create(draft, kind, wanted[kind.name])
    project = registry.find("project")
    await change(draft, project, draft.project, {name: kept["project"][name] for name in project.kept})
    for kind in filter(_carries, kinds):
        await _update(draft, kind, wanted[kind.name])
    for kind in kinds:
        if not _carries(kind) and not _makes_anew(kind):
            await _put(draft, kind, wanted[kind.name])
    for kind in filter(_carries, kinds):
        for entity in await draft.all(kind.name):
            if entity["id"] not in wanted[kind.name]:
                await cascade(draft, kind.name, entity["id"])
                draft.delete(kind.name, entity["id"])
    for kind in filter(_makes_anew, kinds):
        await _put(draft, kind, wanted[kind.name])
    for kind in kinds:
        if kind.ordered:
            draft.reorder(kind.name, {id: each["order"] for id, each in wanted[kind.name].items()})
    draft.retimed = True  # of what an earlier release kept, only the own unit was true
    return {"project": draft.shown("project", draft.id), "number": number, "missingAudio": missing}


def _carries(kind: EntityType) -> bool:
    """Whether others are on it, so that it goes last and comes first."""
    return any(each.parent == kind.name for each in registry.contents())


def _makes_anew(kind: EntityType) -> bool:
    """Whether it never changes what it joins."""
    return bool(kind.unique) and not _carries(kind)


def _kept(snapshot: Mapping[str, Any]) -> dict[str, dict[str, Entity]]:
    """What a version has, by kind and id. One that is older than a kind does not say anything about it."""
    found: dict[str, dict[str, Entity]] = {}
    for kind in registry.contents():
        listed: Iterable[Entity] | None = snapshot.get(kind.plural)
        if kind.within == "parent":
            parents = snapshot[registry.find(kind.parent).plural]
            if any(kind.plural not in parent for parent in parents):
                continue
            listed = (each for parent in parents for each in parent[kind.plural])
        if listed is not None:
            if kind.units is not None:
                listed = [kind.units.upgraded(each, each, snapshot["project"]["bpm"]) for each in listed]
            found[kind.name] = {each["id"]: kind.stored(each) for each in listed}
    return found


async def _playable(draft: Draft, kept: dict[str, dict[str, Entity]]) -> tuple[dict[str, dict[str, Entity]], list[str]]:
    """(what was kept without what plays recordings that are not there any more, these recordings)."""
    missing: dict[str, None] = {}
    for kind in registry.contents():
        if not kind.recording or kind.name not in kept:
            continue
        for id, entity in tuple(kept[kind.name].items()):
            if (audio_id := entity[kind.recording]) is None:
                continue
            recording = await draft.recording(audio_id)
            if recording is None:
                missing[audio_id] = None
                del kept[kind.name][id]
            elif recording["project_id"] is None:
                draft.attached.add(audio_id)
    return kept, list(missing)


async def _delete_others(draft: Draft, kind: EntityType, wanted: Mapping[str, Entity]) -> None:
    """Of what is made anew also what joins other things now."""
    if _carries(kind):
        return
    for entity in await draft.all(kind.name):
        kept = wanted.get(entity["id"])
        moved = kept is not None and _makes_anew(kind) and any(entity[name] != kept[name] for name in kind.unique)
        if kept is None or moved:
            await cascade(draft, kind.name, entity["id"])
            draft.delete(kind.name, entity["id"])


async def _create(draft: Draft, kind: EntityType, wanted: Mapping[str, Entity]) -> None:
    """At the end of the list and leading nowhere, until all are there."""
    present = await draft.all(kind.name)
    known = {each["id"] for each in present}
    end = max((each["order"] for each in (*present, *wanted.values())), default=-1) + 1 if kind.ordered else 0
    for place, id in enumerate((id for id in wanted if id not in known), end):
        fields = {**wanted[id], **_let_go(kind)}
        draft.create(kind.name, {**fields, "order": place} if kind.ordered else fields)


async def _update(draft: Draft, kind: EntityType, wanted: Mapping[str, Entity]) -> None:
    """What leads to others is taken off before anything else changes, and put on afterwards."""
    let_go = _let_go(kind)
    for entity in await draft.all(kind.name):
        kept = wanted.get(entity["id"])
        stays = {} if kept is None else {name for name in let_go if kept.get(name) == entity[name]}
        draft.update(kind.name, entity["id"], {name: value for name, value in let_go.items() if name not in stays})
    for id, kept in wanted.items():
        draft.update(kind.name, id, {name: kept[name] for name in kept if name not in ("order", *let_go)})
    for id, kept in wanted.items():
        draft.update(kind.name, id, {name: kept[name] for name in let_go if name in kept})


async def _put(draft: Draft, kind: EntityType, wanted: Mapping[str, Entity]) -> None:
    known = {each["id"] for each in await draft.all(kind.name)}
    for id, kept in wanted.items():
        if id in known:
            draft.update(kind.name, id, {name: kept[name] for name in kept if not (kind.ordered and name == "order")})
        elif kind.ordered:
            others = await draft.siblings(kind, kept[kind.parent_field])
            place = max(each["order"] for each in (*others, *wanted.values())) + 1  # until all are there
            draft.create(kind.name, {**kept, "order": place})
        else:
            draft.create(kind.name, kept)


def _let_go(kind: EntityType) -> dict[str, Any]:
    """The fields that lead to others, as they are when they lead nowhere."""
    return {name: each.cleared for name, each in kind.references.items() if each.on_delete == "clear"}
