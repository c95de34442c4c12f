"""Whether the document of an archive is one that this server could have written. Runs in a worker process (`reading`).

Fields are held to the same rules as those of commands; what they name has to be in the archive.
"""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from marshmallow import missing

from dawg_server import errors
from dawg_server.archives.document import JsonObject, listed
from dawg_server.archives.layout import AUDIO_FOLDER, FORMAT, FORMAT_VERSION, MAX_VERSIONS, MIX, VERSIONS_FOLDER
from dawg_server.archives.unpacking import refuse
from dawg_server.daw import bounds, signal_flow, timing
from dawg_server.daw import entity as registry
from dawg_server.daw.entities.track import MASTER, misfit
from dawg_server.daw.entity import MAX_ORDER, EntityType, needed
from dawg_server.schema import AnyField, FieldError, Flag, Id, Items, Number, Parameters, Record, Text, parameters

MAX_ENTITIES = 50_000  # of a kind without a limit
MAX_RECORDINGS = 2000
MAX_NUMBER = 2**31 - 1  # of a version
MAX_BYTES = 2**40  # a size that nobody has; the archive's own limit comes first

_FIRST = ("track", "send", "clip")  # kinds that every archive has
_SOURCES = ("upload", "generation", "stem", "mix", "master", "render", "edit", "vocals", "import")
_PATH = re.compile(rf"{AUDIO_FOLDER}[^./\\:\x00-\x1f][^/\\:\x00-\x1f]{{0,230}}|{MIX}\.[a-z0-9]{{1,5}}")
_VERSION_PATH = re.compile(rf"{VERSIONS_FOLDER}[1-9][0-9]{{0,8}}\.json")
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

_LISTED_VERSION = parameters(
    {"number": Number(1, MAX_NUMBER, whole=True, required=True), "path": Text(1, 40, required=True)}
)
_VERSION = parameters(
    {
        "number": Number(1, MAX_NUMBER, whole=True, required=True),
        "name": Text(0, 120, allow_none=True, load_default=None),
        "description": Text(0, 2000, allow_none=True, load_default=None),
        "automatic": Flag(load_default=False),
        "createdAt": Text(1, 40, required=True),
    }
)


def _document() -> Parameters:
    return parameters(
        {
            "project": Record(parameters(_unrounded(registry.find("project").fields)), required=True),
            "audioFiles": Items(Record(_RECORDING), 0, MAX_RECORDINGS, required=True),
            "versions": Items(Record(_LISTED_VERSION), 0, MAX_VERSIONS, load_default=[]),
            **{kind.plural: _list(kind) for kind in registry.contents() if kind.within != "parent"},
        }
    )


def _unrounded(fields: Mapping[str, AnyField]) -> dict[str, AnyField]:
    """What was rounded when it was set is taken as it is: the tempo of a project may be that of an event."""
    found = {name: copy.copy(field) for name, field in fields.items()}
    for field in found.values():
        if isinstance(field, Number):
            field.decimals = None
    return found


def _list(kind: EntityType) -> AnyField:
    """Every field that can't be empty has to be there. Archives from before a kind was known have none of it."""
    optional = {*kind.units.names, "timebase"} if kind.units is not None else set[str]()
    fields = {
        name: field if field.allow_none or field.load_default is not missing or name in optional else needed(field)
        for name, field in {**kind.fields, **kind.written}.items()
    }
    fields["id"] = Id(kind.name, required=True)
    if kind.ordered:
        fields["order"] = Number(0, MAX_ORDER, whole=True, required=True)
    if kind.parent != "project" and kind.within != "parent":
        fields[kind.parent_field] = Id(kind.parent, required=True)
    fields |= {part.plural: _list(part) for part in registry.parts_of(kind)}
    old = kind.name in _FIRST
    options: dict[str, Any] = {"required": True} if old else {"load_default": []}
    return Items(Record(parameters(fields)), 0, MAX_ENTITIES, **options)


def version(document: Any, number: int) -> JsonObject:
    """`number`, `name`, `description`, `automatic`, `createdAt`; `document` as `checked` leaves it, without recordings,
    and `lists`: those that the version knew. Raises `InvalidArchive`."""
    if not isinstance(document, dict) or document.get("number") != number:
        refuse(f"the file of version {number} is that of something else")
    try:
        told = _VERSION.values(document)
        datetime.fromisoformat(told["createdAt"])
    except (FieldError, ValueError):
        refuse(f"the file of version {number} is not described as it should be")
    lists = [kind.plural for kind in registry.contents() if kind.within != "parent" and kind.plural in document]
    return {**told, "document": checked({**document, "audioFiles": []}, alone=False), "lists": lists}


