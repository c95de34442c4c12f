"""What a room is told when its project has changed: one event for each stored operation (contract, section 6.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bus import events
from dawg_server.daw import entities
from dawg_server.daw.changes import ORDERS

NAMES = {
    "project:updated": "Fields of the project: `update`, and `project` {id, …changed}.",
    "track:created": "A `track` was added.",
    "track:updated": "`changes` of the track `trackId`, or of its sends; `track` is how it is now.",
    "track:deleted": "The track `trackId` is gone; its clips were told before.",
    "track:reordered": "`trackOrders`: the places of all tracks.",
    "clip:created": "A `clip` was added.",
    "clip:updated": "`changes` of the clip `clipId`; `clip` is how it is now.",
    "clip:deleted": "The clip `clipId` is gone.",
    "lyrics:updated": "The lyrics of the track `trackId`, or (null) of the project.",
    "project:undone": "The steps `groupIds` were taken back; the changes were told before.",
    "project:redone": "The steps `groupIds` were repeated; the changes were told before.",
}


def names() -> dict[str, str]:
    """Every event about a document, with what it means."""
    made = {}
    for each in entities.declared():
        made[f"{each.name}:created"] = f"A new {each.name} in `{each.name}`: {each.help}."
        made[f"{each.name}:updated"] = f"`changes` of `{each.name}Id`; `{each.name}` is how it is now."
        made[f"{each.name}:deleted"] = f"The {each.name} `{each.name}Id` is gone."
    return NAMES | made


def told(event: events.ProjectChanged) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, payload) in the order of the log; then, after undo and redo, which groups that was."""
    common = {
        "projectId": event.project_id,
        "userId": event.user_id,
        "username": event.username,
        "userName": event.username,
        "source": event.source,
        "groupId": event.group_id,
        "cause": event.cause,
        "clientOperationId": event.client_operation_id,
    }
    for operation in event.operations:
        for name, payload in _told(operation, event.things):
            yield name, {**payload, **common, "revision": operation["revision"]}
    if event.cause is not None and event.group_ids:
        payload = {**common, "groupIds": event.group_ids, "revision": event.revision}
        yield f"project:{'undone' if event.cause == 'undo' else 'redone'}", payload


def _told(
    operation: Mapping[str, Any], things: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    entity, id, kind, changes = (operation[name] for name in ("entity", "entityId", "kind", "changes"))
    if kind == "reorder":
        yield "track:reordered", {ORDERS: [{"id": id, "order": place} for id, place in things["order"].items()]}
    elif entity == "send":
        track_id = things["send"].get(id, "")
        # A track that is gone by the end of the transaction has none; it is told as deleted after this.
        track = things["track"].get(track_id) or {"id": track_id, "sends": []}
        yield "track:updated", {"trackId": track_id, "changes": {"sends": track["sends"]}, "track": track}
    elif kind == "update" and set(changes) == {"lyrics"}:
        yield "lyrics:updated", {"trackId": id if entity == "track" else None, "lyrics": changes["lyrics"]}
    elif entity == "project":
        yield "project:updated", {"update": changes, "project": {"id": id, **changes}}
    elif kind == "create":
        yield f"{entity}:created", {entity: things.get(entity, {}).get(id) or changes}
    elif kind == "update":
        # What is gone by the end of the transaction has nothing more to show than its changes.
        thing = things.get(entity, {}).get(id) or {"id": id, **changes}
        yield f"{entity}:updated", {f"{entity}Id": id, "changes": changes, entity: thing}
    else:
        yield f"{entity}:deleted", {f"{entity}Id": id}
