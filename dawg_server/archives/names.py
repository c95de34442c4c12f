"""Names of files that come from what people write, and are safe everywhere."""

from __future__ import annotations

import re
import unicodedata

MAX_NAME = 100  # characters
_UNSAFE = re.compile(r"[^\w .()+-]+")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # Windows opens devices under these


def safe(name: str, otherwise: str) -> str:
    """The name without what has a meaning in paths, headers or shells; `otherwise` when nothing is left."""
    text = _UNSAFE.sub("-", unicodedata.normalize("NFC", name)).strip(" .-")[:MAX_NAME].strip(" .-")
    return f"-{text}" if _RESERVED.match(text) else text or otherwise
