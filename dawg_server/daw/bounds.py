"""How much a project may hold, in the same words whichever way something comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dawg_server import errors
from dawg_server.daw import entity as registry
from dawg_server.daw.entity import EntityType

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft


def too_many(kind: EntityType) -> errors.Conflict:
    return errors.Conflict(f"A project has at most {kind.limit} {kind.plural}.", details={"limit": kind.limit})


def too_much(kind: EntityType) -> errors.Conflict:
    assert kind.weight is not None
    limit = kind.weight.limit
    return errors.Conflict(f"A project has at most {limit} {kind.weight.name}.", details={"limit": limit})


async def excess(draft: Draft, kind: EntityType) -> errors.Conflict | None:
    """Why what the draft has made of a kind is too much; None where nothing has come to it."""
    if kind.limit is not None and draft.growth[kind.name] > 0 and await draft.count(kind.name) > kind.limit:
        return too_many(kind)
    weight = kind.weight
    if weight is not None and draft.growth[weight.name] > 0 and await draft.total(kind) > weight.limit:
        return too_much(kind)
    return None


async def check(draft: Draft) -> None:
    """Raises `Conflict` when the draft holds too much."""
    for kind in registry.contents():
        if (refusal := await excess(draft, kind)) is not None:
            raise refusal
