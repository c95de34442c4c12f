"""Reads SoundFont files: SoundFont Technical Specification 2.04 (Creative, 2006), and SF3, whose samples are Vorbis.

A file is RIFF: `INFO`, `sdta` with the samples, `pdta` with presets, instruments, zones and sample headers.
"""

from __future__ import annotations

import itertools
import mmap
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from dawg_server.music.recorded.region import Region, Sample

_WIDE = 400  # tenths of a percent of panning, from which on a region is one side of a pair
_VORBIS = 0x10  # an extension of FluidSynth and MuseScore
_ROM = 0x8000
PERCUSSION = 128  # the bank of drum kits

# Generators (section 8.1.2) by their number.
_NAMES = {
    0: "start",
    1: "end",
    2: "loop_start",
    3: "loop_end",
    4: "start_coarse",
    12: "end_coarse",
    17: "pan",
    34: "attack",
    35: "hold",
    36: "decay",
    37: "sustain",
    38: "release",
    41: "instrument",
    43: "keys",
    44: "velocities",
    45: "loop_start_coarse",
    50: "loop_end_coarse",
    51: "coarse_tune",
    52: "fine_tune",
    53: "sample",
    54: "loop_mode",
    56: "scale_tuning",
    58: "root",
}
_INSTANT = -12_000  # timecents
_DEFAULTS = {**dict.fromkeys(("attack", "hold", "decay", "release"), _INSTANT), "scale_tuning": 100, "root": -1}
_ONLY_IN_INSTRUMENTS = {name for name in _NAMES.values() if name.startswith(("start", "end", "loop", "root"))}
_RANGES = ("keys", "velocities")
_COARSE = 32_768  # frames


class NotASoundFont(ValueError):
    """Its text says what is wrong with the file."""


@dataclass(frozen=True, slots=True)
class _Header:
    """A row of `shdr`: frames of the file's sample data, or bytes of Vorbis."""

    name: str
    start: int
    end: int
    loop_start: int
    loop_end: int
    rate: int
    key: int
    correction: int  # cents
    link: int
    kind: int


class SoundFont:
    """A context manager over a file that stays mapped into memory, so that only what is read is loaded."""

    def __init__(self, path: Path) -> None:
        """Raises NotASoundFont."""
        with path.open("rb") as file:
            try:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError as error:
                raise NotASoundFont(f"{path.name} is empty") from error
        self.name = path.name
        try:
            self._parse()
        except (struct.error, IndexError, KeyError) as error:
            raise NotASoundFont(f"{path.name} is cut off or damaged") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._data.release()  # the map goes with the last view of it

    @property
    def presets(self) -> Mapping[tuple[int, int], str]:
        """Names by (bank, program)."""
        return {key: name for key, (name, _) in self._presets.items()}

    def regions(self, bank: int, program: int) -> list[Region]:
        """All of a preset, stereo pairs made one. Raises KeyError when there is none."""
        _, zones = self._presets[bank, program]
        found: list[tuple[int, Region]] = []  # where between -500 (left) and 500, and what
        for preset in _with_global(zones, "instrument"):
            for zone in _with_global(self._instruments[preset["instrument"]], "sample"):
                if (region := self._region(preset, zone)) is not None:
                    found.append((zone.get("pan", 0) + preset.get("pan", 0), region))
        return _paired(found)

    def data(self, sample: Sample) -> memoryview:
        """The bytes of the sample as they are in the file."""
        return self._data[sample.start : sample.end]

    def _parse(self) -> None:
        if self._map[:4] != b"RIFF" or self._map[8:12] != b"sfbk":
            raise NotASoundFont(f"{self.name} is not a SoundFont: it does not begin with RIFF and sfbk")
        lists: dict[bytes, dict[bytes, memoryview]] = {}
        view = memoryview(self._map)
        for kind, body in _chunks(view[12:], self.name):
            if kind == b"LIST":
                lists[bytes(body[:4])] = dict(_chunks(body[4:], self.name))
        if b"pdta" not in lists or b"smpl" not in lists.get(b"sdta", {}):
            raise NotASoundFont(f"{self.name} has no presets or no samples")
        self._data = lists[b"sdta"][b"smpl"]
        self.origin = self._map.find(b"sdtasmpl") + 12  # of the samples in the file
        tables = lists[b"pdta"]
        self._headers = [
            _Header(_text(row[0]), *row[1:]) for row in struct.iter_unpack("<20sIIIIIBbHH", tables[b"shdr"])
        ][:-1]
        inst = [(name, bag) for name, bag in struct.iter_unpack("<20sH", tables[b"inst"])]
        bags = _zones(tables[b"ibag"], tables[b"igen"])
        self._instruments = [bags[first:last] for (_, first), (_, last) in itertools.pairwise(inst)]
        phdr = list(struct.iter_unpack("<20sHHHIII", tables[b"phdr"]))
        bags = _zones(tables[b"pbag"], tables[b"pgen"])
        self._presets = {
            (row[2], row[1]): (_text(row[0]), bags[row[3] : after[3]]) for row, after in itertools.pairwise(phdr)
        }

    def _region(self, preset: Mapping[str, int], zone: Mapping[str, int]) -> Region | None:
        header = self._headers[zone["sample"]]
        keys, velocities = (_overlap(preset.get(name, 0x7F00), zone.get(name, 0x7F00)) for name in _RANGES)
        if keys is None or velocities is None or header.kind & _ROM:
            return None

        def value(name: str) -> int:
            added = 0 if name in _ONLY_IN_INSTRUMENTS else preset.get(name, 0)
            return zone.get(name, _DEFAULTS.get(name, 0)) + added

        root = value("root") if 0 <= value("root") <= 127 else header.key
        looped = value("loop_mode") & 1
        first = header.loop_start + value("loop_start") + _COARSE * value("loop_start_coarse")
        last = header.loop_end + value("loop_end") + _COARSE * value("loop_end_coarse")
        coded = bool(header.kind & _VORBIS)
        origin = 0 if coded else header.start  # of Vorbis, loops are told from the sample's own beginning
        begin, end = header.start, header.end
        if not coded:
            begin += value("start") + _COARSE * value("start_coarse")
            end += value("end") + _COARSE * value("end_coarse")
            first, last, begin, end = first - (begin - header.start), last - (begin - header.start), 2 * begin, 2 * end
        tune = value("coarse_tune") + (value("fine_tune") + header.correction) / 100
        return Region(
            Sample(begin, end, header.rate, coded),
            None,
            keys,
            velocities,
            root - tune,
            value("scale_tuning") / 100,
            (first - origin, last - origin) if looped and last > first + 1 else None,
            attack=_seconds(value("attack")),
            hold=_seconds(value("hold")),
            decay=_seconds(value("decay")),
            sustain=value("sustain") / 10,
            release=_seconds(value("release")),
        )


