"""The catalogue of functions as clients fetch and keep it (contract, section 4.15)."""

from __future__ import annotations

import datetime
import gzip
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from dawg_server.daw.functions.catalogue import Catalogue
from dawg_server.wire import timestamp

Part = Literal["voice", "daw", "all"]


@dataclass(frozen=True, slots=True)
class _Published:
    """One document, ready in both forms."""

    plain: bytes
    packed: bytes  # gzip


class PublishedCatalogue:
    """Built when somebody first asks. Counters are those of this process."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._bodies: dict[Part, _Published] = {}
        self._since = datetime.datetime.now(datetime.UTC)
        self._fetched = self._unchanged = 0
        self._sent_bytes = self._saved_bytes = 0

    @property
    def etag(self) -> str:
        return f'"{self.catalogue.hash}"'

    def metadata(self) -> dict[str, Any]:
        voice, daw = self.catalogue.functions(voice=True), self.catalogue.functions()
        return {
            "version": self.catalogue.version,
            "hash": self.catalogue.hash,
            "voiceFunctionCount": len(voice),
            "dawFunctionCount": len(daw),
            "totalFunctionCount": len(self.catalogue.all),
            "uncompressedSize": len(orjson.dumps(voice)),
            "timestamp": self._since,
        }

    def is_current(self, version: str, hash: str) -> bool:
        return (version, hash) == (self.catalogue.version, self.catalogue.hash)

    def fetch(self, part: Part, *, packed: bool) -> bytes:
        body = self._bodies.get(part) or self._build(part)
        data = body.packed if packed else body.plain
        self._fetched += 1
        self._sent_bytes += len(data)
        self._saved_bytes += len(body.plain) - len(data)
        return data

    def unchanged(self, part: Part) -> None:
        """Somebody asked for what they have already."""
        self._unchanged += 1
        self._saved_bytes += len((self._bodies.get(part) or self._build(part)).plain)

    def stats(self) -> dict[str, Any]:
        asked = self._fetched + self._unchanged
        return {
            "cache": {
                "hits": self._unchanged,
                "misses": self._fetched,
                "hitRate": round(self._unchanged / asked, 4) if asked else 0.0,
            },
            "bandwidth": {"sentBytes": self._sent_bytes, "savedBytes": self._saved_bytes},
        }

    def _build(self, part: Part) -> _Published:
        voice = [{"type": "function", **each} for each in self.catalogue.functions(voice=True)]
        content: Any
        match part:
            case "voice":
                content = voice
            case "daw":
                content = self.catalogue.functions()
            case "all":
                metadata = self.metadata() | {"timestamp": timestamp(self._since)}
                content = {"voice": voice, "daw": self.catalogue.functions(), "metadata": metadata}
        plain = orjson.dumps(content)
        body = self._bodies[part] = _Published(plain, gzip.compress(plain, mtime=0))
        return body
