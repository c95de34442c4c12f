"""The document of an archive: from what is in the database, and back under new ids."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping
from typing import Any

from dawg_server.archives.layout import AUDIO_FOLDER, FORMAT, FORMAT_VERSION
from dawg_server.database import clips, tracks
from dawg_server.daw import entities
from dawg_server.daw.entities.project import KEPT

_TRACK = frozenset(tracks.TABLE.fields) - {"projectId"}
_SEND = frozenset(tracks.SENDS.fields) - {"trackId"}
_CLIP = frozenset(clips.TABLE.fields)

JsonObject = dict[str, Any]


def written(state: Mapping[str, Any], recordings: list[JsonObject], *, audio: bool) -> JsonObject:
    """What `project.json` says. `state` is `projects.snapshot`, `recordings` are rows; `audio`: they come along."""
    found = [
        {**_only(track, _TRACK), "sends": [_only(send, _SEND) for send in track["sends"]]} for track in state["tracks"]
    ]
    listed = [
        {
            "id": row["id"],
            "path": path(row) if audio else None,
            "name": row["original_name"] or row["filename"],
            "source": row["source"],
            "size": row["size_bytes"],
            "sha256": bytes(row["sha256"]).hex(),
        }
        for row in recordings
    ]
    return {
        "format": FORMAT,
        "formatVersion": FORMAT_VERSION,
        "exportedAt": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "project": _only(state["project"], frozenset(KEPT)),
        "tracks": found,
        "clips": [_only(clip, _CLIP) for clip in state["clips"]],
        "audioFiles": listed,
        **{
            each.plural: [_without_project(each.stored(one)) for one in state[each.plural]]
            for each in entities.declared()
        },
    }


def renamed(
    document: Mapping[str, Any], project_id: str, recordings: Mapping[str, str]
) -> tuple[list[JsonObject], list[JsonObject], list[tuple[entities.EntityType, JsonObject]]]:
    """(tracks with their sends, clips, entities of declared kinds) under new ids, the tracks' places without gaps.

    `recordings`: old id to new.
    """
    new = {thing["id"]: str(uuid.uuid4()) for thing in (*document["tracks"], *document["clips"])}
    found = [
        {
            **track,
            "id": new[track["id"]],
            "projectId": project_id,
            "order": place,
            "outputDestination": new.get(track["outputDestination"], track["outputDestination"]),
            "sends": [
                {
                    **send,
                    "id": str(uuid.uuid4()),
                    "trackId": new[track["id"]],
                    "destinationTrackId": new[send["destinationTrackId"]],
                }
                for send in track["sends"]
            ],
        }
        for place, track in enumerate(sorted(document["tracks"], key=lambda track: track["order"]))
    ]
    played = [
        {
            **clip,
            "id": new[clip["id"]],
            "trackId": new[clip["trackId"]],
            "audioFileId": recordings[clip["audioFileId"]] if clip["audioFileId"] else None,
        }
        for clip in document["clips"]
    ]
    return found, played, others_renamed(document, project_id, new)


def others_renamed(
    document: Mapping[str, Any], project_id: str, new: Mapping[str, str]
) -> list[tuple[entities.EntityType, JsonObject]]:
    """Entities of declared kinds under new ids; `new` has the tracks' and clips', by their old ones."""
    ids = {**new, **{one["id"]: str(uuid.uuid4()) for kind in entities.declared() for one in document[kind.plural]}}
    found = []
    for kind in entities.declared():
        for one in document[kind.plural]:
            named = {field: ids.get(one[field], one[field]) for field in kind.references}
            parent = {"projectId": project_id} if kind.parent == "project" else {}
            found.append((kind, {**one, **named, **parent, "id": ids[one["id"]]}))
    return found


def path(row: Mapping[str, Any]) -> str:
    """Where a recording lies in the archive."""
    return f"{AUDIO_FOLDER}{row['id']}.{format_of(row)}"


def format_of(row: Mapping[str, Any]) -> str:
    return str(row["storage_key"]).rpartition(".")[2]


def _without_project(thing: JsonObject) -> JsonObject:
    return {name: value for name, value in thing.items() if name != "projectId"}


def _only(thing: Mapping[str, Any], fields: frozenset[str]) -> JsonObject:
    return {name: value for name, value in thing.items() if name in fields}
