"""Places in lists: of what is new, of what is moved, and an order that is put back although others came and went.

What counts for the last is who stands beside whom, not the number.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence

from dawg_server.daw.draft import Draft
from dawg_server.daw.entity import Entity, EntityType, missing

Places = Mapping[str, int]
"""Ids with their places from 0, which may have gaps."""


async def place_new(draft: Draft, kind: EntityType, fields: Entity) -> None:
    """Gives a new one the place that it asks for, counted without gaps, or the last one."""
    others = await draft.siblings(kind, fields[kind.parent_field])
    end = len(others)
    fields["order"] = end if fields["order"] is None else min(fields["order"], end)
    make_room(draft, kind, others, fields["order"])


def make_room(draft: Draft, kind: EntityType, others: Sequence[Entity], place: int) -> None:
    """Leaves `place` free, and no other gap."""
    draft.reorder(kind.name, {each["id"]: at if at < place else at + 1 for at, each in enumerate(others)})


async def close_gaps(draft: Draft, kind: EntityType, parent_id: str) -> None:
    """After some have gone."""
    others = await draft.siblings(kind, parent_id)
    draft.reorder(kind.name, {each["id"]: place for place, each in enumerate(others)})


async def take_out(draft: Draft, kind: EntityType, id: str) -> str:
    """Deletes one, whose parent is returned. The log keeps behind whom it stood, as `after`."""
    entity = draft.find(kind.name, id)
    assert entity is not None
    parent_id = str(entity.get(kind.parent_field, draft.id))
    if kind.ordered:
        others = [each["id"] for each in await draft.siblings(kind, parent_id)]
        at = others.index(id)
        draft.delete(kind.name, id, after=others[at - 1] if at else None)
    else:
        draft.delete(kind.name, id)
    return parent_id


async def place_back(draft: Draft, kind: EntityType, entity: Entity) -> None:
    """Gives one that comes back its place; where somebody else has taken that, behind the one behind which it stood.

    Gaps stay, until all have come back.
    """
    others = await draft.siblings(kind, entity[kind.parent_field])
    places = {each["id"]: each["order"] for each in others}
    after = entity.pop("after", None)
    if after in places and entity["order"] in places.values():
        entity["order"] = places[after] + 1
    place, shifted = entity["order"], {}
    for each in others:
        if each["order"] == place:
            place += 1
            shifted[each["id"]] = place
    draft.reorder(kind.name, shifted)


async def move(draft: Draft, kind: EntityType, parent_id: str, wanted: Places) -> None:
    """Puts some where they are wanted and closes all gaps."""
    others = [each["id"] for each in await draft.siblings(kind, parent_id)]
    if lost := [id for id in wanted if id not in others]:
        raise missing(kind.name, *lost)
    order = [id for id in others if id not in wanted]
    lowest = 0
    for id, place in sorted(wanted.items(), key=lambda pair: pair[1]):
        place = min(max(place, lowest), len(order))
        order.insert(place, id)
        lowest = place + 1
    draft.reorder(kind.name, {id: place for place, id in enumerate(order)})


async def together(draft: Draft, kind: EntityType, id: str) -> list[str]:
    """One, and all that stand behind it and go where it goes (`Reference.beside`), as a group's tracks do."""
    found = [id]
    for name, reference in kind.references.items():
        if reference.beside and reference.entity == kind.name:
            for each in [each for each in await draft.all(kind.name) if each[name] == id]:
                found += await together(draft, kind, each["id"])
    return found


def restored(places: Places, now: Places, then: Places) -> tuple[dict[str, int], list[str]]:
    """(new places, those that somebody else has moved since) of a step that led from `then` to `now`.

    `places` are the present ones of all; `now` and `then` have the same ids, all of them in `places`.
    """
    if all(places[id] == place for id, place in now.items()):
        others = {place for id, place in places.items() if id not in now}
        if not others & set(then.values()):
            return dict(then), []
    was, target, present = _sorted(now), _sorted(then), _sorted(places)
    current = [id for id in present if id in now]
    if current == was:
        slots = [places[id] for id in current]
        return dict(zip(target, slots, strict=True)), []
    moved_since = []
    for id in [each for each in target if each not in _unmoved(was, target)]:
        if not _beside(current, id) & _beside(was, id):
            moved_since.append(id)
            continue
        present.remove(id)
        at = target.index(id)
        present.insert(present.index(target[at - 1]) + 1 if at else present.index(target[1]), id)
    return {id: place for place, id in enumerate(present)} if len(moved_since) < len(now) else {}, moved_since


def _sorted(places: Places) -> list[str]:
    return sorted(places, key=places.__getitem__)


def _beside(order: Sequence[str], id: str) -> set[tuple[str, str | None]]:
    at = order.index(id)
    return {
        ("after", order[at - 1] if at else None),
        ("before", order[at + 1] if at + 1 < len(order) else None),
    }


def _unmoved(was: Sequence[str], target: Sequence[str]) -> set[str]:
    """The longest run of those that are in the same order in both: the others are those that were moved."""
    rank = {id: place for place, id in enumerate(was)}
    tails: list[int] = []
    ends: list[str] = []
    before: dict[str, str | None] = {}
    for id in target:
        at = bisect.bisect_left(tails, rank[id])
        before[id] = ends[at - 1] if at else None
        tails[at : at + 1] = [rank[id]]
        ends[at : at + 1] = [id]
    kept, end = set(), ends[-1] if ends else None
    while end is not None:
        kept.add(end)
        end = before[end]
    return kept
