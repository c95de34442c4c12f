"""Takes back steps of the log as far as that is right, and tells who is in the way of the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from dawg_server import errors
from dawg_server.database import undo_log
from dawg_server.daw import bounds, ordering, signal_flow, timing
from dawg_server.daw import entity as registry
from dawg_server.daw.commands import FEW, dependents, read_dependents, twin
from dawg_server.daw.draft import Draft
from dawg_server.daw.entity import Condition, Entity, EntityType, Hindrance
from dawg_server.daw.later_steps import Blame, LaterSteps, Step

MAX_SKIPPED = 200  # told in one answer
BUILT_ON = "you have changed it again since; take that back first"


class _Left(Exception):
    """The same person has built on the step since, and has to take that back first."""


class Reversal:
    """`steps` are newest first. Afterwards each one is `taken` back, `final` (it stays for good), or left as it was."""

    def __init__(self, draft: Draft, user_id: str, steps: Sequence[Step]) -> None:
        self.taken: list[str] = []
        self.final: list[str] = []
        self.left: list[str] = []
        self.skipped: list[dict[str, Any]] = []
        self._draft, self._user_id, self._steps = draft, user_id, steps
        self._later = LaterSteps(draft, user_id)
        self._gaps: set[tuple[str, str]] = set()  # (kind, parent) of which something came or went
        self._changed: dict[tuple[str, str], None] = {}  # (kind, id) of what is another one, or there, again
        self._in_seconds: bool | None = None  # whether any step is from when clips knew nothing but seconds
        self._before = len(draft.changes)

    @property
    def changed(self) -> bool:
        return len(self._draft.changes) > self._before

    async def run(self) -> None:
        draft = self._draft
        await self._later.read(self._steps)
        if len(self._steps) > FEW:
            await read_dependents(draft, {step["entity"] for step in self._steps if step["kind"] == "create"})
        for step in self._steps:
            await draft.pause()
            marked = self.taken
            told = len(self.skipped)
            try:
                if not step["follows"] and not await self._take_back(step):
                    marked = self.final
            except _Left:
                del self.skipped[told + 1 :]  # the reason is enough
                marked = self.left
                self._later.stays(step)
            marked.append(step["id"])
        for name, parent_id in sorted(self._gaps):
            await ordering.close_gaps(draft, registry.find(name), parent_id)
        for name, id in self._changed:  # when all of it is back, because what fits may depend on several steps
            await draft.pause()
            fit, existing = registry.find(name).fit, await self._find(name, id)
            if fit is not None and existing is not None:
                draft.update(name, id, await fit(draft, existing))

    async def _take_back(self, step: Step) -> bool:
        """Whether anything of the step is gone; what is not stands in `skipped`."""
        if step["kind"] == "reorder":
            return await self._reorder(step)
        if step["kind"] == "update":
            return await self._update(step)
        if step["kind"] == "create":
            return await self._remove(step)
        return await self._bring_back(step)

    # -- one kind of step each -----------------------------------------------------------------------------------------

    async def _update(self, step: Step) -> bool:
        draft, entity, id = self._draft, step["entity"], step["entity_id"]
        existing = await self._find(entity, id)
        if existing is None:
            return await self._gone(step, step["inverse"])
        if draft.retimed and registry.find(entity).units is not None:
            await timing.follow(draft)  # what followed from the tempo may become an own unit
        before, after = await self._own_fields(step, existing)
        then, now, found = await self._apart(step, existing, before, after)
        self._leave(step, id, then.keys())
        wanted: dict[str, Any] = {}
        for name, value in then.items():
            untouched = found[name] == value or timing.close(found[name], now[name])
            blame = None if untouched else self._later.blame(entity, id, step, {name})
            if blame is None:
                wanted[name] = value
            else:
                self._skip(step, name, blame, "was changed since")
        wanted = self._together(step, existing, before, wanted)
        either = registry.find(entity).either
        if any(name in wanted for name in either) and any(name in then and name not in wanted for name in either):
            wanted = {name: value for name, value in wanted.items() if name not in either}
        await self._drop_impossible(step, existing, wanted)
        if entity == "project" and (bpm := wanted.get("bpm")) is not None:
            try:
                await timing.check_reach(draft, "bpm", bpm=bpm)
            except errors.ValidationError as error:
                self._skip(step, "bpm", None, error.message)
                del wanted["bpm"]
        if not wanted:
            return not then
        if (units := registry.find(entity).units) is not None:
            wanted |= units.settled({**existing, **wanted}, {}, timing.tempo_map(draft))
        draft.update(entity, id, wanted)
        if (refusal := await bounds.excess(draft, registry.find(entity))) is not None:
            draft.take_back()
            self._skip(step, None, None, refusal.message)
            return False
        self._changed[entity, id] = None
        return True

    async def _remove(self, step: Step) -> bool:
        entity, id = step["entity"], step["entity_id"]
        if await self._find(entity, id) is None:
            blame: Blame | None = await self._later.remover(id)
            if blame is not None and self._mine(step, blame):
                raise _Left
            if blame is not None and blame["actor_id"] != self._user_id:
                self._skip(step, None, blame, f"the {entity} was deleted since")
            return True
        self._leave(step, id)
        if self._later.needed(id, step):
            self._skip(step, None, self._self(), BUILT_ON)
        if blame := self._later.blame(entity, id, step):
            self._skip(step, None, blame, f"the {entity} was changed since")
            return False
        if users := [each["id"] for _, _, each in await dependents(self._draft, entity, id)]:
            self._skip_for(step, users, f"the {entity} is in use now")
            return False
        kind = registry.find(entity)
        parent_id = await ordering.take_out(self._draft, kind, id)
        if kind.ordered:
            self._gaps.add((kind.name, parent_id))
        return True

    async def _bring_back(self, step: Step) -> bool:
        draft, entity = self._draft, step["entity"]
        if await self._find(entity, step["entity_id"]) is not None:
            return False
        blame = await self._later.remover(step["entity_id"])
        if blame is not None and blame["actor_id"] != self._user_id:
            self._skip(step, None, blame, f"the {entity} was deleted since")
            return False
        restored = {**step["inverse"], **(await self._own_fields(step, step["inverse"]))[0]}
        needed = dict(restored)
        await self._drop_impossible(step, None, needed)
        references = registry.find(entity).references
        lost = restored.keys() - needed.keys()
        if any(name not in references or references[name].on_delete == "cascade" for name in lost):
            return False
        restored |= {name: references[name].cleared for name in lost}
        kind = registry.find(entity)
        if kind.ordered:
            await ordering.place_back(draft, kind, restored)
            self._gaps.add((kind.name, str(restored[kind.parent_field])))
        draft.create(entity, restored)
        if (refusal := await bounds.excess(draft, kind)) is not None:
            draft.take_back()
            self._skip(step, None, None, refusal.message)
            return False
        self._changed[entity, step["entity_id"]] = None
        return True

    async def _reorder(self, step: Step) -> bool:
        draft, entity = self._draft, step["entity"]
        kind = registry.find(entity)
        parent_id = draft.id if kind.parent == "project" else await self._parent_of(kind, step)
        if parent_id is None:
            return True
        places = {each["id"]: each["order"] for each in await draft.siblings(kind, parent_id)}
        now, then = (
            {pair["id"]: pair["order"] for pair in step[side][kind.orders] if pair["id"] in places}
            for side in ("forward", "inverse")
        )
        for id in now:
            self._leave(step, id, {"order"})
        wanted, moved_since = ordering.restored(places, now, then)
        for id in moved_since:
            blame = self._later.blame(entity, id, step, {"order"})
            self._skip({**step, "entity_id": id}, "order", blame, f"the order of the {kind.plural} was changed since")
        draft.reorder(entity, wanted)
        self._gaps.add((kind.name, parent_id))
        return bool(wanted) or not moved_since

    async def _parent_of(self, kind: EntityType, step: Step) -> str | None:
        """Of what was put into another order; None when nothing of it is left."""
        for pair in step["forward"][kind.orders]:
            if (existing := await self._find(kind.name, pair["id"])) is not None:
                return str(existing[kind.parent_field])
        return None

    # -- what is in the way --------------------------------------------------------------------------------------------

    async def _drop_impossible(self, step: Step, existing: Entity | None, wanted: dict[str, Any]) -> None:
        """Takes out of `wanted` what cannot be any more. `existing` is what is there, None when it is to be made."""
        draft, entity, id = self._draft, step["entity"], step["entity_id"]
        for name, reference in registry.find(entity).references.items():
            if name not in wanted or wanted[name] == reference.cleared:
                continue
            target = await self._find(reference.entity, wanted[name])
            blame: Blame | None
            if target is None:
                blame = await self._later.remover(wanted[name])
                self._skip(step, name, blame, f"a {reference.entity} that it needs was deleted since")
            elif reference.sound and target["trackType"] != reference.sound:
                blame = self._later.blame("track", target["id"], step, {"trackType"})
                self._skip(step, name, blame, f"the track that it leads to is no {reference.sound} track any more")
            elif (reference.sound or reference.heard) and await signal_flow.loops_with(
                draft, registry.find(entity), {**(existing or step["inverse"]), **wanted}
            ):
                self._skip(step, name, None, "that would send the sound of a track back to itself")
            else:
                continue
            del wanted[name]
        kind = registry.find(entity)
        if (recording := wanted.get(kind.recording)) and await draft.recording(recording) is None:
            self._skip(step, kind.recording, None, "its recording was deleted since")
            for name in kind.either or (kind.recording,):
                wanted.pop(name, None)
        same = {**(existing or {}), **wanted}
        if not wanted.keys().isdisjoint(kind.unique) and (other := await twin(draft, kind, same)) is not None:
            name = next(each for each in reversed(kind.unique) if each in wanted)
            blame = self._later.blame(entity, other["id"], step)
            self._skip(step, name, blame, f"there is another such {kind} now")
            del wanted[name]
        if (
            existing
            and wanted.get("trackType", existing.get("trackType")) != existing.get("trackType")
            and (users := await self._feeding(id))
        ):
            self._skip_for(step, users, "other tracks send their sound to it", "trackType")
            del wanted["trackType"]

        for condition in kind.conditions:
            await self._check_condition(condition, step, kind, existing, wanted)

    async def _check_condition(
        self, condition: Condition, step: Step, kind: EntityType, existing: Entity | None, wanted: dict[str, Any]
    ) -> None:
        if condition.fields.isdisjoint(wanted):
            return
        after = {**(existing or step["inverse"]), **wanted}
        if existing is None and any(
            name not in wanted for name, each in kind.references.items() if each.on_delete == "cascade"
        ):
            return  # it does not come back at all
        hindrance = await condition.unmet(self._draft, after, wanted.keys())
        if hindrance is None:
            return
        if self._about_to_change(step, hindrance):
            return
        self._skip_for(step, hindrance.ids, f"{hindrance.field} {hindrance.sentence}", hindrance.field)
        for name in condition.fields:
            wanted.pop(name, None)

    def _about_to_change(self, step: Step, hindrance: Hindrance) -> bool:
        """Whether an older step of the same group has brought about what is in the way, so that it goes as well."""
        if step["entity_id"] in hindrance.ids:
            return False  # step by step it always is what it once was
        fields = {name for condition in registry.find(hindrance.entity).conditions for name in condition.fields}
        older = [each for each in self._steps if each["revision"] < step["revision"]]
        return all(
            any(
                each["entity_id"] == id and (each["kind"] != "update" or fields & each["forward"].keys())
                for each in older
            )
            for id in hindrance.ids
        )

    async def _feeding(self, track_id: str) -> list[str]:
        """The ids of what sends sound to a track."""
        return [each["id"] for _, each in await signal_flow.feeding(self._draft, track_id)]

    async def _gone(self, step: Step, fields: Collection[str]) -> bool:
        blame = await self._later.remover(step["entity_id"])
        for name in fields:
            self._skip(step, name, blame, f"the {step['entity']} was deleted since")
        return False

    def _leave(self, step: Step, id: str, fields: Collection[str] = ()) -> None:
        """Raises when the same person has built on it in another group, which goes first."""
        for row in self._later.own(step["entity"], id, step, fields):
            self._skip(step, next((each for each in row["fields"] if each in fields), None), self._self(), BUILT_ON)

    def _skip_for(self, step: Step, ids: Iterable[str], reason: str, field: str | None = None) -> None:
        found = [row for id in ids for row in self._later.on(id, step)]
        others = [row for row in found if row["actor_id"] != self._user_id or row["final"]]
        own = [row for row in found if self._mine(step, row)]
        self._skip(step, field, next(iter(others or own or found), None), reason)

    def _self(self) -> Blame:
        return {"actor_id": self._user_id, "username": None, "final": False, "group_id": None}

    def _mine(self, step: Step, blame: Blame) -> bool:
        """Whether the same person can still take back what is in the way."""
        apart = blame["group_id"] != step["group_id"] or blame.get("id") in self.left
        return apart and blame["actor_id"] == self._user_id and not blame["final"]

    def _skip(self, step: Step, field: str | None, blame: Blame | None, reason: str) -> None:
        if len(self.skipped) < MAX_SKIPPED:
            self.skipped.append(
                {
                    "entity": step["entity"],
                    "id": step["entity_id"],
                    "field": field,
                    "by": blame["actor_id"] if blame else None,
                    "username": blame["username"] if blame else None,
                    "reason": f"{field} {reason}" if field and reason.startswith("was") else reason,
                    "groupId": step["group_id"],
                }
            )
        if blame is not None and self._mine(step, blame):
            raise _Left

    # -- small things --------------------------------------------------------------------------------------------------

    async def _find(self, entity: str, id: str) -> Entity | None:
        if entity == "project":
            return self._draft.project
        try:
            return await self._draft.get(entity, id)
        except errors.NotFound:
            return None

    async def _apart(self, step: Step, existing: Entity, then: Entity, now: Entity) -> tuple[Entity, Entity, Entity]:
        """The fields as they are to be, as the step left them, and as they are, those whose values have been changed
        since by the parts that the step was about, as `field.part`."""
        kind, found = registry.find(step["entity"]), dict(existing)
        names = [name for name in kind.keyed if name in then and now[name] not in (None, existing[name])]
        names = [name for name in names if then[name] is not None and existing[name] is not None]
        if not names:
            return then, now, found
        await self._later.tell_parts(step["entity"], step["entity_id"], names)
        then, now = dict(then), dict(now)
        for name in names:
            parts = kind.differing(name, then[name], now[name])
            for side in (then, now, found):
                value = kind.keyed[name].parts(side[name])
                side |= {f"{name}.{part}": kind.part(value, part) for part in parts}
            if parts:
                del then[name], now[name]
        return then, now, found

    def _together(self, step: Step, existing: Entity, then: Entity, wanted: Entity) -> Entity:
        """Parts are their fields again."""
        found = {name: value for name, value in wanted.items() if "." not in name}
        for name, keyed in registry.find(step["entity"]).keyed.items():
            parts = {each[len(name) + 1 :]: wanted[each] for each in wanted if each.startswith(f"{name}.")}
            if parts:
                found[name] = keyed.joined(existing[name], parts, then[name])
        return found

    async def _own_fields(self, step: Step, existing: Entity) -> tuple[dict[str, Any], dict[str, Any]]:
        """(fields as they are to be, as the step left them), without those that only follow from others."""
        kind = registry.find(step["entity"])
        then, now = (
            {name: value for name, value in step[side].items() if name in kind.table.fields}
            for side in ("inverse", "forward")
        )
        if (units := kind.units) is None or units.names.isdisjoint(then):
            return then, now
        if (bpm := await self._earlier_tempo(step["revision"])) is not None:
            then, now = (units.upgraded(each, existing, bpm) for each in (then, now))
        follows = units.derived({**existing, **then})
        return tuple({name: each[name] for name in each if name not in follows} for each in (then, now))  # type: ignore[return-value]

    async def _earlier_tempo(self, revision: int) -> float | None:
        connection, project_id = self._draft.connection, self._draft.id
        if self._in_seconds is None:
            first = min(step["revision"] for step in self._steps)
            self._in_seconds = await undo_log.tempo_in_seconds(connection, project_id, first) is not None
        return await undo_log.tempo_in_seconds(connection, project_id, revision) if self._in_seconds else None
