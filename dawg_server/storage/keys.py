"""How stored files are named: `<owner>/<audio id>/<sha256 prefix>.<format>`, and never by what a user wrote."""

from __future__ import annotations

import hashlib


def key(owner_id: str, audio_id: str, sha256: bytes, format: str) -> str:
    """The same recording of the same owner always gets the same key. `format`: the file name's end, without a dot."""
    return f"{_safe(owner_id)}/{audio_id}/{sha256.hex()[:16]}.{format}"


def _safe(owner_id: str) -> str:
    """A folder name: user ids may hold characters that mean something in a path."""
    return hashlib.sha256(owner_id.encode()).hexdigest()[:16]
