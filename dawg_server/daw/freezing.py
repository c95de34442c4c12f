"""What a track sounds like before its fader, as a digest: whether a frozen recording of it is still true."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from dawg_server.daw import entity as registry

if TYPE_CHECKING:
    from dawg_server.daw.draft import Change, Draft
    from dawg_server.daw.entity import Entity

_Shown = Mapping[str, Any]
_SILENT = frozenset({"id", "trackId", "color", "name", "order", "preset", "bypassed", "projectId", "clipId"})
_OF_TRACK = ("trackType", "instrument", "channels")
_SPOKEN = ("name", "metadata")  # where the track has no instrument of its own, these tell it


def digest(
    project: _Shown,
    track: _Shown,
    *,
    clips: Iterable[_Shown],
    takes: Iterable[_Shown],
    devices: Iterable[_Shown],
    envelopes: Iterable[_Shown],
) -> str:
    """`project` with the lists that decide about its tempo; everything else is that of the track. What does not sound
    (names, colours, the fader, envelopes of the mixer, devices that are bypassed) does not matter."""
    clips = list(clips)
    spoken = track["instrument"] is None and any(clip["midiData"] is not None for clip in clips)
    comped: dict[str, list[Any]] = {}
    for take in takes:
        if take["ranges"]:
            comped.setdefault(take["clipId"], []).append(_heard(take))
    chain = [each for each in sorted(devices, key=lambda each: each["order"]) if not each["bypassed"]]
    places = {each["id"]: place for place, each in enumerate(chain)}
    sound = {
        "tempo": [
            project["bpm"],
            project["timeSignature"],
            *([_heard(each) for each in project[kind.plural]] for kind in registry.deciding_tempo()),
        ]
        if clips or chain
        else [],
        "track": {name: track[name] for name in (*_OF_TRACK, *(_SPOKEN if spoken else ()))},
        "clips": sorted(
            ([_heard(each, each["name"] if spoken else ""), comped.get(each["id"], [])] for each in clips), key=repr
        ),
        "devices": [_heard(each) for each in chain],
        "envelopes": sorted(
            (
                [places[each["deviceId"]], each["parameter"], each["points"]]
                for each in envelopes
                if each["enabled"] and each["deviceId"] in places
            ),
            key=repr,
        ),
    }
    return hashlib.sha256(orjson.dumps(_even(sound), option=orjson.OPT_SORT_KEYS)).hexdigest()


def of_snapshot(project: _Shown, track: _Shown) -> str:
    """Of a track of a project as readers get it, with everything in it."""
    own = {clip["id"] for clip in track["clips"]}
    takes = (take for take in project["takes"] if take["clipId"] in own)
    lists = {"clips": track["clips"], "devices": track["devices"], "envelopes": track["automations"]}
    return digest(project, track, takes=takes, **lists)


async def of_draft(draft: Draft, track_id: str) -> str:
    project = {**draft.project, **{kind.plural: draft.known(kind.name) for kind in registry.deciding_tempo()}}
    clips = await draft.naming("clip", "trackId", track_id)
    takes = [take for take in await draft.all("take") if any(take["clipId"] == clip["id"] for clip in clips)]
    return await asyncio.to_thread(
        digest,
        project,
        await draft.get("track", track_id),
        clips=clips,
        takes=takes,
        devices=await draft.naming("device", "trackId", track_id),
        envelopes=await draft.naming("automation", "trackId", track_id),
    )


async def thaw(draft: Draft) -> None:
    """Ends the freeze of every track that sounds otherwise now, as a part of the step that has changed it."""
    frozen = {each["trackId"]: each for each in draft.known("freeze")}
    touched = {track_id for change in draft.changes for track_id in await _sounding(draft, change)}
    for track_id, freeze in frozen.items():
        if None in touched or track_id in touched:
            await draft.pause()
            if await of_draft(draft, track_id) != freeze["soundDigest"]:
                draft.delete("freeze", freeze["id"])


async def _sounding(draft: Draft, change: Change) -> list[str | None]:
    """The tracks whose sound a change may be about; None stands for all of them."""
    if registry.sets_tempo(change.entity, {**change.forward, **change.inverse}):
        return [None]
    if change.entity == "track":
        return [change.entity_id]
    if change.entity == "take":
        take: Entity = draft.find("take", str(change.entity_id)) or change.inverse
        clip = draft.find("clip", take["clipId"])
        if clip is None and any(each.entity_id == take["clipId"] for each in draft.changes):
            return []  # it has gone with its clip
        return [(clip or await draft.get("clip", take["clipId"]))["trackId"]]
    if change.entity == "clip":
        told = (change.parent_id, change.forward.get("trackId"), change.inverse.get("trackId"))
        return [track_id for track_id in told if track_id]
    return [change.parent_id] if change.entity in ("device", "automation", "freeze") and change.parent_id else []


def _heard(entity: _Shown, name: str = "") -> dict[str, Any]:
    kept = {key: value for key, value in entity.items() if key not in _SILENT and not key.endswith("At")}
    return {**kept, "name": name} if name else kept


def _even(value: Any) -> Any:
    """1 and 1.0 are the same number."""
    if isinstance(value, dict):
        return {name: _even(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_even(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
