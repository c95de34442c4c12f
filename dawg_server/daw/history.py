"""Undo and redo: a person's own groups of steps, newest first. Neither ever gets stuck.

What somebody else has changed since is skipped for good and said; everything else of the group is taken back. A step
that the same person has built on in a newer group is left until that group is taken back. Redo takes back the very
operations of an undo, by the same rules.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dawg_server import errors
from dawg_server.database import undo_log
from dawg_server.daw.commands import command
from dawg_server.daw.draft import Draft
from dawg_server.daw.reversal import Reversal
from dawg_server.schema import AnyField, Id, Number

STEPS: dict[str, AnyField] = {"steps": Number(1, 20, "how many", whole=True, load_default=1)}
UNDO: dict[str, AnyField] = {
    **STEPS,
    "groupId": Id("group", "instead of the newest: this group alone, but what you have built on it", allow_none=True),
    "revision": Number(1, 2**62, "alone what was done at once with this revision", whole=True, allow_none=True),
}
MAX_GROUPS = 200  # looked at in one call, when nothing of them can be taken back


@dataclass(slots=True)
class Travelled:
    """`groups` that were taken back or repeated, at least in part, by so many `steps`; `skipped` is what stays."""

    groups: list[str] = field(default_factory=list)
    steps: int = 0
    skipped: list[dict[str, Any]] = field(default_factory=list)

    def went(self, groups: Sequence[str], reversal: Reversal) -> None:
        self.skipped += reversal.skipped
        if reversal.changed:
            self.steps += 1
            self.groups += [each for each in groups if each not in self.groups]

    def told(self, draft: Draft) -> dict[str, Any]:
        draft.travelled = self.groups
        return {"groupIds": self.groups, "steps": self.steps, "skipped": self.skipped}


@command("undo", "Takes back the user's latest steps.", UNDO)
async def undo(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    """Takes back up to `steps` groups; of the group of this very call one transaction counts as a step, and they come
    first.

    Tells `groupIds`, and `skipped` with `{entity, id, field, by, username, reason, groupId}` of what stays. What is
    skipped never comes up again. Raises `Conflict` when there is nothing to take back, not even in vain.
    """
    draft.source, within, user_id = "undo", draft.turn, draft.user_id
    travelled = Travelled()
    if values.get("groupId") is not None or values.get("revision") is not None:
        await _alone(draft, values.get("groupId"), values.get("revision"), travelled)
        return travelled.told(draft)
    left: list[str] = []
    for looked in range(MAX_GROUPS):
        if travelled.steps == values["steps"]:
            break
        group = await undo_log.newest_group(draft.connection, draft.id, user_id, within=within, besides=left)
        if not group:
            if not looked:
                raise errors.Conflict("There is nothing of yours to undo.")
            break
        draft.group = str(uuid.uuid4())
        reversal = Reversal(draft, user_id, group)
        await reversal.run()
        travelled.went([group[0]["group_id"]], reversal)
        left += reversal.left
        await undo_log.mark_undone(draft.connection, draft.id, draft.group, reversal.taken, reversal.final)
    draft.group = None
    return travelled.told(draft)


async def _alone(draft: Draft, group_id: str | None, revision: int | None, travelled: Travelled) -> None:
    """What the user has built on since stays for now, what others have changed for good."""
    steps = await undo_log.steps_of(draft.connection, draft.id, draft.user_id, group_id=group_id, revision=revision)
    if not steps:
        raise errors.Conflict("There is nothing of yours to undo in that.")
    draft.group = str(uuid.uuid4())
    reversal = Reversal(draft, draft.user_id, steps)
    await reversal.run()
    travelled.went([steps[0]["group_id"]], reversal)
    await undo_log.mark_undone(draft.connection, draft.id, draft.group, reversal.taken, reversal.final)
    draft.group = None


@command("redo", "Repeats what undo took back.", STEPS)
async def redo(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    """Repeats up to `steps` groups that `undo` took back, the latest first. Raises `Conflict` when there is none."""
    draft.source, user_id = "redo", draft.user_id
    travelled = Travelled()
    for looked in range(MAX_GROUPS):
        if travelled.steps == values["steps"]:
            break
        unit = await undo_log.newest_undone(draft.connection, draft.id, user_id)
        if unit is None:
            if not looked:
                raise errors.Conflict("There is nothing of yours to redo.")
            break
        reversal = Reversal(draft, user_id, unit["steps"])
        await reversal.run()
        travelled.went(unit["group_ids"], reversal)
        await undo_log.mark_repeated(draft.connection, draft.id, user_id, unit["undone_by"])
    return travelled.told(draft)
