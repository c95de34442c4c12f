"""Tracks: where clips lie, and the channels of the mixer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from dawg_server import errors
from dawg_server.database import tracks
from dawg_server.daw import ordering, signal_flow
from dawg_server.daw.commands import command, find
from dawg_server.daw.entities.project import MAX_LYRICS
from dawg_server.daw.entity import Bulk, Condition, Entity, EntityType, Hindrance, Reference, the, wrong
from dawg_server.music import instruments
from dawg_server.schema import Choice, Colour, Decibels, Flag, Id, Items, JsonValue, Number, Text

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

MASTER = "master"
MAX_DECIBELS = 6  # of faders
MAX_GAIN = Decibels.gain(MAX_DECIBELS)
MAX_TRACKS = 500  # per project
MAX_METADATA = 64 * 1024  # bytes of JSON

MIXING = {
    "color": Colour("such as #3b82f6", allow_none=True, load_default=None),
    "volume": Number(0, MAX_GAIN, "linear, 1 is unity", load_default=0.8),
    "volumeDb": Decibels("volume", MAX_DECIBELS),
    "pan": Number(-1, 1, "-1 is left, 1 is right", load_default=0),
    "isMuted": Flag(load_default=False),
    "isSolo": Flag(load_default=False),
    "isArmed": Flag("ready to record", load_default=False),
    "outputDestination": Id("AUX track", '"master" or an AUX track\'s id', words=(MASTER,), load_default=MASTER),
    "groupId": Id("GROUP track", "the group that it is in", allow_none=True, load_default=None),
}
FIELDS = {
    "name": Text(1, 120, required=True),
    "trackType": Choice(("AUDIO", "MIDI", "INSTRUMENT", "AUX", "GROUP", "MASTER"), load_default="AUDIO"),
    **MIXING,
    "order": Number(0, MAX_TRACKS, "place in the list, from 0", whole=True),
    "channels": Choice(("mono", "stereo"), load_default="stereo"),
    "lyrics": Text(0, MAX_LYRICS, strip=False, allow_none=True, load_default=None),
    "instrument": Choice(
        instruments.NAMES,
        "what plays its notes, if no sampler does; without it what its name or its clips' names speak of",
        allow_none=True,
        load_default=None,
    ),
}
NOTED = ("MIDI", "INSTRUMENT")  # types of tracks that play notes
METADATA = JsonValue(MAX_METADATA, "what is known about its sound", objects=True, allow_none=True, load_default=None)


def misfit(track_type: str, clip: Mapping[str, Any]) -> str | None:
    """What is wrong about a clip on a track of that type."""
    if clip["audioFileId"] is not None:
        return None if track_type == "AUDIO" else "has to be an audio track, because the clip plays a recording"
    return None if track_type in NOTED else "has to be a MIDI or instrument track, because the clip has notes"


async def unmet(draft: Draft, track: Entity, changed: Collection[str]) -> Hindrance | None:
    """Clips fit to their track, and one MASTER is where all sound goes."""
    known = draft.find("track", track.get("id", "")) is not None
    if "trackType" in changed and known:
        clips = [
            each for each in await draft.naming("clip", "trackId", track["id"]) if misfit(track["trackType"], each)
        ]
        if clips:
            kinds = "recordings" if clips[0]["audioFileId"] is not None else "notes"
            return Hindrance(
                "trackType", f"does not fit to its clips of {kinds}", "clip", [each["id"] for each in clips]
            )
    if track["trackType"] != "MASTER":
        return None
    others = [each["id"] for each in await draft.all("track") if each["trackType"] == "MASTER"]
    if others := [id for id in others if id != track.get("id")]:
        return Hindrance("trackType", "cannot be MASTER, because there is a MASTER track already", "track", others)
    if track["outputDestination"] != MASTER:
        sentence = "of the MASTER track cannot lead elsewhere"
        return Hindrance("outputDestination", sentence, "track", [str(track.get("id"))])
    sends = await draft.naming("send", "trackId", track["id"]) if known else []
    if sends:
        return Hindrance(
            "trackType", "cannot be MASTER while the track has sends", "send", [each["id"] for each in sends]
        )
    return None


async def grouped_master(draft: Draft, track: Entity, changed: Collection[str]) -> Hindrance | None:
    if track["trackType"] != MASTER.upper() or track["groupId"] is None:
        return None
    return Hindrance("groupId", "is not for the MASTER track", "track", [str(track.get("id"))])


async def silent_instrument(draft: Draft, track: Entity, changed: Collection[str]) -> Hindrance | None:
    if track["trackType"] in NOTED or track["instrument"] is None:
        return None
    return Hindrance("instrument", "is for MIDI and instrument tracks", "track", [str(track.get("id"))])


async def judge(draft: Draft, track: Entity | None, changed: Entity) -> Collection[str]:
    """A track keeps its type while others send their sound to it. A new one for notes has the instrument that its name
    speaks of."""
    after = {**(track or {}), **changed}
    if after["trackType"] not in NOTED and after["instrument"] is not None:
        if changed.get("instrument") is not None:
            raise wrong("instrument", "is for MIDI and instrument tracks")
        changed["instrument"] = None
    elif after["trackType"] in NOTED and track is None and after["instrument"] is None:
        changed["instrument"] = instruments.spoken_of(after["name"])
    if track is not None and "trackType" in changed:
        feeding = [signal_flow.source(kind, each) for kind, each in await signal_flow.feeding(draft, track["id"])]
        if feeding:
            raise errors.InUse(
                f"Other tracks send their sound to this {track['trackType']} track.",
                details={"trackIds": list(dict.fromkeys(feeding))},
            )
    return ()


TRACK = EntityType(
    name="track",
    plural="tracks",
    help="a channel of the mixer with clips on it",
    table=tracks.TRACKS,
    fields=FIELDS,
    written={"metadata": METADATA},
    references={
        "outputDestination": Reference("track", "clear", MASTER, sound="AUX"),
        "groupId": Reference("track", "clear", sound="GROUP", beside=True),
    },
    ordered=True,
    limit=MAX_TRACKS,
    conditions=[
        Condition(frozenset({"trackType", "outputDestination"}), unmet),
        Condition(frozenset({"trackType", "groupId"}), grouped_master),
        Condition(frozenset({"trackType", "instrument"}), silent_instrument),
    ],
    rule=judge,
    ruled=frozenset({"trackType", "groupId", "instrument"}),
    bulk=Bulk(MIXING, 100),
    about_deletion="With its clips and the sends to it; all of that can be undone. Tracks of a group stay.",
    module=__name__,
)


@command(
    "groupTracks",
    "Puts tracks into a new group, whose fader, pan, mute and solo are for all of them.",
    {
        "trackIds": Items(Id("track"), 1, 100, required=True),
        "name": Text(1, 120, load_default="Group"),
    },
)
async def group_tracks(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    """The group takes the place of the first of them, and they follow it; it is in the group that all of them share."""
    found = sorted(await draft.several("track", values["trackIds"]), key=lambda each: each["order"])
    if any(each["trackType"] == MASTER.upper() for each in found):
        raise wrong("trackIds", "names the MASTER track, which is in no group")
    around = {each["groupId"] for each in found}
    ids = [each["id"] for each in found]
    if not around.isdisjoint(ids):
        raise wrong("trackIds", "names a group together with tracks that are in it")
    order = found[0]["order"]
    new = {**TRACK.create.defaults, "name": values["name"], "trackType": "GROUP", "volume": 1.0, "order": order}
    made = await find("createTrack").plan(draft, {**new, "groupId": around.pop() if len(around) == 1 else None})
    group_id = made["track"]["id"]
    for id in ids:
        draft.update("track", id, {"groupId": group_id})
    moved = dict.fromkeys([each for id in ids for each in await ordering.together(draft, TRACK, id)])
    await ordering.move(draft, TRACK, draft.id, {id: place for place, id in enumerate(moved, order + 1)})
    return {"track": draft.shown("track", group_id), "tracks": [draft.shown("track", id) for id in ids]}


@command("ungroupTracks", "Removes a group; its tracks stay, in the group that it was in.", {"trackId": the("track")})
async def ungroup_tracks(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    group = dict(await draft.get("track", values["trackId"]))
    if group["trackType"] != "GROUP":
        raise wrong("trackId", "has to be a track of the type GROUP")
    ids = [each["id"] for each in await draft.naming("track", "groupId", group["id"])]
    for id in ids:
        draft.update("track", id, {"groupId": group["groupId"]})
    await find("deleteTrack").plan(draft, {"trackId": group["id"]})
    return {"tracks": [draft.shown("track", id) for id in ids]}


@command(
    "setTrackMetadata",
    "Keeps what is known about the sound of a track.",
    {"trackId": the("track"), "metadata": JsonValue(MAX_METADATA, objects=True, required=True, allow_none=True)},
)
async def set_metadata(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    track = await draft.get("track", values["trackId"])
    draft.update("track", track["id"], {"metadata": values["metadata"]})
    return {"track": draft.shown("track", track["id"])}


@command(
    "setLyrics",
    "Writes the lyrics of the project, or of one track.",
    {
        "lyrics": Text(0, MAX_LYRICS, strip=False, required=True, allow_none=True),
        "trackId": Id("track", "whose lyrics; without it the project's", allow_none=True),
        "append": Flag("whether to add to what is there, on a new line", load_default=False),
    },
)
async def set_lyrics(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    track_id, lyrics = values.get("trackId"), values["lyrics"]
    target = await draft.get("track", track_id) if track_id else draft.project
    if values.get("append") and target["lyrics"]:
        lyrics = f"{target['lyrics']}\n{lyrics or ''}"
        if len(lyrics) > MAX_LYRICS:
            sentence = f"would become longer than {MAX_LYRICS} characters"
            raise errors.ValidationError(f"The lyrics {sentence}.", details={"lyrics": sentence})
    draft.update("track" if track_id else "project", track_id or draft.id, {"lyrics": lyrics})
    return {"trackId": track_id, "lyrics": lyrics}
