"""Links to recordings that play in a plain `<audio>` element, without headers, for a while.

Into the storage itself where it offers that, else to our own `/content` route with a signature.
"""

from __future__ import annotations

import hashlib
import hmac
import time

from dawg_server import filenames
from dawg_server.audio import formats
from dawg_server.storage.base import Storage

LINK_SECONDS = 3600  # how long a link works
MIME_TYPES = formats.MIME_TYPES | {"mid": "audio/midi"}


class LinkSigner:
    """Signs (file id, expiry) with a key that all replicas share. Making a link asks nobody and takes no time."""

    def __init__(self, key: bytes, storage: Storage) -> None:
        self._key, self._storage = key, storage

    def sign(
        self,
        file_id: str,
        base_url: str,
        *,
        format: str | None = None,
        key: str | None = None,
        name: str | None = None,
        attachment: bool = False,
    ) -> str:
        """The absolute link, to another format of the recording if one is named. `base_url` has no slash at its end.

        `key` is where the storage keeps those bytes; without it the link always leads to this server. `name` is what
        the file is called when it is saved, which it is at once with `attachment`; otherwise it can be played.
        """
        if key is not None:
            suffix = key.rpartition(".")[2]
            direct = self._storage.link(
                key,
                seconds=LINK_SECONDS,
                disposition=filenames.disposition(name or file_id, suffix, attachment=attachment),
                content_type=MIME_TYPES.get(suffix, "application/octet-stream"),
            )
            if direct is not None:
                return direct
        expires = int(time.time()) + LINK_SECONDS
        which = f"format={format}&" if format else ""
        how = "attachment=true&" if attachment else ""
        signature = self._signature(file_id, expires)
        return f"{base_url}/api/audio/{file_id}/content?{which}{how}expires={expires}&signature={signature}"

    def valid(self, file_id: str, expires: str, signature: str) -> bool:
        if not expires.isascii() or not expires.isdigit() or len(expires) > 12 or int(expires) < time.time():
            return False
        return hmac.compare_digest(self._signature(file_id, int(expires)).encode(), signature.encode())

    def _signature(self, file_id: str, expires: int) -> str:
        return hmac.new(self._key, f"{file_id}:{expires}".encode(), hashlib.sha256).hexdigest()