def _paired(found: Sequence[tuple[int, Region]]) -> list[Region]:
    """Stereo recordings are two regions alike, of which one is played on the left and one on the right."""

    def place(region: Region) -> tuple[object, ...]:
        return region.keys, region.velocities, round(region.root, 1)

    rights = {place(region): region for pan, region in found if pan >= _WIDE}
    regions = []
    for pan, region in found:
        right = rights.get(place(region))
        if pan <= -_WIDE and right is not None:
            regions.append(replace(region, other=right.sample, other_loop=right.loop))
        elif pan < _WIDE or not any(place(other) == place(region) and pan <= -_WIDE for pan, other in found):
            regions.append(region)
    return regions


def _chunks(view: memoryview, file: str) -> Iterator[tuple[bytes, memoryview]]:
    position = 0
    while position + 8 <= len(view):
        kind, size = bytes(view[position : position + 4]), int.from_bytes(view[position + 4 : position + 8], "little")
        if position + 8 + size > len(view):
            raise NotASoundFont(f"{file} is cut off")
        yield kind, view[position + 8 : position + 8 + size]
        position += 8 + size
        if size % 2 and bytes(view[position : position + 1]) == b"\0":  # not everybody fills up to even lengths
            position += 1


def _zones(bags: memoryview, generators: memoryview) -> list[dict[str, int]]:
    """The generators of each zone by name; ranges as two bytes (low, high), all others signed."""
    borders = [first for first, _ in struct.iter_unpack("<HH", bags)]
    values = list(struct.iter_unpack("<HH", generators))
    zones = []
    for first, last in itertools.pairwise(borders):
        zone = {}
        for number, raw in values[first:last]:
            if (name := _NAMES.get(number)) is not None:
                unsigned = name in _RANGES or name in ("sample", "instrument")
                zone[name] = raw if unsigned or raw < 0x8000 else raw - 0x10000
        zones.append(zone)
    return zones


def _with_global(zones: Sequence[dict[str, int]], needed: str) -> Iterator[dict[str, int]]:
    """The zones that name what is `needed`, each with what a first one that does not says for all."""
    common = zones[0] if zones and needed not in zones[0] else {}
    return ({**common, **zone} for zone in zones if needed in zone)


def _overlap(one: int, other: int) -> tuple[int, int] | None:
    low, high = max(one & 0xFF, other & 0xFF), min(one >> 8, other >> 8)
    return (low, high) if low <= high else None


def _seconds(timecents: int) -> float:
    return 0.0 if timecents <= _INSTANT else float(2 ** (timecents / 1200))


def _text(name: bytes) -> str:
    return name.partition(b"\0")[0].decode("latin-1")
