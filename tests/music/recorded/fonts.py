"""Writes small SoundFonts: SoundFont 2.04, with PCM or, as SF3 has it, Vorbis."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import soundfile

RATE = 22_050
PAN, ATTACK, RELEASE, INSTRUMENT, KEYS, VELOCITIES, SAMPLE, LOOPS, FINE, ROOT = 17, 34, 38, 41, 43, 44, 53, 54, 52, 58


@dataclass(frozen=True)
class Recording:
    """`key`: at which it sounds as recorded; the loop in frames."""

    samples: np.ndarray
    key: int
    loop: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Zone:
    """Of an instrument: a recording by its place, and generators by number; ranges as pairs."""

    recording: int
    generators: Mapping[int, int | tuple[int, int]] = field(default_factory=dict)


def tone(key: float, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    """A string's sound, whose second half can be looped by whole periods."""
    cycles = np.arange(round(seconds * RATE)) * (440 * 2 ** ((key - 69) / 12) / RATE)
    return level * sum(np.sin(2 * np.pi * n * cycles) / n for n in (1, 2, 3)) / 1.5


def written(
    recordings: Sequence[Recording], presets: Mapping[tuple[int, int], Sequence[Zone]], *, vorbis: bool = False
) -> bytes:
    """One instrument for each preset, by (bank, program)."""
    data, headers = b"", b""
    for number, each in enumerate(recordings):
        pcm = (each.samples * 32_767).astype("<i2")
        packed = _vorbis(pcm) if vorbis else pcm.tobytes() + bytes(92)  # 46 frames of silence between them
        start = len(data) if vorbis else len(data) // 2
        length = len(packed) if vorbis else len(pcm)
        loop = [each.loop[0], each.loop[1]] if vorbis else [start + each.loop[0], start + each.loop[1]]
        headers += struct.pack(
            "<20sIIIIIBbHH",
            f"r{number}".encode(),
            start,
            start + length,
            *loop,
            RATE,
            each.key,
            0,
            0,
            17 if vorbis else 1,
        )
        data += packed
    headers += struct.pack("<20sIIIIIBbHH", b"EOS", *[0] * 9)
    inst = ibag = igen = phdr = pbag = pgen = b""
    for number, ((bank, program), zones) in enumerate(presets.items()):
        phdr += struct.pack("<20sHHHIII", f"p{number}".encode(), program, bank, len(pbag) // 4, 0, 0, 0)
        pbag += struct.pack("<HH", len(pgen) // 4, 0)
        pgen += struct.pack("<HH", INSTRUMENT, number)
        inst += struct.pack("<20sH", f"i{number}".encode(), len(ibag) // 4)
        for zone in zones:
            ibag += struct.pack("<HH", len(igen) // 4, 0)
            for generator, value in sorted(zone.generators.items()):
                number_ = value[0] | value[1] << 8 if isinstance(value, tuple) else value & 0xFFFF
                igen += struct.pack("<HH", generator, number_)
            igen += struct.pack("<HH", SAMPLE, zone.recording)
    phdr += struct.pack("<20sHHHIII", b"EOP", 0, 0, len(pbag) // 4, 0, 0, 0)
    pbag += struct.pack("<HH", len(pgen) // 4, 0)
    inst += struct.pack("<20sH", b"EOI", len(ibag) // 4)
    ibag += struct.pack("<HH", len(igen) // 4, 0)
    end = bytes(4)
    parts = {"phdr": phdr, "pbag": pbag, "pmod": bytes(10), "pgen": pgen + end, "inst": inst, "ibag": ibag}
    parts |= {"imod": bytes(10), "igen": igen + end, "shdr": headers}
    body = b"sfbk" + _list("INFO", ifil=struct.pack("<HH", 2, 4)) + _list("sdta", smpl=data) + _list("pdta", **parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _list(name: str, **chunks: bytes) -> bytes:
    body = name.encode()
    for kind, data in chunks.items():
        body += kind.encode() + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    return b"LIST" + struct.pack("<I", len(body)) + body


def _vorbis(pcm: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, pcm, RATE, format="OGG", subtype="VORBIS")
    return file.getvalue()
