"""Every command there is, by name: the one way to change a project.

What is the same for all entities (making, changing, deleting, the same changes to several, another order) comes from
their declarations; what is special to one is declared in its own file, with `command`.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dawg_server import errors
from dawg_server.daw import entity as registry
from dawg_server.daw import ordering, signal_flow
from dawg_server.daw.draft import Draft
from dawg_server.daw.entity import Entity, EntityType, Role, missing, the, wrong
from dawg_server.schema import AnyField, Id, Parameters, Record, parameters

Plan = Callable[[Draft, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Changes the draft; returns what the caller is told, such as `{"track": …}`. Raises before the first change."""


@dataclass(frozen=True, slots=True)
class Command:
    """A request to change a project. `parameters` are JSON as they came, and are checked when it is executed, unless
    they are `checked`: then they are what fields of the command's own declaration made of them.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Spec:
    """`help` is a sentence that tells people and models what the command does."""

    name: str
    help: str
    parameters: Parameters
    plan: Plan
    role: Role


FEW = 20  # entities for each of which a query may be made

SPECIAL: dict[str, Spec] = {}


def command(name: str, help: str, declared: Mapping[str, AnyField], role: Role = "editor") -> Callable[[Plan], Plan]:
    """Declares a command beside those that every entity has."""

    def declare(plan: Plan) -> Plan:
        SPECIAL[name] = Spec(name, help, parameters(declared), plan, role)
        return plan

    return declare


def find(name: str) -> Spec:
    """Raises `ValidationError`."""
    if (spec := SPECIAL.get(name)) is not None:
        return spec
    for kind in registry.every():
        if (spec := of_kind(kind).get(name)) is not None:
            return spec
    raise errors.ValidationError(f"There is no command “{name[:60]}”.")


def checked(command: Command) -> tuple[Spec, dict[str, Any]]:
    """What is asked for; raises `ValidationError`."""
    spec = find(command.name)
    return spec, dict(command.parameters) if command.checked else spec.parameters.check(command.parameters)


def named(requested: Iterable[tuple[Spec, dict[str, Any]]]) -> dict[str, list[str]]:
    """The entities that commands name by their kinds, so that they are read together with the lock."""
    found: dict[str, dict[str, None]] = {}
    for spec, values in requested:
        for name, id in spec.parameters.ids(values):
            if registry.known(name):
                found.setdefault(name, {})[id] = None
    return {kind: list(ids) for kind, ids in found.items()}


@functools.cache
def of_kind(kind: EntityType) -> dict[str, Spec]:
    """The commands that a kind of entities has by its declaration; what they tell is the entity under its name."""
    made: dict[str, Spec] = {}

    def add(name: str, help: str, declared: Mapping[str, AnyField], plan: Callable[..., Any]) -> None:
        made[name] = Spec(name, help, parameters(declared), functools.partial(plan, kind), kind.role)

    names: dict[str, AnyField] = {kind.id: the(kind.name)} if kind.name != "project" else {}
    if names and kind.parent != "project" and kind.stays:
        names["trackId"] = Id("track", "on which it is")
    new: dict[str, AnyField] = {"trackId": the("track")} if kind.parent == "track" else {}
    changes = {"changes": Record(kind.changes, required=True)}
    add(f"update{kind.title}", f"Changes a {kind}.", {**names, **changes}, _update)
    if kind.name == "project":
        return made
    new = {**new, **kind.fields, "id": Id(kind.name)}
    add(f"create{kind.title}", f"Adds a {kind}: {kind.help}.", new, _create)
    add(f"delete{kind.title}", f"Removes a {kind}.", names, _delete)
    if kind.bulk is not None:
        add(f"update{kind.titles}", f"Makes the same changes to several {kind.plural}.", kind.same_changes, _update_all)
    if kind.ordered:
        add(f"reorder{kind.titles}", f"Puts {kind.plural} into another order.", {kind.orders: kind.places}, _reorder)
    return made


# -- what they do ------------------------------------------------------------------------------------------------------


async def _create(kind: EntityType, draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    if kind.ordered:  # read here already, so that they need not be counted
        await draft.siblings(kind, values.get(kind.parent_field, draft.id))
    fields = dict.fromkeys(name for name in kind.table.fields if name != "id") | kind.as_gains(values)
    if kind.parent == "project":
        fields["projectId"] = draft.id
    clamped = await _judge(draft, kind, None, fields)
    if kind.ordered:
        await ordering.place_new(draft, kind, fields)
    return _told(draft, kind, draft.create(kind.name, fields)["id"], clamped)


async def _update(kind: EntityType, draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    entity = await _named(kind, draft, values) if kind.name != "project" else draft.project
    return _told(draft, kind, entity["id"], await change(draft, kind, entity, values["changes"]))


async def _update_all(kind: EntityType, draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    found = await draft.several(kind.name, values[f"{kind.name}Ids"])
    clamped = {name for entity in found for name in await change(draft, kind, entity, values["changes"])}
    count = f"1 {kind} was" if len(found) == 1 else f"{len(found)} {kind.plural} were"
    return {
        kind.plural: [draft.shown(kind.name, entity["id"]) for entity in found],
        "count": len(found),
        "message": f"{count} changed.",
        **_clamped(kind, clamped),
    }


async def _delete(kind: EntityType, draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    entity = dict(await _named(kind, draft, values))
    await cascade(draft, kind.name, entity["id"])
    parent_id = await ordering.take_out(draft, kind, entity["id"])
    if kind.ordered:
        await ordering.close_gaps(draft, kind, parent_id)
    told: dict[str, Any] = {"deleted": True, kind.id: entity["id"]}
    return told | ({kind.name: entity, **_parent(draft, kind, entity)} if kind.within == "parent" else {})


async def _reorder(kind: EntityType, draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    wanted = {pair["id"]: pair["order"] for pair in values[kind.orders]}
    if len(wanted) < len(values[kind.orders]):
        raise wrong(kind.orders, f"names a {kind} twice")
    parent_id = draft.id
    if kind.parent != "project":
        parent_id = (await draft.get(kind.name, next(iter(wanted))))[kind.parent_field]
    await ordering.move(draft, kind, parent_id, wanted)
    found = await draft.siblings(kind, parent_id)
    return {
        kind.orders: [{"id": each["id"], "order": each["order"]} for each in found],
        kind.plural: [draft.shown(kind.name, each["id"]) for each in found],
    }


async def change(draft: Draft, kind: EntityType, entity: Entity, changes: Mapping[str, Any]) -> Collection[str]:
    """Judges what differs from what is there, and nothing else. Returns the names of what was clamped."""
    changed = {name: value for name, value in kind.as_gains(changes, entity).items() if entity[name] != value}
    if kind.units is not None:
        changed = kind.units.meant(changes, changed)
    place = changed.pop("order", None) if kind.ordered else None
    clamped = await _judge(draft, kind, entity, changed) if changed else ()
    draft.update(kind.name, entity["id"], changed)
    if place is not None:
        moved = await ordering.together(draft, kind, entity["id"])
        await ordering.move(draft, kind, entity[kind.parent_field], {id: at for at, id in enumerate(moved, place)})
    return clamped


async def _judge(draft: Draft, kind: EntityType, entity: Entity | None, changed: Entity) -> Collection[str]:
    """Raises for what must not be; may correct what changes. Returns the names of what was clamped."""
    after = {**(entity or {}), **changed}
    leads = False
    for name, reference in kind.references.items():
        if name in changed and changed[name] != reference.cleared:
            leads |= bool(reference.sound) or reference.heard
            await draft.get(reference.entity, changed[name])
    if leads:
        await signal_flow.check(draft, kind, after, changed.keys())
    if kind.either and not changed.keys().isdisjoint(kind.either):
        _require_one(kind.either, entity, after)
    if kind.recording and (recording_id := changed.get(kind.recording)) is not None:
        await _take_up(draft, recording_id)
    if not changed.keys().isdisjoint(kind.unique) and await twin(draft, kind, after) is not None:
        same = {name: after[name] for name in kind.unique}
        raise errors.Conflict(f"There is such a {kind} already.", details=same)
    clamped: Collection[str] = ()
    if kind.rule is not None and (entity is None or not kind.ruled.isdisjoint(changed)):
        clamped = await kind.rule(draft, entity, changed)
        after |= changed
    for condition in kind.conditions:
        if not condition.fields.isdisjoint(changed):
            hindrance = await condition.unmet(draft, after, changed.keys())
            if hindrance is not None:
                raise wrong(hindrance.field, hindrance.sentence)
    return clamped


def _require_one(names: tuple[str, str], entity: Entity | None, after: Entity) -> None:
    given = [name for name in names if after[name] is not None]
    if len(given) == 1:
        return
    for new, other in (names, names[::-1]):
        if given and entity is not None and entity[new] is None:
            raise wrong(new, f"cannot be set while there is {other}: set that to null as well")
    raise wrong(names[0], f"or {names[1]} is needed, and not both")


async def _take_up(draft: Draft, recording_id: str) -> None:
    """What may be played: a recording of the project, one that its clips play, or one of the caller's, which becomes
    the project's when it belongs to none."""
    recording = await draft.recording(recording_id)
    if recording is None or not (
        recording["project_id"] == draft.id or recording["owner_id"] == draft.user_id or recording["played"]
    ):
        raise missing("audioFile", recording_id)
    if recording["project_id"] is None:
        draft.attached.add(recording_id)


