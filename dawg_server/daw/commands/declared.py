"""The commands of entities that have none of their own, made from their declarations."""

from __future__ import annotations

import functools
from typing import Any

from dawg_server import errors
from dawg_server.daw.cascade import cascade
from dawg_server.daw.commands.base import Specs
from dawg_server.daw.draft import Draft, Entity
from dawg_server.daw.entities.base import EntityType, the
from dawg_server.schema import Id, Record, parameters


@functools.cache
def specs(kind: EntityType) -> Specs:
    """`create…`, `update…` and `delete…`; what they tell is the entity under its name."""
    made = Specs()
    name, title, id = kind.name, kind.title, f"{kind.name}Id"
    fields = {**kind.fields, "id": Id(name)} | ({"trackId": the("track")} if kind.parent == "track" else {})

    @made.add(f"create{title}", f"Adds a {name}: {kind.help}.", parameters(fields), role=kind.role)
    async def create(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
        if len(await draft.all(name)) >= kind.limit:
            raise errors.Conflict(f"A project has at most {kind.limit} {kind.plural}.", details={"limit": kind.limit})
        fields = dict.fromkeys(kind.fields) | values
        fields |= {"projectId": draft.id} if kind.parent == "project" else {}
        await _check(draft, kind, fields, frozenset(fields))
        return {name: draft.shown(name, draft.create(name, fields)["id"])}

    @made.add(
        f"update{title}",
        f"Changes a {name}.",
        parameters({id: the(name), "changes": Record(kind.changes, required=True)}),
        role=kind.role,
    )
    async def update(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
        entity = await draft.get(name, values[id])
        changed = {each: value for each, value in values["changes"].items() if entity[each] != value}
        await _check(draft, kind, {**entity, **changed}, frozenset(changed))
        draft.update(name, entity["id"], changed)
        return {name: draft.shown(name, entity["id"])}

    @made.add(f"delete{title}", f"Removes a {name}.", parameters({id: the(name)}), role=kind.role)
    async def delete(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
        entity_id = (await draft.get(name, values[id]))["id"]
        await cascade(draft, name, entity_id)
        draft.delete(name, entity_id)
        return {"deleted": True, id: entity_id}

    return made


async def _check(draft: Draft, kind: EntityType, fields: Entity, changed: frozenset[str]) -> None:
    for name, reference in kind.references.items():
        if name in changed and fields[name] != reference.cleared:
            await draft.get(reference.entity, fields[name])
    if kind.check is not None:
        await kind.check(draft, fields, changed)
