"""What has been done since the steps that are taken back: read once, asked for each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from dawg_server.database import undo_log
from dawg_server.daw import entity as registry
from dawg_server.daw.draft import Draft

Step = Mapping[str, Any]
"""A row of the log: id, revision, group_id, kind, entity, entity_id, forward, inverse, follows."""
Blame = Mapping[str, Any]
"""Who is in the way: id, actor_id, username, group_id, final."""

_ANY = "*"  # part, when there was none before, or is none after


def _naming() -> set[str]:
    """The fields by which anything names other things."""
    return {name for kind in registry.contents() for name in kind.references}


class LaterSteps:
    def __init__(self, draft: Draft, user_id: str) -> None:
        self._draft, self._user_id = draft, user_id
        self._by_id: dict[str, list[Step]] = defaultdict(list)  # of things, newest first but for those that are left
        self._moves: dict[tuple[str, str], list[Step]] = defaultdict(list)  # of (entity, id), newest first
        self._orders: dict[str, list[Step]] = defaultdict(list)  # of all of a kind
        self._removers: dict[str, Blame | None] = {}
        self._needing: dict[str, int] = {}  # of things, the newest step that needs one again when it is taken back
        self._parts: dict[str, set[str]] = {}  # which parts of fields a step (by its id) has changed

    async def read(self, steps: Sequence[Step]) -> None:
        """Reads what stands besides these steps, and the things that they are about."""
        draft = self._draft
        first = min((step["revision"] for step in steps), default=0)
        own = [step["id"] for step in steps]
        for row in await undo_log.standing_since(draft.connection, draft.id, first, own):
            if row["kind"] == "reorder":
                self._orders[row["entity"]].append(row)
                for id in row["moved"] or ():
                    self._moves[row["entity"], id].append(row)
            else:
                self._by_id[row["entity_id"]].append(row)
        made = {step["entity_id"] for step in steps if step["kind"] == "create"}
        if made:
            for revision, id in await undo_log.needing(
                draft.connection, draft.id, self._user_id, first, made, by=_naming(), besides=own
            ):
                self._needing[id] = max(revision, self._needing.get(id, 0))
        about: dict[str, dict[str, None]] = defaultdict(dict)
        for step in steps:
            if step["entity_id"] is not None and step["entity"] != "project":
                about[step["entity"]][step["entity_id"]] = None
        for entity, ids in about.items():
            await draft.look_up(entity, ids)
        await self._read_removers(id for entity, ids in about.items() for id in ids if draft.find(entity, id) is None)

    def blame(self, entity: str, id: str, step: Step, fields: Collection[str] = ()) -> Blame | None:
        """The newest step since that stands and has changed one of these fields; without `fields` any but the order."""
        if "order" in fields and (moves := self._since(self._moves[entity, id], step)):
            return moves[0]
        rows = self._since(self._by_id[id], step)
        return next((row for row in rows if not fields or self._touches(row, fields)), None)

    def on(self, id: str, step: Step) -> Sequence[Step]:
        """Everything since on one thing, but new orders."""
        return self._since(self._by_id[id], step)

    def own(self, entity: str, id: str, step: Step, fields: Collection[str]) -> Iterator[Step]:
        """What the same person has done since in other groups, and can still take back; of orders any of the kind."""
        moves = self._since(self._orders[entity], step) if "order" in fields else ()
        for row in (*moves, *self._since(self._by_id[id], step)):
            changed = row["kind"] == "reorder" or not fields or self._touches(row, fields)
            if changed and row["actor_id"] == self._user_id and not row["final"]:
                yield row

    def stays(self, step: Step) -> None:
        """One of the steps that were read is not taken back for now, like what has been done since."""
        row = {
            **{name: step[name] for name in ("id", "revision", "group_id", "kind", "entity", "entity_id")},
            "actor_id": self._user_id,
            "username": None,
            "final": False,
            "fields": list(step["forward"]) if step["kind"] == "update" else [],
        }
        if step["kind"] == "reorder":
            self._orders[step["entity"]].append(row)
            for pair in step["forward"][registry.find(step["entity"]).orders]:
                self._moves[step["entity"], pair["id"]].append(row)
            return
        self._by_id[step["entity_id"]].append(row)
        for name in _naming():
            if step["kind"] != "create" and (id := step["inverse"].get(name)) is not None:
                self._needing[id] = max(step["revision"], self._needing.get(id, 0))

    def needed(self, id: str, step: Step) -> bool:
        """Whether the same person can still take back something since that needs a thing again."""
        return bool(self._needing.get(id, 0) > step["revision"])

    async def tell_parts(self, entity: str, id: str, names: Collection[str]) -> None:
        """From now on fields may be parts (`field.part`) of the fields with these names."""
        draft, kind = self._draft, registry.find(entity)
        found = [
            row["id"] for row in self._by_id[id] if row["id"] not in self._parts and set(row["fields"]) & set(names)
        ]
        for name in names:
            for row_id, before, after in await undo_log.values_of(draft.connection, draft.id, found, name):
                await draft.pause()
                parts = [_ANY] if before is None or after is None else kind.differing(name, before, after)
                self._parts.setdefault(row_id, set()).update(
                    trace for part in parts for trace in registry.traces(f"{name}.{part}")
                )

    def _touches(self, row: Step, fields: Collection[str]) -> bool:
        changed: Collection[str] = row["fields"]
        parts = self._parts.get(row["id"], set())
        return any(
            (each in changed or registry.meets(each, parts) or f"{each.partition('.')[0]}.{_ANY}" in parts)
            for each in fields
        )

    async def remover(self, id: str) -> Blame | None:
        """The newest deletion of a thing."""
        if id not in self._removers:
            await self._read_removers([id])
        return self._removers[id]

    async def _read_removers(self, ids: Iterable[str]) -> None:
        wanted = list(ids)
        found = await undo_log.removers(self._draft.connection, self._draft.id, wanted) if wanted else {}
        self._removers |= {id: found.get(id) for id in wanted}

    @staticmethod
    def _since(rows: Sequence[Step], step: Step) -> list[Step]:
        return [row for row in rows if row["revision"] > step["revision"]]
