"""Whether others have changed what somebody changes: since the revision that they had seen (`baseRevision`), or at the
same moment, which Postgres refuses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dawg_server import errors
from dawg_server.database import ForeignKeyViolation, IntegrityError, UniqueViolation, constraint, operations
from dawg_server.daw import entity as registry
from dawg_server.daw.draft import Change, Draft
from dawg_server.daw.entity import Entity


async def check_base(draft: Draft, base: int) -> None:
    """Raises `RevisionConflict` with what stands in the database now."""
    if base > draft.revision:
        sentence = f"is beyond the present revision, which is {draft.revision}"
        raise errors.ValidationError(f"baseRevision {sentence}.", details={"baseRevision": sentence})
    if base == draft.revision or not draft.changes:
        return
    later: dict[tuple[str, str], set[str]] = defaultdict(set)  # traces, and `field/` of what was changed at all
    for entity, id, field in touched(await operations.touched_since(draft.connection, draft.id, base)):
        later[entity, id].update((*registry.traces(field), f"{_whole(field)}/"))
    for change in draft.changes:
        if change.kind == "create":
            continue
        if change.kind == "delete":
            clash = (change.entity, str(change.entity_id)) in later
        else:
            mine = touched(
                [
                    {
                        "kind": change.kind,
                        "entity": change.entity,
                        "entity_id": change.entity_id,
                        "forward": change.forward,
                        "inverse": change.inverse,
                    }
                ]
            )
            clash = any(
                registry.meets(field, left) or (_whole(field) if "." in field else f"{field}/") in left
                for entity, id, field in mine
                if (left := later.get((entity, id)))
            )
        if clash:
            raise errors.RevisionConflict(
                details={"current": _current(draft, change), "revision": draft.revision, "entity": change.entity}
            )


def _current(draft: Draft, change: Change) -> Any:
    """What stands in the database: the draft without its own changes."""
    if change.kind == "reorder" or change.entity_id is None:
        return change.inverse[registry.find(change.entity).orders]
    entity: Entity = dict(draft.find(change.entity, change.entity_id) or {"id": change.entity_id})
    for each in reversed(draft.changes):
        if each.entity == change.entity and each.entity_id == change.entity_id:
            entity |= each.inverse
    return entity


def touched(operations: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """(entity, id, field) of everything that operations (rows of the log) have changed; field "*" stands for all, and
    `field.part` for a part of a keyed one."""
    for operation in operations:
        if operation["kind"] == "reorder":
            for pair in operation["forward"][registry.find(operation["entity"]).orders]:
                yield operation["entity"], pair["id"], "order"
        elif operation["kind"] == "update":
            kind = registry.find(operation["entity"])
            for field, after in operation["forward"].items():
                fields, before = [field], operation["inverse"].get(field)
                if field in kind.keyed and before is not None and after is not None:
                    fields = [f"{field}.{part}" for part in kind.differing(field, before, after)]
                for each in fields:
                    yield operation["entity"], operation["entity_id"], each
        else:
            yield operation["entity"], operation["entity_id"], "*"


def _whole(field: str) -> str:
    """The field that a part is of."""
    return field.partition(".")[0]


def refused(error: IntegrityError) -> errors.DawgError:
    """What slipped past the checks because two things happened at once."""
    name = constraint(error)
    if isinstance(error, UniqueViolation):
        return errors.Conflict("That exists already.", details={"constraint": name})
    if isinstance(error, ForeignKeyViolation):
        return errors.Conflict("Something that this needs was deleted meanwhile.", details={"constraint": name})
    return errors.ValidationError("A value is out of range.", details={"constraint": name})
