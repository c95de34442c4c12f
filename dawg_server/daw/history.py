"""Undo and redo: a person's own groups of steps, newest first, as long as nobody else changed the same since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from dawg_server import errors
from dawg_server.database import operations
from dawg_server.daw import routing
from dawg_server.daw.changes import ENTITIES, ORDERS
from dawg_server.daw.commands.tracks import make_room
from dawg_server.daw.draft import Draft, Thing

Way = Literal["undo", "redo"]
Step = Mapping[str, Any]
"""A row of the log: kind, entity, entity_id, forward, inverse."""


async def undo(draft: Draft, user_id: str, steps: int) -> list[str]:
    """Takes back up to `steps` groups and returns their ids; `Conflict` when there is none, `UndoConflict`."""
    done: list[str] = []
    while len(done) < steps:
        group = await operations.newest_group(draft.connection, draft.id, user_id, done)
        if not group:
            break
        for step in group:
            await _apply(draft, _Turned(step["kind"], step, step["inverse"], step["forward"]))
        done.append(group[0]["group_id"])
    return await _finished(draft, done, "There is nothing of yours to undo.")


async def redo(draft: Draft, user_id: str, steps: int) -> list[str]:
    """Repeats up to `steps` groups that `undo` took back, the latest first, and returns their ids.

    A step that was taken after an undo ends what could be repeated, also when it is undone itself: only steps that are
    newer than all that stands can be repeated.
    """
    done: list[str] = []
    newest = 0
    for group in await operations.undone_groups(draft.connection, draft.id, user_id, steps):
        if group["revision"] < newest:
            break
        newest, group_id = group["revision"], group["group_id"]
        done.append(group_id)
        for step in await operations.group(draft.connection, draft.id, user_id, group_id):
            await _apply(draft, _Turned(_OPPOSITE[step["kind"]], step, step["forward"], step["inverse"]))
    return await _finished(draft, done, "There is nothing of yours to redo.")


_OPPOSITE = {"create": "delete", "delete": "create", "update": "update", "reorder": "reorder"}


class _Turned:
    """A step seen from the way that is gone: it leads from the fields in `now` to those in `then`.

    `kind` is what the step did when it is taken back, and the opposite when it is repeated.
    """

    def __init__(self, kind: str, step: Step, then: dict[str, Any], now: dict[str, Any]) -> None:
        self.kind, self.then, self.now = kind, then, now
        self.entity: str = step["entity"]
        self.id: str = step["entity_id"]

    def conflict(self, draft: Draft, sentence: str, current: Any = None) -> errors.UndoConflict:
        return errors.UndoConflict(
            f"This step cannot be undone or repeated: {sentence}.",
            details={"entity": self.entity, "id": self.id, "current": current, "revision": draft.revision},
        )


async def _apply(draft: Draft, step: _Turned) -> None:
    if step.kind == "reorder":
        await _restore_order(draft, step)
    elif step.kind == "update":
        thing = await _present(draft, step)
        _check_untouched(draft, step, thing)
        await _check_targets(draft, step, {**thing, **step.then})
        draft.update(step.entity, step.id, step.then)
    elif step.kind == "create":
        thing = await _present(draft, step)
        _check_untouched(draft, step, thing)
        await _check_unused(draft, step)
        draft.delete(step.entity, step.id)
    else:
        await _check_targets(draft, step, step.then)
        if step.entity == "track":
            await make_room(draft, step.then["order"])
        draft.create(step.entity, step.then)


async def _present(draft: Draft, step: _Turned) -> Thing:
    if step.entity == "project":
        return draft.project
    readers: dict[str, Callable[[str], Any]] = {"track": draft.track, "clip": draft.clip}
    try:
        if step.entity == "send":
            await draft.tracks()
            thing: Thing | None = draft.find("send", step.id)
        else:
            thing = await readers[step.entity](step.id)
    except errors.NotFound:
        thing = None
    if thing is None:
        raise step.conflict(draft, f"the {step.entity} was deleted since")
    return thing


def _check_untouched(draft: Draft, step: _Turned, thing: Thing) -> None:
    for name, value in step.now.items():
        if name in ENTITIES[step.entity].fields and thing[name] != value:
            raise step.conflict(draft, f"{name} was changed since", {name: thing[name]})


async def _check_unused(draft: Draft, step: _Turned) -> None:
    """A track that others have put something on, or send sound to, is not taken away from under them."""
    if step.entity != "track":
        return
    if await draft.clips_of(step.id):
        raise step.conflict(draft, "there are clips on the track now")
    if any(step.id in (send["trackId"], send["destinationTrackId"]) for send in await draft.sends()):
        raise step.conflict(draft, "the track has sends now")
    if any(track["outputDestination"] == step.id for track in await draft.tracks()):
        raise step.conflict(draft, "other tracks send their sound to it now")


async def _check_targets(draft: Draft, step: _Turned, thing: Mapping[str, Any]) -> None:
    """Everything that the thing names has to be there still."""
    named = {"clip": ("trackId",), "send": ("trackId", "destinationTrackId"), "track": ("outputDestination",)}
    known = {track["id"]: track for track in await draft.tracks()} if step.entity in named else {}
    for name in named.get(step.entity, ()):
        target = known.get(thing[name])
        if target is None and thing[name] != routing.MASTER:
            raise step.conflict(draft, f"a track that it needs ({name}) was deleted since")
        if target is not None and name != "trackId" and target["trackType"] != "AUX":
            raise step.conflict(draft, f"the track that it leads to ({name}) is no AUX track any more")
    if step.entity == "clip" and thing["audioFileId"] and await draft.recording(thing["audioFileId"]) is None:
        raise step.conflict(draft, "its recording was deleted since")
    if step.entity == "send" and any(
        (each["trackId"], each["destinationTrackId"]) == (thing["trackId"], thing["destinationTrackId"])
        for each in await draft.sends()
        if each["id"] != step.id
    ):
        raise step.conflict(draft, "there is another such send now")


async def _restore_order(draft: Draft, step: _Turned) -> None:
    places = {track["id"]: track["order"] for track in await draft.tracks()}
    for pair in step.now[ORDERS]:
        if places.get(pair["id"]) != pair["order"]:
            raise step.conflict(draft, "the order of the tracks was changed since")
    wanted = {pair["id"]: pair["order"] for pair in step.then[ORDERS]}
    others = {place for id, place in places.items() if id not in wanted}
    if others & set(wanted.values()):
        raise step.conflict(draft, "the order of the tracks was changed since")
    draft.reorder(wanted)


async def _finished(draft: Draft, groups: list[str], nothing: str) -> list[str]:
    if not groups:
        raise errors.Conflict(nothing)
    routed = {"track", "send"} & {change.entity for change in draft.changes if change.kind != "delete"}
    if routed and routing.has_loop(await draft.tracks(), await draft.sends()):
        raise errors.UndoConflict("That would send the sound of a track back to itself, because of later changes.")
    return groups
