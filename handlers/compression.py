"""`Content-Encoding` of what comes in (RFC 9110, section 8.4.1)."""

from __future__ import annotations

import zlib

from aiohttp import hdrs, web

from dawg_server import errors

SUPPORTED = ("gzip", "deflate")
_ALIASES = {"x-gzip": "gzip", "identity": ""}
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


def encoding(request: web.BaseRequest, supported: tuple[str, ...] = SUPPORTED) -> str:
    """One of those, or nothing. Raises `UnsupportedMediaType`."""
    given = request.headers.get(hdrs.CONTENT_ENCODING, "").strip().lower()
    given = _ALIASES.get(given, given)
    if given and given not in supported:
        raise errors.UnsupportedMediaType(
            f"This Content-Encoding is not read here: send {' or '.join((*supported, 'the body as it is'))}.",
            details={"supported": [*supported, "identity"]},
        )
    return given


def unpacked(data: bytes, encoding: str, limit: int) -> bytes:
    """The body that was packed as `data`. Raises `MalformedRequest`, and `PayloadTooLarge` beyond `limit` bytes."""
    if not encoding or not data:
        return data
    found = bytearray()
    bits = _GZIP if encoding == "gzip" else _ZLIB if data[0] & 15 == zlib.DEFLATED else _RAW
    try:
        while data:  # a gzip file may have several members
            stream = zlib.decompressobj(bits)
            found += stream.decompress(data, limit + 1 - len(found))
            if len(found) > limit:
                raise errors.PayloadTooLarge(details={"limit": limit, "unit": "bytes"})
            if not stream.eof:
                raise errors.MalformedRequest(f"The body ends before its {encoding} does.")
            data = stream.unused_data if bits == _GZIP else b""
    except zlib.error:
        raise errors.MalformedRequest(f"The body is not {encoding}, as its Content-Encoding says.") from None
    return bytes(found)
