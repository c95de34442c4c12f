"""Whether the document of an archive is one that this server could have written. Runs in a worker process (`reading`).

Fields are held to the same rules as those of commands; what they name has to be in the archive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dawg_server.archives.layout import AUDIO_FOLDER, FORMAT, FORMAT_VERSION
from dawg_server.archives.unpacking import refuse
from dawg_server.daw import following, routing
from dawg_server.daw.commands.tracks import MAX_METADATA
from dawg_server.daw.entities import CLIP, PROJECT, SEND, TRACK
from dawg_server.daw.entities.base import EntityType
from dawg_server.daw.entities.clip import MAX_SECONDS
from dawg_server.daw.entities.track import MAX_TRACKS
from dawg_server.schema import FieldError, Id, Items, JsonValue, Number, Parameters, Record, Text, parameters

MAX_CLIPS = 50_000
MAX_RECORDINGS = 2000
MAX_BYTES = 2**40  # a size that nobody has; the archive's own limit comes first

_SOURCES = ("upload", "generation", "stem", "mix", "master", "render", "edit", "vocals", "import")
_PATH = re.compile(re.escape(AUDIO_FOLDER) + r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RECORDING = parameters(
    {
        "id": Id("recording", required=True),
        "path": Text(0, 250, allow_none=True, load_default=None),
        "name": Text(1, 255, required=True),
        "source": Text(1, 20, required=True),
        "size": Number(1, MAX_BYTES, whole=True, required=True),
        "sha256": Text(64, 64, required=True),
    }
)
_SEND = parameters({"id": Id("send", required=True), **SEND.fields})
_TRACK = parameters(
    {
        **TRACK.fields,
        "id": Id("track", required=True),
        "order": Number(0, 10**6, whole=True, required=True),
        "metadata": JsonValue(MAX_METADATA, objects=True, allow_none=True, load_default=None),
        "sends": Items(Record(_SEND), 0, MAX_TRACKS, required=True),
    }
)
_CLIP = parameters(
    {
        **CLIP.fields,
        "id": Id("clip", required=True),
        "name": Text(1, 120, required=True),
        "duration": Number(0, MAX_SECONDS, over=True, required=True),
    }
)


def _document(kinds: Sequence[EntityType]) -> Parameters:
    others = {}
    for each in kinds:
        fields = {**each.fields, "id": Id(each.name, required=True)}
        fields |= {each.parent_field: Id(each.parent, required=True)} if each.parent != "project" else {}
        others[each.plural] = Items(Record(parameters(fields)), 0, each.limit, load_default=[])
    return parameters(
        {
            "project": Record(PROJECT.create, required=True),
            "tracks": Items(Record(_TRACK), 0, MAX_TRACKS, required=True),
            "clips": Items(Record(_CLIP), 0, MAX_CLIPS, required=True),
            "audioFiles": Items(Record(_RECORDING), 0, MAX_RECORDINGS, required=True),
            **others,
        }
    )


JsonObject = dict[str, Any]


def checked(document: Any, kinds: Sequence[EntityType]) -> JsonObject:
    """`project`, `tracks` (with `sends`), `clips` and `audioFiles`, with defaults. Raises `InvalidArchive`."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        refuse("its project.json is not that of a project")
    if document.get("formatVersion") != FORMAT_VERSION:
        refuse(f"this server reads version {FORMAT_VERSION} of the format only", supported=[FORMAT_VERSION])
    try:
        content = _document(kinds).values(document)
    except FieldError as error:
        path, sentence = next(iter(error.problems.items()))
        refuse(f"{path} {sentence}", field=path)
    for kind in ("tracks", "clips", "audioFiles", *(each.plural for each in kinds)):
        _require_distinct(kind, (thing["id"] for thing in content[kind]))
    _check_recordings(content["audioFiles"])
    _check_routing(content["tracks"])
    _check_clips(content)
    _check_references(content, kinds)
    return content


def fit_lengths(content: Mapping[str, Any], seconds: Mapping[str, float]) -> None:
    """Lets clips end where their recordings do; `seconds` are the lengths of recordings, by id."""
    for clip in content["clips"]:
        if (length := seconds.get(clip["audioFileId"] or "")) is not None:
            clip |= following.fitted(clip, length)


def _check_recordings(recordings: Iterable[JsonObject]) -> None:
    paths = []
    for recording in recordings:
        if recording["source"] not in _SOURCES or not _SHA256.fullmatch(recording["sha256"]):
            refuse("a recording is not described as it should be", recordingId=recording["id"])
        if recording["path"] is not None:
            if not _PATH.fullmatch(recording["path"]):
                refuse("a recording has a name that leads elsewhere", recordingId=recording["id"])
            paths.append(recording["path"])
    _require_distinct("audioFiles", paths)


def _check_routing(found: list[JsonObject]) -> None:
    buses = {track["id"] for track in found if track["trackType"] == "AUX"}
    every = [{**send, "trackId": track["id"]} for track in found for send in track["sends"]]
    _require_distinct("sends", (send["id"] for send in every))
    _require_distinct("sends", (f"{send['trackId']} {send['destinationTrackId']}" for send in every))
    for track in found:
        reached = {track["outputDestination"]} - {routing.MASTER}
        reached |= {send["destinationTrackId"] for send in track["sends"]}
        if not reached <= buses - {track["id"]}:
            refuse("a track sends its sound to something that is no AUX track", trackId=track["id"])
    if routing.has_loop(found, every):
        refuse("the sound of a track comes back to itself")


def _check_clips(content: Mapping[str, Any]) -> None:
    known = {track["id"] for track in content["tracks"]}
    recordings = {recording["id"] for recording in content["audioFiles"]}
    for clip in content["clips"]:
        if clip["trackId"] not in known:
            refuse("a clip is on a track that is not there", clipId=clip["id"])
        if (clip["audioFileId"] is None) == (clip["midiData"] is None):
            refuse("a clip has to have either a recording or notes", clipId=clip["id"])
        if clip["audioFileId"] is not None and clip["audioFileId"] not in recordings:
            refuse("a clip plays a recording that is not there", clipId=clip["id"])
        if clip["fadeIn"] + clip["fadeOut"] > clip["duration"] + following.TINY:
            refuse("the fades of a clip are longer than the clip", clipId=clip["id"])


def _check_references(content: Mapping[str, Any], kinds: Sequence[EntityType]) -> None:
    plurals = {"track": "tracks", "clip": "clips"} | {kind.name: kind.plural for kind in kinds}
    for kind in kinds:
        for field, reference in kind.references.items():
            known = {each["id"] for each in content[plurals[reference.entity]]} | {reference.cleared}
            if any(each[field] not in known for each in content[kind.plural]):
                refuse(f"a {kind.name} names a {reference.entity} that is not there")


def _require_distinct(what: str, names: Iterable[str]) -> None:
    listed = list(names)
    if len(set(listed)) < len(listed):
        refuse(f"{what} has two entries for the same thing")
