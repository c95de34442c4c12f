"""What an audio file is, told by its first bytes and never by its name."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import BinaryIO

SUPPORTED = ("wav", "aiff", "flac", "mp3", "ogg", "m4a", "aac", "webm")

MIME_TYPES = {
    "wav": "audio/wav",
    "aiff": "audio/aiff",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "webm": "audio/webm",
}

_ID3_HEADER = 10  # bytes


@dataclasses.dataclass(frozen=True)
class AudioInfo:
    """What `codecs.probe` found in a file."""

    format: str  # one of SUPPORTED
    mime_type: str
    codec: str  # pcm, float, flac, mp3, vorbis, opus, aac, alac, or the decoder's own name for something rarer
    rate: int  # Hz
    channels: int
    frames: int
    bit_depth: int | None  # of the samples as stored; None for lossy codecs

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.rate


def detect(path: pathlib.Path) -> str | None:
    """One of SUPPORTED, or None for anything else; whether it can be decoded is for the decoder to say."""
    with path.open("rb") as file:
        return _detect(file, tagged=False)


def _detect(file: BinaryIO, *, tagged: bool) -> str | None:
    start = file.tell()
    head = file.read(64)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[4:8] == b"ftyp":
        return "m4a"
    for magic, format in ((b"fLaC", "flac"), (b"OggS", "ogg"), (b"\x1a\x45\xdf\xa3", "webm")):
        if head.startswith(magic):
            return format
    if head.startswith(b"ID3") and len(head) > _ID3_HEADER and not tagged:
        size = 0
        for byte in head[6:10]:
            size = size << 7 | byte & 0x7F
        file.seek(start + _ID3_HEADER + size)
        return _detect(file, tagged=True) or "mp3"
    for format, length_of in (("aac", _adts_length), ("mp3", _mpeg_length)):
        length = length_of(head)
        if length:
            file.seek(start + length)
            following = file.read(16)
            if not following or length_of(following):
                return format
    return None


def _adts_length(header: bytes) -> int:
    """Bytes of the AAC frame that begins here (ISO/IEC 13818-7, section 6.2), 0 when none does."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0 or header[2] >> 2 & 0xF > 12:
        return 0
    return (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5


_LAYER_3_KBITS = {  # by MPEG version 1, and 2 or 2.5
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_VERSION_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def _mpeg_length(header: bytes) -> int:
    """Bytes of the MPEG layer III frame that begins here (ISO/IEC 11172-3, section 2.4.1.3), 0 when none does."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0 or header[1] & 0x06 != 0x02:
        return 0
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return 0
    first = version == 3
    hertz = _VERSION_RATES[version][rate]
    return (144 if first else 72) * 1000 * _LAYER_3_KBITS[first][bitrate] // hertz + (header[2] >> 1 & 1)
