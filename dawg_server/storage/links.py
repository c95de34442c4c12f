"""Signed links to our own `/content` route: they play in a plain `<audio>` element, without headers, for a while."""

from __future__ import annotations

import hashlib
import hmac
import time

LINK_SECONDS = 3600  # how long a link works


class LinkSigner:
    """Signs (file id, expiry) with a key that all replicas share."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, file_id: str, base_url: str, *, format: str | None = None, seconds: int = LINK_SECONDS) -> str:
        """The absolute link, to another format of the recording if one is named. `base_url` has no slash at its end."""
        expires = int(time.time()) + seconds
        which = f"format={format}&" if format else ""
        signature = self._signature(file_id, expires)
        return f"{base_url}/api/audio/{file_id}/content?{which}expires={expires}&signature={signature}"

    def valid(self, file_id: str, expires: str, signature: str) -> bool:
        if not expires.isascii() or not expires.isdigit() or len(expires) > 12 or int(expires) < time.time():
            return False
        return hmac.compare_digest(self._signature(file_id, int(expires)).encode(), signature.encode())

    def _signature(self, file_id: str, expires: int) -> str:
        return hmac.new(self._key, f"{file_id}:{expires}".encode(), hashlib.sha256).hexdigest()
