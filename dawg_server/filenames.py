"""Names of files: those that come from what people write and are safe everywhere, and those that the storage has."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from urllib.parse import quote

MAX_NAME = 100  # characters
MAX_BYTES = 200  # in UTF-8; most file systems take 255, the extension included
_UNSAFE = re.compile(r"[^\w .()+-]+")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # Windows opens devices under these
_EXTENSION = re.compile(r"\.(wave?|aiff?|flac|mp3|ogg|oga|opus|m4a|mp4|aac|webm|midi?|zip)\s*$", re.IGNORECASE)


def safe(name: str, otherwise: str) -> str:
    """The name without what has a meaning in paths, headers or shells; `otherwise` when nothing is left."""
    text = _UNSAFE.sub("-", unicodedata.normalize("NFC", name)).strip(" .-")[:MAX_NAME]
    text = text.encode()[:MAX_BYTES].decode(errors="ignore").strip(" .-")
    return f"-{text}" if _RESERVED.match(text) else text or otherwise


def without_extension(name: str) -> str:
    return _EXTENSION.sub("", name)


def disposition(name: str, extension: str, *, attachment: bool) -> str:
    """Content-Disposition of a file of that kind (RFC 6266), whatever it is called. `extension` has no dot.

    `filename` is for programs that know ASCII alone, `filename*` is the name.
    """
    stem = _EXTENSION.sub("", name)
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    kept = f"{safe(stem, 'audio')}.{extension}"
    return (
        f"{'attachment' if attachment else 'inline'}; "
        f'filename="{safe(plain, "audio")}.{extension}"; '
        f"filename*=UTF-8''{quote(kept, safe='')}"
    )


def storage_key(owner_id: str, audio_id: str, sha256: bytes, format: str) -> str:
    """`<owner>/<audio id>/<sha256 prefix>.<format>`: the same recording of the same owner always gets the same one.

    `format` is the file name's end, without a dot. User ids may hold characters that mean something in a path.
    """
    owner = hashlib.sha256(owner_id.encode()).hexdigest()[:16]
    return f"{owner}/{audio_id}/{sha256.hex()[:16]}.{format}"
