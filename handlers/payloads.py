"""What clients send: its type, its `Content-Encoding` (RFC 9110, section 8.4.1) and how deep its JSON is nested."""

from __future__ import annotations

import zlib
from typing import Any

from aiohttp import hdrs, web

from dawg_server import errors

MAX_DEPTH = 100  # levels: less than what encoders can write again; orjson writes 254, Python's stack holds about 900
JSON_TYPES = ("application/json", "text/json")
SUPPORTED = ("gzip", "deflate")
_ALIASES = {"x-gzip": "gzip", "identity": ""}
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


def is_json(content_type: str) -> bool:
    return content_type in JSON_TYPES or content_type.endswith("+json")


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


def is_too_deep(text: str | bytes, value: Any) -> bool:
    """`value` is what `text` says; shorter than twice `MAX_DEPTH` it is not too deep, which needs no asking.

    Long documents are not searched when they have too few brackets to be deep.
    """
    brackets = text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")
    if brackets <= MAX_DEPTH:
        return False
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for each in level
            for child in (each.values() if isinstance(each, dict) else each)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True
