"""Whether the document of an archive is one that this server could have written. Runs in a worker process (`reading`).

Fields are held to the same rules as those of commands; what they name has to be in the archive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from dawg_server.archives.layout import AUDIO_FOLDER, FORMAT, FORMAT_VERSION
from dawg_server.archives.unpacking import refuse
from dawg_server.daw import following, routing
from dawg_server.daw.commands import clips, projects, sends, tracks
from dawg_server.schema import FieldError, Id, Items, JsonValue, Number, Record, Text, parameters

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
_SEND = parameters({"id": Id("send", required=True), **sends.CREATE.declared})
_TRACK = parameters(
    {
        **tracks.CREATE.declared,
        "id": Id("track", required=True),
        "order": Number(0, 10**6, whole=True, required=True),
        "metadata": JsonValue(tracks.MAX_METADATA, objects=True, allow_none=True, load_default=None),
        "sends": Items(Record(_SEND), 0, tracks.MAX_TRACKS, required=True),
    }
)
_CLIP = parameters(
    {
        **clips.CREATE.declared,
        "id": Id("clip", required=True),
        "name": Text(1, 120, required=True),
        "duration": Number(0, following.MAX_SECONDS, over=True, required=True),
    }
)
_DOCUMENT = parameters(
    {
        "project": Record(projects.CREATE, required=True),
        "tracks": Items(Record(_TRACK), 0, tracks.MAX_TRACKS, required=True),
        "clips": Items(Record(_CLIP), 0, MAX_CLIPS, required=True),
        "audioFiles": Items(Record(_RECORDING), 0, MAX_RECORDINGS, required=True),
    }
)

Thing = dict[str, Any]


def checked(document: Any) -> Thing:
    """`project`, `tracks` (with `sends`), `clips` and `audioFiles`, with defaults. Raises `InvalidArchive`."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        refuse("its project.json is not that of a project")
    if document.get("formatVersion") != FORMAT_VERSION:
        refuse(f"this server reads version {FORMAT_VERSION} of the format only", supported=[FORMAT_VERSION])
    try:
        content = _DOCUMENT.values(document)
    except FieldError as error:
        path, sentence = next(iter(error.problems.items()))
        refuse(f"{path} {sentence}", field=path)
    for kind in ("tracks", "clips", "audioFiles"):
        _require_distinct(kind, (thing["id"] for thing in content[kind]))
    _check_recordings(content["audioFiles"])
    _check_routing(content["tracks"])
    _check_clips(content)
    return content


def fit_lengths(content: Mapping[str, Any], seconds: Mapping[str, float]) -> None:
    """Lets clips end where their recordings do; `seconds` are the lengths of recordings, by id."""
    for clip in content["clips"]:
        if (length := seconds.get(clip["audioFileId"] or "")) is not None:
            clip |= following.fitted(clip, length)


def _check_recordings(recordings: Iterable[Thing]) -> None:
    paths = []
    for recording in recordings:
        if recording["source"] not in _SOURCES or not _SHA256.fullmatch(recording["sha256"]):
            refuse("a recording is not described as it should be", recordingId=recording["id"])
        if recording["path"] is not None:
            if not _PATH.fullmatch(recording["path"]):
                refuse("a recording has a name that leads elsewhere", recordingId=recording["id"])
            paths.append(recording["path"])
    _require_distinct("audioFiles", paths)


def _check_routing(found: list[Thing]) -> None:
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


def _require_distinct(what: str, names: Iterable[str]) -> None:
    listed = list(names)
    if len(set(listed)) < len(listed):
        refuse(f"{what} has two entries for the same thing")