def checked(document: Any, *, alone: bool = True) -> JsonObject:
    """`project`, `audioFiles`, and the list of each kind of entities, with defaults. Raises `InvalidArchive`.

    `alone`: no recordings are known but these.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        refuse("its project.json is not that of a project")
    if document.get("formatVersion") != FORMAT_VERSION:
        refuse(f"this server reads version {FORMAT_VERSION} of the format only", supported=[FORMAT_VERSION])
    try:
        content = _document().values(document)
    except FieldError as error:
        path, sentence = next(iter(error.problems.items()))
        refuse(f"{path} {sentence}", field=path)
    _tell_both_units(content)
    _require_distinct("versions", (str(each["number"]) for each in content["versions"]))
    if not all(_VERSION_PATH.fullmatch(each["path"]) for each in content["versions"]):
        refuse("a version has a name that leads elsewhere")
    _require_distinct("audioFiles", (each["id"] for each in content["audioFiles"]))
    _check_recordings(content["audioFiles"])
    found = {kind: list(listed(content, kind)) for kind in registry.contents()}
    for kind, entities in found.items():
        _check_bounds(kind, entities)
        _require_distinct(kind.plural, (each["id"] for each in entities))
        if kind.unique:
            _require_distinct(kind.plural, (" ".join(str(each[name]) for name in kind.unique) for each in entities))
        _check_each(kind, entities)
        _check_references(kind, entities, found, {each["id"] for each in content["audioFiles"]} if alone else None)
    _check_routing(found)
    _check_clips(content["clips"])
    _check_channels(content["tracks"], content["clips"])
    return content


def fit_lengths(content: Mapping[str, Any], seconds: Mapping[str, float]) -> None:
    """Lets clips end where their recordings do; `seconds` are the lengths of recordings, by id."""
    tempo = timing.of_project({**content, **content["project"]})
    for clip in content["clips"]:
        if (length := seconds.get(clip["audioFileId"] or "")) is not None:
            clip |= timing.fitted(clip, length, tempo)


def _tell_both_units(content: JsonObject) -> None:
    """What follows from others is not believed. Earlier releases wrote seconds only."""
    tempo = timing.of_project({**content, **content["project"]})
    for kind in registry.contents():
        if (units := kind.units) is None:
            continue
        for each in listed(content, kind):
            each |= units.upgraded(each, each, content["project"]["bpm"])
            derived = units.derived(each)
            own = {name: value for name, value in each.items() if name not in derived}
            try:
                each |= units.settled(None, own, tempo)
            except errors.ValidationError as error:
                refuse(f"a {kind} has no place in time: {error.message}", id=each["id"])


def _check_bounds(kind: EntityType, entities: Collection[JsonObject]) -> None:
    """Raises `Conflict`, as commands do."""
    if kind.limit is not None and len(entities) > kind.limit:
        raise bounds.too_many(kind)
    weight = kind.weight
    if weight is not None and sum(weight.of(each[weight.field]) for each in entities) > weight.limit:
        raise bounds.too_much(kind)


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


def _check_each(kind: EntityType, entities: Iterable[JsonObject]) -> None:
    if kind.check is None:
        return
    for each in entities:
        try:
            kind.check(each)
        except errors.ValidationError as error:
            refuse(f"of a {kind}, {error.message}".rstrip("."), id=each["id"])


def _check_references(
    kind: EntityType,
    entities: Iterable[JsonObject],
    found: Mapping[EntityType, Iterable[JsonObject]],
    recordings: set[str] | None,
) -> None:
    for field, reference in kind.references.items():
        known = {each["id"] for each in found[registry.find(reference.entity)]} | {reference.cleared}
        for each in entities:
            if each[field] not in known:
                refuse(f"a {kind} names a {reference.entity} that is not there", field=field, id=each["id"])
    for each in entities:
        if kind.either and sum(each[name] is not None for name in kind.either) != 1:
            refuse(f"a {kind} has to have either {' or '.join(kind.either)}", id=each["id"])
    if kind.recording and recordings is not None:
        for each in entities:
            if each[kind.recording] is not None and each[kind.recording] not in recordings:
                refuse(f"a {kind} plays a recording that is not there", id=each["id"])


def _check_routing(found: Mapping[EntityType, Iterable[JsonObject]]) -> None:
    types = {track["id"]: track["trackType"] for track in found[registry.find("track")]}
    for kind, entities in found.items():
        for each in entities:
            for name in signal_flow.leading(kind):
                reference = kind.references[name]
                if each[name] != reference.cleared and types.get(each[name]) != reference.sound:
                    sentence = f"a track sends its sound to something that is no {reference.sound} track"
                    refuse(sentence, trackId=each["id"])
    if signal_flow.has_loop(way for kind, entities in found.items() for way in signal_flow.ways(kind, entities)):
        refuse("the sound of a track comes back to itself")


def _check_clips(clips: Iterable[JsonObject]) -> None:
    for clip in clips:
        unit = 1 if clip["timebase"] == timing.MUSICAL else 0  # the other one is rounded
        fades = clip[timing.FADE_IN[unit]] + clip[timing.FADE_OUT[unit]]
        if fades > clip[timing.LENGTH[unit]] + timing.TINY:
            refuse("the fades of a clip are longer than the clip", clipId=clip["id"])


def _check_channels(tracks: Iterable[JsonObject], clips: Iterable[JsonObject]) -> None:
    """Archives from before clips had to fit to their tracks get the types of their clips."""
    on: dict[str, list[JsonObject]] = defaultdict(list)
    for clip in clips:
        on[clip["trackId"]].append(clip)
    masters = [each for each in tracks if each["trackType"] == "MASTER"]
    if len(masters) > 1 or any(each["outputDestination"] != MASTER or each["sends"] for each in masters):
        refuse("there is one MASTER track, where all sound goes", trackIds=[each["id"] for each in masters])
    for track in tracks:
        played = [clip["audioFileId"] is not None for clip in on[track["id"]]]
        if (
            len(set(played)) == 1
            and track["trackType"] in ("AUDIO", "MIDI", "INSTRUMENT")
            and misfit(track["trackType"], on[track["id"]][0])
        ):
            track["trackType"] = "AUDIO" if played[0] else "MIDI"
        for clip in on[track["id"]]:
            if (sentence := misfit(track["trackType"], clip)) is not None:
                refuse(f"trackId {sentence}", clipId=clip["id"])


def _require_distinct(what: str, names: Iterable[str]) -> None:
    listed = list(names)
    if len(set(listed)) < len(listed):
        refuse(f"{what} has two entries for the same thing")
