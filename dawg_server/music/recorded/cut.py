"""The build step: takes from a SoundFont what is played here, with its licence beside it.

    python3 studio/build.py                            # fetches the SoundFont by npm, and cuts it
    python3 -m dawg_server.music.recorded.cut FILE     # cuts a file that is there already

Samples are copied as they are. Needs Python alone.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

from dawg_server.music.recorded.presets import PERCUSSION, PRESETS
from dawg_server.music.recorded.region import Region, Sample
from dawg_server.music.recorded.soundfont import SoundFont

VERSION = 1  # of what is written here
FOLDER = Path(__file__).parent / "static" / f"sounds-{VERSION}"
INDEX, SAMPLES, LICENCE = "instruments.json", "samples.bin", "LICENCE.txt"
LAYERS = (50, 120)  # velocities whose recordings are taken
APART = 4  # semitones between the recordings of one layer
KEYS = {"drums": range(35, 82), "pitched": range(24, 100)}


def is_made(folder: Path = FOLDER) -> bool:
    return (folder / INDEX).exists()


def kind() -> Literal["recorded", "synthesised"]:
    """What instruments are played with here."""
    return "recorded" if is_made() or os.environ.get("SOUND_DIR") else "synthesised"


def cut(font: Path, licence: Path, folder: Path = FOLDER, presets: Mapping[str, tuple[int, int]] = PRESETS) -> None:
    """Raises `soundfont.NotASoundFont`, and KeyError when a preset is missing. `folder` is replaced as a whole."""
    part = folder.with_name(f".{folder.name}-{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    places: dict[Sample, Sample] = {}
    instruments = {}
    with SoundFont(font) as source, (part / SAMPLES).open("wb") as samples:

        def moved(sample: Sample) -> Sample:
            if sample not in places:
                start = samples.tell()
                samples.write(source.data(sample))
                places[sample] = replace(sample, start=start, end=samples.tell())
            return places[sample]

        for name, (bank, program) in presets.items():
            taken = chosen(source.regions(bank, program), drums=bank == PERCUSSION)
            instruments[name] = [
                asdict(replace(each, sample=moved(each.sample), other=each.other and moved(each.other)))
                for each in taken
            ]
    (part / INDEX).write_text(json.dumps({"source": font.name, "instruments": instruments}))
    shutil.copyfile(licence, part / LICENCE)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def chosen(regions: Sequence[Region], *, drums: bool) -> list[Region]:
    """Of a kit, the hardest stroke of each key. Of other instruments, a recording every few keys of two velocities."""
    wanted = KEYS["drums" if drums else "pitched"]
    regions = [each for each in regions if each.keys[1] >= wanted.start and each.keys[0] < wanted.stop]
    if drums:
        return list({each.keys: each for each in sorted(regions, key=lambda each: each.velocities)}.values())
    layers: dict[tuple[int, int], list[Region]] = {}
    for velocity in LAYERS:
        for each in sorted(_played_at(regions, velocity), key=lambda each: each.root):
            layer = layers.setdefault(each.velocities, [])
            if each not in layer and (not layer or each.root - layer[-1].root >= APART):
                layer.append(each)
    taken = {(each.sample, each.root): each for layer in layers.values() for each in layer}
    return list(taken.values())


def _played_at(regions: Iterable[Region], velocity: int) -> list[Region]:
    return [each for each in regions if each.velocities[0] <= velocity <= each.velocities[1]]


if __name__ == "__main__":
    file = Path(sys.argv[1])
    cut(file, file.with_name(f"{file.name.split('.')[0]}.copyright"))