async def twin(draft: Draft, kind: EntityType, entity: Mapping[str, Any]) -> Entity | None:
    """Another one that has the same in all the fields that are unique together."""
    if (parent_id := entity.get(kind.parent_field)) is None:
        return None
    others = await draft.siblings(kind, parent_id)
    alike = (each for each in others if all(each[name] == entity.get(name) for name in kind.unique))
    return next((each for each in alike if each["id"] != entity.get("id")), None)


async def _named(kind: EntityType, draft: Draft, values: Mapping[str, Any]) -> Entity:
    """The entity that a command is about; where it is said on which track it is, it has to be there."""
    track_id = values.get("trackId") if kind.id != "trackId" else None
    if track_id is not None:
        await draft.get("track", track_id)
    entity = await draft.get(kind.name, values[kind.id])
    if track_id is not None and entity["trackId"] != track_id:
        raise missing(kind.name, values[kind.id])
    return entity


def _told(draft: Draft, kind: EntityType, id: str, clamped: Collection[str]) -> dict[str, Any]:
    shown = draft.shown(kind.name, id)
    parent = _parent(draft, kind, shown) if kind.within == "parent" else {}
    return {kind.name: shown, **parent, **_clamped(kind, clamped)}


def _parent(draft: Draft, kind: EntityType, entity: Entity) -> dict[str, Any]:
    return {kind.parent: draft.shown(kind.parent, entity[kind.parent_field])}


