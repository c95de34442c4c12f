"""Tracks: where clips lie, and the channels of the mixer."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from dawg_server import errors
from dawg_server.database import tracks
from dawg_server.daw import signal_flow
from dawg_server.daw.commands import command
from dawg_server.daw.entities.project import MAX_LYRICS
from dawg_server.daw.entity import Bulk, Entity, EntityType, Reference, the
from dawg_server.schema import Choice, Colour, Decibels, Flag, Id, JsonValue, Number, Text

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
}
FIELDS = {
    "name": Text(1, 120, required=True),
    "trackType": Choice(("AUDIO", "MIDI", "INSTRUMENT", "AUX", "MASTER"), load_default="AUDIO"),
    **MIXING,
    "order": Number(0, MAX_TRACKS, "place in the list, from 0", whole=True),
    "channels": Choice(("mono", "stereo"), load_default="stereo"),
    "lyrics": Text(0, MAX_LYRICS, strip=False, allow_none=True, load_default=None),
}
METADATA = JsonValue(MAX_METADATA, "what is known about its sound", objects=True, allow_none=True, load_default=None)


async def judge(draft: Draft, track: Entity | None, changed: Entity) -> Collection[str]:
    """An AUX track stays one while others send their sound to it."""
    if track is not None and track["trackType"] == "AUX":
        feeding = [signal_flow.source(kind, each) for kind, each in await signal_flow.feeding(draft, track["id"])]
        if feeding:
            raise errors.InUse(
                "Other tracks send their sound to this AUX track.", details={"trackIds": list(dict.fromkeys(feeding))}
            )
    return ()


TRACK = EntityType(
    name="track",
    plural="tracks",
    help="a channel of the mixer with clips on it",
    table=tracks.TRACKS,
    fields=FIELDS,
    written={"metadata": METADATA},
    references={"outputDestination": Reference("track", "clear", MASTER, sound=True)},
    ordered=True,
    limit=MAX_TRACKS,
    rule=judge,
    ruled=frozenset({"trackType"}),
    bulk=Bulk(MIXING, 100),
    about_deletion="With its clips and the sends to it; all of that can be undone.",
    module=__name__,
)


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
    thing = await draft.get("track", track_id) if track_id else draft.project
    if values.get("append") and thing["lyrics"]:
        lyrics = f"{thing['lyrics']}\n{lyrics or ''}"
        if len(lyrics) > MAX_LYRICS:
            sentence = f"would become longer than {MAX_LYRICS} characters"
            raise errors.ValidationError(f"The lyrics {sentence}.", details={"lyrics": sentence})
    draft.update("track" if track_id else "project", track_id or draft.id, {"lyrics": lyrics})
    return {"trackId": track_id, "lyrics": lyrics}
