"""Where sound goes: from a track by its output, its sends and its group, and never back to itself.

Which fields lead sound is declared by the entities: to the track that they name (`Reference.sound`), or from it
(`Reference.heard`), as to a compressor that listens to another track.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from dawg_server import errors
from dawg_server.daw import entity as registry
from dawg_server.daw.draft import Draft
from dawg_server.daw.entity import Entity, EntityType, wrong

Way = tuple[str, str]
"""Ids of a track and of the one that its sound reaches next."""


def leading(kind: EntityType) -> list[str]:
    """The fields of a kind that lead sound somewhere."""
    return [name for name, reference in kind.references.items() if reference.sound]


def source(kind: EntityType, entity: Mapping[str, Any]) -> str:
    """The track whose sound an entity leads somewhere."""
    return str(entity["id"] if kind.name == "track" else entity["trackId"])


def hearing(kind: EntityType) -> list[str]:
    """The fields of a kind that bring sound from somewhere."""
    return [name for name, reference in kind.references.items() if reference.heard]


def ways(kind: EntityType, entities: Iterable[Mapping[str, Any]]) -> Iterator[Way]:
    for entity in entities:
        for name in leading(kind):
            if entity[name] != kind.references[name].cleared:
                yield source(kind, entity), entity[name]
        for name in hearing(kind):
            if entity[name] != kind.references[name].cleared:
                yield entity[name], source(kind, entity)


def has_loop(found: Iterable[Way]) -> bool:
    """Whether sound that leaves some track comes back to it."""
    targets: dict[str, set[str]] = defaultdict(set)
    for track, target in found:
        targets[track].add(target)
    # Takes away what leads nowhere, again and again; whatever remains lies on a loop or leads into one.
    while targets:
        ends = [id for id, reached in targets.items() if not any(each in targets for each in reached)]
        if not ends:
            return True
        for id in ends:
            del targets[id]
    return False


async def loops_with(draft: Draft, kind: EntityType, entity: Entity) -> bool:
    """Whether sound would come back to a track if this entity, new or not, were like this."""
    found = list(ways(kind, [entity]))
    for each in registry.contents():
        if leading(each) or hearing(each):
            others = await draft.all(each.name)
            found += ways(each, (one for one in others if one["id"] != entity.get("id")))
    return has_loop(found)


async def check(draft: Draft, kind: EntityType, entity: Entity, changed: Collection[str]) -> None:
    """Raises for those of the changed fields that lead sound where it must not go. A new entity may have no id yet."""
    leads = False
    for name in leading(kind):
        reference = kind.references[name]
        if name not in changed or entity[name] == reference.cleared:
            continue
        leads = True
        target = await draft.get(reference.entity, entity[name])
        own = entity.get("id") if kind.name == "track" else entity["trackId"]
        if target["trackType"] != reference.sound or target["id"] == own:
            other = f"{reference.cleared} or " if reference.cleared else ""
            raise wrong(name, f"has to be {other}another track of the type {reference.sound}")
    for name in hearing(kind):
        if name in changed and entity[name] != kind.references[name].cleared:
            leads = True
            if entity[name] == source(kind, entity):
                raise wrong(name, "has to be another track")
    if leads and await loops_with(draft, kind, {"id": "", **entity}):
        raise errors.ValidationError(
            "That would send the sound of a track back to itself.",
            details=dict.fromkeys((*leading(kind), *hearing(kind)), "makes a routing loop"),
        )


async def feeding(draft: Draft, track_id: str) -> list[tuple[EntityType, Entity]]:
    """What leads sound to a track."""
    return [
        (kind, entity)
        for kind in registry.contents()
        for name in leading(kind)
        for entity in await draft.naming(kind.name, name, track_id)
    ]
