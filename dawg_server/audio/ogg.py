"""Makes OGG files reproducible: libsndfile gives each stream a random serial number.

Page layout and checksum: RFC 3533, section 6.
"""

from __future__ import annotations

import pathlib
import struct
import zlib

SERIAL = 1770

_HEADER = struct.Struct("<4sBBqIIIB")  # pattern, version, flags, position, serial, page, checksum, segments
_SERIAL_OFFSET = 14
_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def fix_serial(path: pathlib.Path, serial: int = SERIAL) -> None:
    """Gives every page of a file with one logical stream the same serial number, in place."""
    with path.open("r+b") as file:
        position = 0
        while header := file.read(_HEADER.size):
            pattern, version, flags, granule, _, page, _, segments = _HEADER.unpack(header)
            if pattern != b"OggS":
                raise ValueError(f"no OGG page at byte {position}")
            table = file.read(segments)
            body = file.read(sum(table))
            blank = _HEADER.pack(pattern, version, flags, granule, serial, page, 0, segments)
            file.seek(position + _SERIAL_OFFSET)
            file.write(struct.pack("<III", serial, page, checksum(blank + table + body)))
            position = file.seek(position + len(header) + len(table) + len(body))


def checksum(page: bytes) -> int:
    """CRC-32 with OGG's order of bits: zlib's polynomial on mirrored bytes, without inversions."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
