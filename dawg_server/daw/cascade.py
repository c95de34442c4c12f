"""What goes, or lets go, when an entity is deleted: driven by the references that entities declare."""

from __future__ import annotations

from dawg_server.daw import entities
from dawg_server.daw.draft import Draft, Entity


async def dependents(draft: Draft, name: str, id: str) -> list[tuple[entities.EntityType, str, Entity]]:
    """(kind, field, entity) of everything that names this one."""
    return [
        (kind, field, entity)
        for kind in entities.every()
        for field, reference in kind.references.items()
        if reference.entity == name
        for entity in await draft.naming(kind.name, field, id)
    ]


async def cascade(draft: Draft, name: str, id: str) -> None:
    """Deletes what cannot be without the entity, and clears the fields that name it. It goes itself afterwards."""
    for kind, field, entity in await dependents(draft, name, id):
        if draft.find(kind.name, entity["id"]) is None:
            continue  # named it twice
        if kind.references[field].on_delete == "clear":
            draft.update(kind.name, entity["id"], {field: kind.references[field].cleared})
        else:
            await cascade(draft, kind.name, entity["id"])
            draft.delete(kind.name, entity["id"])
