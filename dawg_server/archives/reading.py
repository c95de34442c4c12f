"""Reads what is imported in a worker process: nothing of it is believed that was not looked at.

What a file is, its first bytes say. Files of other formats come in as the archive that would have the same content.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from dawg_server import errors
from dawg_server.archives import checking, dawproject, dawproject_reading, foreign, midi_reading
from dawg_server.archives.layout import DAWPROJECT, DOCUMENT, MAX_DOCUMENT, MAX_VERSION_BYTES, ArchiveLimits
from dawg_server.archives.unpacking import Package, refuse
from dawg_server.audio import codecs
from dawg_server.audio.formats import AudioInfo
from dawg_server.daw import commands, entities  # noqa: F401 (registers them)
from dawg_server.daw import entity as registry
from dawg_server.daw.entity import EntityType

METADATA, MAX_METADATA = "metadata.xml", 2**20  # bytes


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A recording that was unpacked to `path` and is one, by the rules for uploads but of any length."""

    path: str
    info: AudioInfo


@dataclass(frozen=True, slots=True)
class Contents:
    """`document` is as `checking.checked` leaves it; `recordings`, by id, are those whose bytes were in the archive.

    Of what another program has written: names of recordings that could not be had, and what else has no place here.
    """

    document: dict[str, Any]
    recordings: dict[str, Unpacked]
    missing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    versions: tuple[dict[str, Any], ...] = ()  # as of `checking.version`


def read(path: str, name: str, folder: str, limits: ArchiveLimits, kinds: Sequence[EntityType]) -> Contents:
    """Unpacks the recordings into `folder`; `kinds` are those of the entities that the server knows. `name` is the
    file's.

    Raises `errors.InvalidArchive` with the reason, and `PayloadTooLarge`.
    """
    for kind in kinds:
        registry.register(kind)
    if _is_midi(path):
        return Contents(checking.checked(midi_reading.read(Path(path), name)), {})
    package = Package(Path(path), limits)
    try:
        found = (_read_dawproject if package.document == DAWPROJECT else _read_archive)(package, Path(folder), name)
    finally:
        package.close()
    checking.fit_lengths(found.document, {id: unpacked.info.duration for id, unpacked in found.recordings.items()})
    return found


def _read_archive(package: Package, folder: Path, name: str) -> Contents:
    document = checking.checked(_parsed(package.read(DOCUMENT, MAX_DOCUMENT)))
    recordings = {}
    for number, recording in enumerate(document["audioFiles"]):
        if (path := recording["path"]) is None:
            continue
        target = Path(folder, str(number))
        size, checksum = package.extract(path, target)
        if size != recording["size"]:
            refuse(f"{path} does not have the size that it should have")
        if checksum != recording["sha256"]:
            refuse(f"{path} does not have the checksum that it should have")
        recordings[recording["id"]] = Unpacked(str(target), _probed(target, recording["name"]))
    versions, left_out, room = [], [], MAX_VERSION_BYTES
    for each in document["versions"]:
        try:
            data = package.read(each["path"], min(room, MAX_DOCUMENT))
            room -= len(data)
            versions.append(checking.version(_parsed(data), each["number"]))
        except errors.DawgError as error:  # what an earlier release has kept may be against the rules of today
            left_out.append(f"version {each['number']}: {error.message}")
    return Contents(document, recordings, left_out=tuple(left_out), versions=tuple(versions))


def _read_dawproject(package: Package, folder: Path, name: str) -> Contents:
    """What cannot be had of it stays out: other programs refer to files and devices of the machine that they are on."""
    title = ""
    if METADATA in package:
        title = dawproject.parsed(package.read(METADATA, MAX_METADATA), METADATA).findtext("Title") or ""
    root = dawproject.parsed(package.read(DAWPROJECT, MAX_DOCUMENT), DAWPROJECT)
    song = dawproject_reading.read(root, title, name)
    outside, missing = song.external(), []
    entries: dict[str, dict[str, Any]] = {}
    recordings: dict[str, Unpacked] = {}
    for number, path in enumerate(song.paths):
        inner, shown = (
            path.replace("\\", "/").removeprefix("./"),
            foreign.text(re.split(r"[/\\]", path)[-1], 255) or "recording",
        )
        target = Path(folder, str(number))
        if path in outside or inner not in package:
            missing.append(shown)
            continue
        size, checksum = package.extract(inner, target)
        try:
            info = codecs.probe(target, max_seconds=None)
        except errors.DawgError as error:
            missing.append(f"{shown} ({error.message})")
            continue
        id = foreign.new_id()
        entries[path] = {
            "id": id,
            "path": None,
            "name": shown,
            "source": "import",
            "size": size,
            "sha256": checksum,
        }
        recordings[id] = Unpacked(str(target), info)
    document = checking.checked(dawproject_reading.document(song, entries))
    left_out = (f"{count} times: {what}" if count > 1 else what for what, count in song.left_out.items())
    return Contents(document, recordings, tuple(missing), tuple(left_out))


def read_steps(path: str, name: str, kinds: Sequence[EntityType], *, tempo: bool) -> list[tuple[str, dict[str, Any]]]:
    """(command, checked parameters) that bring the content of a MIDI file into a project; `tempo`: with its tempo map.

    Raises `errors.InvalidArchive` with the reason.
    """
    for kind in kinds:
        registry.register(kind)
    if not _is_midi(path):
        refuse("only MIDI files can be added to a project")
    document = checking.checked(midi_reading.read(Path(path), name))
    start = {name: document["project"][name] for name in ("bpm", "timeSignature")}
    steps: list[tuple[str, dict[str, Any]]] = [("updateProject", {"changes": start})] if tempo else []
    for kind_name in ("tempoEvent", "timeSignatureEvent", "track", "clip", "marker"):
        kind = registry.find(kind_name)
        if kind.tempo and not tempo:
            continue
        for each in document[kind.plural]:
            derived = kind.units.derived(each) if kind.units is not None else frozenset[str]()
            known = {"id", kind.parent_field, *kind.fields} - {"order", *derived}
            steps.append((f"create{kind.title}", {field: each[field] for field in known & each.keys()}))
    return [(step, commands.find(step).parameters.check(values)) for step, values in steps]


def _is_midi(path: str) -> bool:
    with Path(path).open("rb") as file:
        return file.read(len(midi_reading.MAGIC)) == midi_reading.MAGIC


def _parsed(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except (orjson.JSONDecodeError, RecursionError):
        refuse("its project.json is not JSON")


def _probed(path: Path, name: str) -> AudioInfo:
    try:
        info = codecs.probe(path, max_seconds=None)
    except errors.DawgError as error:
        refuse(f"the recording {name[:100]} cannot be used: {error.message}")
    return info
