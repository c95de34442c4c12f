"""The recorded instruments that are there, decoded as they are needed."""

from __future__ import annotations

import functools
import io
import json
import mmap
import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dawg_server import logs
from dawg_server.audio.arrays import Samples
from dawg_server.music.recorded import cut, own
from dawg_server.music.recorded.presets import PLAYED_ON
from dawg_server.music.recorded.region import Region, Sample

log = logs.get("main")

CACHE_BYTES = 16 * 2**20  # of decoded samples
_AT_LEAST = 1.5  # seconds that are decoded at once


class SampleSource(Protocol):
    """A file with samples, still packed."""

    def data(self, sample: Sample) -> memoryview: ...


class Bank:
    """Regions by instrument; whoever plays them gets float32."""

    def __init__(self, instruments: Mapping[str, Sequence[Region]], source: SampleSource) -> None:
        self.instruments, self.source = instruments, source
        self._decoded: OrderedDict[Sample, tuple[Samples, bool]] = OrderedDict()  # and whether that is all
        self._bytes = 0

    def regions(self, instrument: str) -> Sequence[Region]:
        """Empty for one that has no recordings."""
        return self.instruments.get(PLAYED_ON.get(instrument, instrument), ())

    def read(self, sample: Sample, frames: int) -> Samples:
        """The first frames (or all, where there are fewer), float32."""
        known, whole = self._decoded.pop(sample, (np.zeros(0, np.float32), False))
        if len(known) < frames and not whole:
            self._bytes -= known.nbytes
            known, whole = self._decode(sample, max(frames, round(_AT_LEAST * sample.rate)))
            self._bytes += known.nbytes
        self._decoded[sample] = known, whole
        while self._bytes > CACHE_BYTES and len(self._decoded) > 1:
            self._bytes -= self._decoded.popitem(last=False)[1][0].nbytes
        return known[:frames]

    def _decode(self, sample: Sample, frames: int) -> tuple[Samples, bool]:
        data = self.source.data(sample)
        if not sample.coded:
            pcm = np.frombuffer(data[: 2 * frames], "<i2")
            return pcm.astype(np.float32) / np.float32(32_768), len(data) // 2 <= frames
        import soundfile  # type: ignore[import-untyped]

        with soundfile.SoundFile(io.BytesIO(data)) as file:
            found = file.read(frames, dtype="float32", always_2d=True)
            return np.ascontiguousarray(found[:, sample.channel]), file.frames <= frames


class CutSource:
    """The file of the build step, mapped into memory: what is played is loaded, and processes share it."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self.view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def data(self, sample: Sample) -> memoryview:
        return self.view[sample.start : sample.end]


class OwnSource:
    """The operator's files, mapped into memory as they are needed; the others are looked up elsewhere."""

    def __init__(self, others: SampleSource | None) -> None:
        self._others = others
        self._views: dict[str, memoryview] = {}

    def data(self, sample: Sample) -> memoryview:
        if not sample.file:
            assert self._others is not None
            return self._others.data(sample)
        if sample.file not in self._views:
            self._views[sample.file] = CutSource(Path(sample.file)).view
        return self._views[sample.file][sample.start : sample.end]


def of_folder(folder: Path = cut.FOLDER) -> Bank:
    """What the build step has cut."""
    found = json.loads((folder / cut.INDEX).read_text())["instruments"]
    return Bank(
        {name: tuple(_region(each) for each in regions) for name, regions in found.items()},
        CutSource(folder / cut.SAMPLES),
    )


@functools.cache
def _cut() -> Bank:
    return of_folder()


@functools.cache
def _own(folder: str) -> Bank | None:
    """The operator's sounds, and the others of the build step; None where the folder cannot be used."""
    try:
        found = own.read(Path(folder))
    except own.SoundFolderError as error:
        log.warning(f"{error} It is left out.", action="sound_folder_unusable")
        return None
    others = _cut() if cut.is_made() else Bank({}, OwnSource(None))
    return Bank({**others.instruments, **found}, OwnSource(others.source))


def current() -> Bank | None:
    """None where there are no recordings: then everything is synthesised."""
    folder = os.environ.get(own.VARIABLE)
    if folder and (found := _own(folder)) is not None:
        return found
    return _cut() if cut.is_made() else None


def _region(stored: dict[str, Any]) -> Region:
    pairs = ("keys", "velocities", "loop", "other_loop")
    values = stored | {name: stored[name] and tuple(stored[name]) for name in pairs}
    values["sample"] = Sample(**stored["sample"])
    values["other"] = stored["other"] and Sample(**stored["other"])
    return Region(**values)
