"""The document of an archive: from what is in the database, and back under new ids."""

from __future__ import annotations

import itertools
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import orjson

from dawg_server import filenames, wire
from dawg_server.archives.layout import AUDIO_FOLDER, FORMAT, FORMAT_VERSION, MIX, VERSIONS_FOLDER
from dawg_server.database.table import Batch
from dawg_server.daw import entity as registry
from dawg_server.daw import freezing
from dawg_server.daw.entity import EntityType

JsonObject = dict[str, Any]
Content = list[tuple[EntityType, JsonObject]]
"""Everything in a project as it is stored, what others hang on first."""


def written(
    state: Mapping[str, Any],
    recordings: list[JsonObject],
    paths: Mapping[str, str],
    versions: Iterable[Mapping[str, Any]] = (),
) -> JsonObject:
    """What `project.json` says. `state` is `projects.snapshot`, `recordings` and `versions` are rows; `paths`, by their
    ids, are those of the recordings that come along."""
    listed = [
        {
            "id": row["id"],
            "path": paths.get(row["id"]),
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
        "exportedAt": wire.now(),
        **_contents(state),
        "audioFiles": listed,
        "versions": [{"number": row["number"], "path": version_path(row)} for row in versions],
    }


def version_written(row: Mapping[str, Any]) -> bytes:
    """The file of a version; `row`: one of `database.versions.texts`. It may know fewer kinds than there are now."""
    told = {name: row[name] for name in ("number", "name", "description", "automatic")}
    told |= {"format": FORMAT, "formatVersion": FORMAT_VERSION, "createdAt": wire.timestamp(row["created_at"])}
    return orjson.dumps({**told, **_contents(orjson.loads(row["snapshot"]))})


def version_path(row: Mapping[str, Any]) -> str:
    return f"{VERSIONS_FOLDER}{row['number']}.json"


def snapshot(document: Mapping[str, Any], content: Content, lists: Collection[str]) -> str:
    """What a version keeps (`database.versions`), as JSON: the `lists` that it knew, under the ids of `content`."""
    found: dict[str, list[JsonObject]] = defaultdict(list)
    parents: dict[str, JsonObject] = {}
    for kind, each in content:
        parents[each["id"]] = each
        each |= {part.plural: [] for part in registry.parts_of(kind)}
        if kind.within == "parent":
            parents[each[kind.parent_field]][kind.plural].append(each)
        else:
            found[kind.plural].append(each)
    known = {name: found[name] for name in lists}
    return orjson.dumps({"project": document["project"], **known}).decode()


def _contents(state: Mapping[str, Any]) -> JsonObject:
    return {
        "project": {name: state["project"][name] for name in registry.find("project").kept if name in state["project"]},
        **{
            kind.plural: [_shown(kind, each) for each in state[kind.plural]]
            for kind in registry.contents()
            if kind.within != "parent" and kind.plural in state
        },
    }


Names = defaultdict[str, dict[str, str]]
"""New ids by kind and by old id."""


def renamed(
    document: Mapping[str, Any], project_id: str, recordings: Mapping[str, str], new: Names | None = None
) -> Content:
    """What is in the project, under new ids and with places without gaps. `recordings`: old id to new; what is none of
    them becomes an id of nothing. `new`: ids that are given already, and grow."""
    old = [(kind, each) for kind in registry.contents() for each in listed(document, kind)]
    new = defaultdict(dict) if new is None else new
    for kind, each in old:
        new[kind.name].setdefault(each["id"], str(uuid.uuid4()))
    places: dict[str, int] = defaultdict(int)
    found: Content = []
    for kind, each in sorted(old, key=lambda pair: pair[1]["order"] if pair[0].ordered else 0):
        names = {field: new[other.entity].get(each[field], each[field]) for field, other in kind.references.items()}
        entity = {**kind.stored(each), **names, "id": new[kind.name][each["id"]]}
        if kind.parent == "project":
            entity["projectId"] = project_id
        if kind.recording and each[kind.recording] is not None:
            entity[kind.recording] = recordings.get(each[kind.recording]) or str(uuid.uuid4())
        if kind.ordered:
            among = f"{kind.name} {entity[kind.parent_field]}"
            entity["order"], places[among] = places[among], places[among] + 1
        found.append((kind, entity))
    kinds = registry.contents()
    _true(document, found)
    return sorted(found, key=lambda pair: kinds.index(pair[0]))


def _true(document: Mapping[str, Any], content: Content) -> None:
    """Digests of frozen sound are those of things under their new ids."""
    on = [each for kind, each in content if kind.name == "freeze"]
    if not on:
        return
    of: dict[str, list[JsonObject]] = defaultdict(list)
    for kind, each in content:
        of[kind.name].append(each)
    tempo = {kind.plural: of[kind.name] for kind in registry.deciding_tempo()}
    for freeze in on:
        track = next(each for each in of["track"] if each["id"] == freeze["trackId"])
        clips, devices, envelopes = (
            [each for each in of[name] if each["trackId"] == track["id"]] for name in ("clip", "device", "automation")
        )
        takes = [take for take in of["take"] if any(take["clipId"] == clip["id"] for clip in clips)]
        lists = {"clips": clips, "takes": takes, "devices": devices, "envelopes": envelopes}
        freeze["soundDigest"] = freezing.digest({**document["project"], **tempo}, track, **lists)


def fill(batch: Batch, content: Content) -> None:
    """Stores it; what leads to others of the same kind comes when all of them are there."""
    later: Content = []
    for kind, each in content:
        own = {name: other.cleared for name, other in kind.references.items() if other.entity == kind.name}
        kind.table.insert(batch, {**each, **own})
        if changed := {name: each[name] for name, cleared in own.items() if each[name] != cleared}:
            later.append((kind, {"id": each["id"], **changed}))
    for kind, each in later:
        kind.table.update(batch, each.pop("id"), each)


def listed(document: Mapping[str, Any], kind: EntityType) -> Iterable[JsonObject]:
    """The entities of a kind, with the id of the track that they are on."""
    if kind.within != "parent":
        yield from document[kind.plural]
        return
    for parent in document[registry.find(kind.parent).plural]:
        for each in parent[kind.plural]:
            yield {**each, kind.parent_field: parent["id"]}


def played(document: Mapping[str, Any]) -> set[str]:
    """The ids of the recordings that things in the project play."""
    return {
        each[kind.recording]
        for kind in registry.contents()
        if kind.recording
        for each in listed(document, kind)
        if each[kind.recording] is not None
    }


def paths(rows: Iterable[Mapping[str, Any]], mix: str | None = None) -> dict[str, str]:
    """Where recordings lie in the archive, by their ids: under their names, each of which is there once. `mix`: the id
    of the one that is the whole song, which lies before all others."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for row in rows:
        end = format_of(row)
        if row["id"] == mix:
            found[row["id"]] = f"{MIX}.{end}"
            continue
        name = str(row["original_name"] or row["filename"])
        stem = filenames.safe(filenames.without_extension(name), "recording")
        names = (f"{stem}{more}.{end}" for more in itertools.chain([""], (f" ({n})" for n in itertools.count(2))))
        name = next(name for name in names if name.casefold() not in taken)
        taken.add(name.casefold())
        found[row["id"]] = AUDIO_FOLDER + name
    return found


def readme(
    state: Mapping[str, Any],
    recordings: Iterable[Mapping[str, Any]],
    paths: Mapping[str, str],
    versions: Iterable[Mapping[str, Any]] = (),
) -> str:
    """What is in the archive, for people."""
    project = state["project"]
    lines = [
        project["name"],
        f"{project['bpm']:g} bpm, {project['timeSignature']}, {project['key']}",
        "",
        "This is a project of DAWG. To open it, choose Import there and give it this zip, or one of this folder.",
        "project.json holds the arrangement; the recordings are in audio/.",
        "",
        *(f"{track['name']} ({track['trackType'].lower()})" for track in sorted(state["tracks"], key=_order)),
    ]
    if earlier := [f"  {row['number']} {row['name'] or ''}".rstrip() for row in versions]:
        lines += ["", "Earlier versions, which are there again after an import:", *earlier]
    if absent := [str(row["original_name"] or row["filename"]) for row in recordings if row["id"] not in paths]:
        lines += ["", "Recordings that were left out:", *(f"  {name}" for name in absent)]
    return "\r\n".join(lines) + "\r\n"


def _order(track: Mapping[str, Any]) -> int:
    return int(track["order"])


def format_of(row: Mapping[str, Any]) -> str:
    return str(row["storage_key"]).rpartition(".")[2]


def _shown(kind: EntityType, entity: Mapping[str, Any]) -> JsonObject:
    """Without the project, which is another one wherever it is read, nor what it is a part of."""
    besides = {"projectId", kind.parent_field if kind.within == "parent" else "projectId"}
    shown = {name: value for name, value in kind.stored(entity).items() if name not in besides}
    for part in registry.parts_of(kind):
        shown[part.plural] = [_shown(part, each) for each in entity.get(part.plural, ())]
    return shown
