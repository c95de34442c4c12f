"""Commands about kept states of the project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dawg_server import errors
from dawg_server.database import versions
from dawg_server.daw import entities
from dawg_server.daw.cascade import cascade
from dawg_server.daw.commands.base import Specs
from dawg_server.daw.draft import Draft, Entity
from dawg_server.daw.entities.project import KEPT
from dawg_server.daw.following import change_tempo
from dawg_server.daw.routing import MASTER
from dawg_server.schema import Number, parameters

MAX_NUMBER = 2**31 - 1
_PLACED = ("outputDestination", "order")  # fields of tracks that depend on other tracks

SPECS = Specs()


@SPECS.add(
    "restoreVersion",
    "Brings back a kept version of the project.",
    parameters({"number": Number(1, MAX_NUMBER, "number of the version", whole=True, required=True)}),
)
async def restore_version(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    """`missingAudio` are recordings that were deleted since; their clips cannot come back."""
    number = values["number"]
    kept = await versions.snapshot(draft.connection, draft.id, number)
    if kept is None:
        raise errors.NotFound("There is no such version.", details={"kind": "version"})
    wanted_tracks = _by_id(kept["tracks"])
    wanted_sends = _by_id([send for track in kept["tracks"] for send in track["sends"]])
    wanted_clips, missing = await _playable(draft, kept["clips"])

    # In this order every step, and every step backwards, finds what it needs: things go before what they hang on.
    present = await _clips(draft)
    await _delete_sends(draft, wanted_sends)
    for id in present.keys() - wanted_clips.keys():
        draft.delete("clip", id)
    # A version that is older than a kind of entities does not say anything about them.
    others = {each.name: _by_id(kept[each.plural]) for each in entities.declared() if each.plural in kept}
    for name, wanted in others.items():
        for other in await draft.all(name):
            if other["id"] not in wanted:
                draft.delete(name, other["id"])
    await _create_tracks(draft, wanted_tracks)
    await change_tempo(draft, kept["project"]["bpm"])
    draft.update("project", draft.id, {name: kept["project"][name] for name in KEPT})
    await _update_tracks(draft, wanted_tracks)
    for id, clip in wanted_clips.items():
        _put(draft, "clip", id, clip, known=id in present)
    for track in await draft.tracks():
        if track["id"] not in wanted_tracks:
            await cascade(draft, "track", track["id"])
            draft.delete("track", track["id"])
    draft.reorder({id: track["order"] for id, track in wanted_tracks.items()})
    known = {send["id"] for send in await draft.sends()}
    for id, send in wanted_sends.items():
        _put(draft, "send", id, send, known=id in known)
    for name, wanted in others.items():
        known = {each["id"] for each in await draft.all(name)}
        for id, other in wanted.items():
            _put(draft, name, id, other, known=id in known)
    return {"project": draft.shown("project", draft.id), "number": number, "missingAudio": missing}


async def _playable(draft: Draft, clips: Iterable[Entity]) -> tuple[dict[str, Entity], list[str]]:
    """(the clips whose recordings are there, the recordings that are not)."""
    found: dict[str, Entity] = {}
    missing: dict[str, None] = {}
    for clip in clips:
        audio_id = clip["audioFileId"]
        if audio_id is None:
            found[clip["id"]] = clip
            continue
        recording = await draft.recording(audio_id)
        if recording is None:
            missing[audio_id] = None
            continue
        found[clip["id"]] = clip
        if recording["project_id"] is None:
            draft.attached.add(audio_id)
    return found, list(missing)


async def _clips(draft: Draft) -> dict[str, Entity]:
    return _by_id([clip for track in await draft.tracks() for clip in await draft.clips_of(track["id"])])


async def _delete_sends(draft: Draft, wanted: Mapping[str, Entity]) -> None:
    """Also those that lead elsewhere now: a send never changes its two ends, it is made anew."""
    for send in await draft.sends():
        other = wanted.get(send["id"])
        if other is None or any(send[end] != other[end] for end in ("trackId", "destinationTrackId")):
            draft.delete("send", send["id"])


async def _create_tracks(draft: Draft, wanted: Mapping[str, Entity]) -> None:
    """At the end of the list and with their output to the master, until all tracks are there."""
    present = await draft.tracks()
    known = {track["id"] for track in present}
    end = max([track["order"] for track in (*present, *wanted.values())], default=-1) + 1
    for place, id in enumerate((id for id in wanted if id not in known), end):
        fields = _fields("track", wanted[id])
        draft.create("track", {**fields, "projectId": draft.id, "order": place, "outputDestination": MASTER})


async def _update_tracks(draft: Draft, wanted: Mapping[str, Entity]) -> None:
    """Outputs are taken off before the types of tracks change, and put on afterwards."""
    for track in await draft.tracks():
        target = wanted.get(track["id"])
        if target is None or target["outputDestination"] != track["outputDestination"]:
            draft.update("track", track["id"], {"outputDestination": MASTER})
    for id, track in wanted.items():
        fields = _fields("track", track)
        draft.update("track", id, {name: value for name, value in fields.items() if name not in _PLACED})
    for id, track in wanted.items():
        draft.update("track", id, {"outputDestination": track["outputDestination"]})


def _put(draft: Draft, entity: str, id: str, thing: Entity, *, known: bool) -> None:
    if known:
        draft.update(entity, id, _fields(entity, thing))
    else:
        draft.create(entity, _fields(entity, thing))


def _fields(entity: str, thing: Entity) -> dict[str, Any]:
    """What is stored of a thing; the rest was only shown."""
    return entities.find(entity).stored(thing)


def _by_id(things: Iterable[Entity]) -> dict[str, Entity]:
    return {thing["id"]: thing for thing in things}