def _clamped(kind: EntityType, names: Collection[str]) -> dict[str, Any]:
    return {"clamped": [name for name in kind.fields if name in names]} if names else {}


# -- what goes, or lets go, when an entity is deleted ------------------------------------------------------------------


async def dependents(draft: Draft, name: str, id: str) -> list[tuple[EntityType, str, Entity]]:
    """(kind, field, entity) of everything that names this one: parts of others, then its own kind, then the rest."""
    return [
        (kind, naming, entity)
        for kind in sorted(registry.contents(), key=lambda kind: (kind.within != "parent", kind.name != name))
        for naming, reference in kind.references.items()
        if reference.entity == name
        for entity in await draft.naming(kind.name, naming, id)
    ]


async def copy_parts(draft: Draft, kind: EntityType, id: str, copy_id: str) -> None:
    """Gives a copy of an entity what cannot be without the original, but for what it has of its own by now."""
    for other, naming, entity in await dependents(draft, kind.name, id):
        if other.references[naming].on_delete == "cascade":
            same = {name: value for name, value in other.stored(entity).items() if name != "id"}
            draft.create(other.name, {**same, naming: copy_id})


async def read_dependents(draft: Draft, names: Collection[str]) -> None:
    """Reads all that may name many entities of these kinds, at once instead of for each of them."""
    for kind in registry.contents():
        if any(reference.entity in names for reference in kind.references.values()):
            await draft.all(kind.name)


async def cascade(draft: Draft, name: str, id: str) -> None:
    """Deletes what cannot be without the entity, and clears the fields that name it. It goes itself afterwards."""
    found = await dependents(draft, name, id)
    if len(found) > FEW:
        await read_dependents(draft, {kind.name for kind, _, _ in found})
    for kind, naming, entity in found:
        await draft.pause()
        if draft.find(kind.name, entity["id"]) is None:
            continue  # named it twice
        if kind.references[naming].on_delete == "clear":
            draft.update(kind.name, entity["id"], {naming: kind.references[naming].cleared})
        else:
            await cascade(draft, kind.name, entity["id"])
            draft.delete(kind.name, entity["id"])
