"""The operator's own sounds, in the folder that `SOUND_DIR` names.

*.sf2, *.sf3             General MIDI presets (see `presets`)
grand piano.sfz          an instrument of that name, as SFZ
grand piano/C4.wav       or as a folder of recordings named by note (C4 is key 60) or key
kit acoustic/kick.wav    of drums, by piece or by General MIDI key
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from dawg_server.music import instruments
from dawg_server.music.recorded.presets import PRESETS
from dawg_server.music.recorded.region import Region, Sample
from dawg_server.music.recorded.soundfont import NotASoundFont, SoundFont

VARIABLE = "SOUND_DIR"
AUDIO = (".wav", ".flac", ".ogg", ".aif", ".aiff")
PIECES = {
    "kick": 36,
    "rim": 37,
    "snare": 38,
    "clap": 39,
    "closed hat": 42,
    "pedal hat": 44,
    "open hat": 46,
    "low tom": 45,
    "mid tom": 47,
    "high tom": 50,
    "crash": 49,
    "ride": 51,
    "tambourine": 54,
    "cowbell": 56,
    "shaker": 70,
}
RELEASE = 0.25  # seconds of what does not say
_NOTE = re.compile(r"([a-g])([#b]?)(-?\d)", re.IGNORECASE)
_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_OPCODE = re.compile(r"(\w+)=(.*?)(?=\s+\w+=|$)")
_COMMENT = re.compile(r"//.*|/\*.*?\*/", re.DOTALL)


class SoundFolderError(ValueError):
    """Its text says what is wrong with which file, and names `SOUND_DIR`."""


def read(folder: Path) -> dict[str, tuple[Region, ...]]:
    """Regions by instrument; their samples name the files they are in. Raises `SoundFolderError`."""
    if not folder.is_dir():
        raise SoundFolderError(f"{VARIABLE} is {folder}, which is not a folder that can be read.")
    found: dict[str, tuple[Region, ...]] = {}
    for path in sorted(folder.iterdir()):
        try:
            found |= _read(path)
        except (NotASoundFont, OSError, ValueError) as error:
            raise SoundFolderError(f"{VARIABLE}: {path.name} cannot be used: {error}.") from error
    if not found:
        raise SoundFolderError(f"{VARIABLE}: there is nothing in {folder} that is named like an instrument or a kit.")
    return found


def _read(path: Path) -> Mapping[str, tuple[Region, ...]]:
    name, kind = path.stem.lower(), path.suffix.lower()
    if kind in (".sf2", ".sf3"):
        return _presets(path)
    if kind == ".sfz":
        return {_named(name): tuple(_sfz(path))}
    if path.is_dir() and not path.name.startswith("."):
        return {_named(path.name.lower()): tuple(_one_shots(path))}
    return {}


def _named(name: str) -> str:
    if name not in instruments.NAMES:
        raise ValueError(f"there is no instrument of that name; there are {', '.join(instruments.NAMES)}")
    return name


def _presets(path: Path) -> dict[str, tuple[Region, ...]]:
    with SoundFont(path) as font:

        def placed(sample: Sample) -> Sample:
            return replace(sample, start=font.origin + sample.start, end=font.origin + sample.end, file=str(path))

        return {
            name: tuple(
                replace(each, sample=placed(each.sample), other=each.other and placed(each.other))
                for each in font.regions(*place)
            )
            for name, place in PRESETS.items()
            if place in font.presets
        }


def _one_shots(folder: Path) -> Iterator[Region]:
    files = sorted(each for each in folder.iterdir() if each.suffix.lower() in AUDIO)
    if not files:
        raise ValueError(f"there is no recording in it ({', '.join(AUDIO)})")
    drums = instruments.kind(folder.name.lower()) == "drums"
    keys = {_key(each.stem, drums=drums): each for each in files}
    for key, file in keys.items():
        sample, other = _whole(file)
        yield Region(sample, other, (key, key) if drums else (0, 127), (0, 127), key, release=RELEASE)


def _sfz(path: Path) -> Iterator[Region]:
    """Regions with what their group and `<global>` say: keys, velocities, tuning, loops and release."""
    levels: dict[str, dict[str, str]] = {"control": {}, "global": {}, "group": {}}
    text = _COMMENT.sub("", path.read_text(errors="replace"))
    for header, body in re.findall(r"<(\w+)>([^<]*)", text):
        values = {name: value.strip() for line in body.splitlines() for name, value in _OPCODE.findall(line.strip())}
        if header in levels:
            levels[header] = values
            if header == "global":
                levels["group"] = {}
        elif header == "region":
            yield _sfz_region(path, levels["control"] | levels["global"] | levels["group"] | values)


def _sfz_region(path: Path, opcodes: Mapping[str, str]) -> Region:
    if "sample" not in opcodes:
        raise ValueError("a <region> names no sample")
    sample, other = _whole(path.parent / (opcodes.get("default_path", "") + opcodes["sample"]).replace("\\", "/"))
    key = opcodes.get("key")

    def pitch(name: str, otherwise: str) -> int:
        return _key(opcodes.get(name, key or otherwise), drums=False)

    def number(name: str) -> float:
        return float(opcodes.get(name, 0))

    looped = opcodes.get("loop_mode", "") in ("loop_continuous", "loop_sustain") and "loop_end" in opcodes
    loop = (int(number("loop_start")), int(number("loop_end"))) if looped else None
    return Region(
        sample,
        other,
        (pitch("lokey", "0"), pitch("hikey", "127")),
        (int(number("lovel")), int(float(opcodes.get("hivel", 127)))),
        pitch("pitch_keycenter", "60") - number("transpose") - number("tune") / 100,
        loop=loop,
        other_loop=loop,
        attack=number("ampeg_attack"),
        release=float(opcodes.get("ampeg_release", RELEASE)),
    )


def _whole(file: Path) -> tuple[Sample, Sample | None]:
    """All of a file: its left or only channel, and its right one."""
    import soundfile  # type: ignore[import-untyped]

    try:
        info = soundfile.info(str(file))
    except (soundfile.LibsndfileError, OSError) as error:
        raise ValueError(f"{file.name} cannot be read as audio") from error
    size = file.stat().st_size
    left = Sample(0, size, info.samplerate, coded=True, file=str(file))
    return left, replace(left, channel=1) if info.channels > 1 else None


def _key(name: str, *, drums: bool) -> int:
    name = name.strip().lower()
    if drums and name in PIECES:
        return PIECES[name]
    if name.isdigit() and int(name) <= 127:
        return int(name)
    if match := _NOTE.fullmatch(name):
        letter, accidental, octave = match.groups()
        return _STEPS[letter] + {"": 0, "#": 1, "b": -1}[accidental] + 12 * (int(octave) + 1)
    known = f"a key, or one of {', '.join(PIECES)}" if drums else "a note such as C4 or F#3, or a key of 0 to 127"
    raise ValueError(f"{name!r} is no name for a recording: it has to be {known}")
