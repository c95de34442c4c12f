"""Archives as files: read, changed and made on purpose wrong."""

from __future__ import annotations

import hashlib
import io
import json
import unicodedata
import zipfile
from collections.abc import Callable
from typing import Any

import mido  # type: ignore[import-untyped]
import numpy as np
import soundfile

Document = dict[str, Any]


def tone(seconds: float = 1.0, format: str = "wav") -> bytes:
    """A recording of a plain tone."""
    time = np.arange(int(44_100 * seconds)) / 44_100
    return _recorded(0.3 * np.sin(2 * np.pi * 220 * time), format)


def noise(seconds: float, seed: int) -> bytes:
    """A recording that no compression makes smaller."""
    return _recorded(np.random.default_rng(seed).uniform(-1, 1, int(44_100 * seconds)), "wav")


def melody() -> bytes:
    """A MIDI file of one note."""
    file = mido.MidiFile(type=1)
    events = [mido.Message("note_on", note=60, velocity=90), mido.Message("note_off", note=60, time=480)]
    file.tracks.append(mido.MidiTrack(events))
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _recorded(samples: np.ndarray, format: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 44_100, format=format.upper())
    return buffer.getvalue()


def document_of(archive: bytes) -> Document:
    with zipfile.ZipFile(io.BytesIO(archive)) as package:
        return dict(json.loads(package.read("project.json")))


def files_of(archive: bytes) -> dict[str, bytes]:
    """The recordings."""
    with zipfile.ZipFile(io.BytesIO(archive)) as package:
        return {name: package.read(name) for name in package.namelist() if name.startswith("audio/")}


def versions_of(archive: bytes) -> list[Document]:
    """What is in the files of versions."""
    with zipfile.ZipFile(io.BytesIO(archive)) as package:
        return [json.loads(package.read(name)) for name in package.namelist() if name.startswith("versions/")]


def packed_anew(
    archive: bytes, top: str = "", *, method: int = zipfile.ZIP_DEFLATED, spelling: str = "NFC", utf_8: bool = True
) -> bytes:
    """What comes of an archive that somebody has unpacked and zipped again, on a Mac."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w", method) as new:
        for name in old.namelist():
            spelt = unicodedata.normalize(spelling, f"{top}{name}")
            new.writestr(spelt, old.read(name))
            new.writestr(f"__MACOSX/{top}._{name.rpartition('/')[2]}", b"x")
        if top:
            new.writestr(top, b"")
    data = buffer.getvalue()
    # Python says of each such name that it is UTF-8; others write the bytes alone.
    return data if utf_8 else _unsaid(data)


def _unsaid(archive: bytes) -> bytes:
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = archive.find(magic)
        while at >= 0:
            changed = int.from_bytes(archive[at + flags : at + flags + 2], "little") & ~0x800
            archive = archive[: at + flags] + changed.to_bytes(2, "little") + archive[at + flags + 2 :]
            at = archive.find(magic, at + 4)
    return archive


def made(
    document: Any, files: dict[str, bytes] | None = None, *, more: Callable[[zipfile.ZipFile], None] | None = None
) -> bytes:
    """An archive of that document and those files; `more` may add what does not belong there."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        text = document if isinstance(document, bytes) else json.dumps(document).encode()
        package.writestr("project.json", text)
        for name, data in (files or {}).items():
            package.writestr(name, data)
        if more is not None:
            more(package)
    return buffer.getvalue()


def song(**changes: Any) -> Document:
    """A small document that is as it should be, but for the changes."""
    track = {"id": _id(1), "name": "Drums", "order": 0, "sends": []}
    notes = {"notes": [{"pitch": 60, "start": 0, "duration": 1, "velocity": 90}]}
    clip = {"id": _id(2), "trackId": _id(1), "name": "Riff", "startTime": 0, "duration": 1, "midiData": notes}
    return {
        "format": "dawg-project",
        "formatVersion": 1,
        "project": {"name": "Song"},
        "tracks": [track],
        "clips": [clip],
        "audioFiles": [],
    } | changes


def with_recording(data: bytes, path: str | None = "audio/one.wav", **changes: Any) -> Document:
    """A document with one clip that plays this recording."""
    recording = {
        "id": _id(3),
        "path": path,
        "name": "one.wav",
        "source": "upload",
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    clip = {"id": _id(2), "trackId": _id(1), "name": "One", "startTime": 0, "duration": 1, "audioFileId": _id(3)}
    return song(clips=[clip], audioFiles=[recording | changes])


def _id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"
