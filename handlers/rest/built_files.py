"""Files of built pages on the wire: those with a hash in their name are kept for good, and none is from outside."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from aiohttp import hdrs, web

# As Vite and Rollup write hashes (`index-DiwrgTda.js`) and as webpack does (`main.8e7b9a2c.chunk.js`).
_HASHED = re.compile(
    r"(-(?=[\w-]*[A-Za-z])(?=[\w-]*[0-9A-Z_])[\w-]{8}|[.-](?=[0-9]*[a-f])[0-9a-f]{8,64})(\.chunk)?\.\w+(\.map)?"
)
_BUNDLED = {"assets", "static"}  # where they put those; elsewhere a name may only look like that: `my-Document.pdf`
_FOR_GOOD = "public, max-age=31536000, immutable"
_PACKED = ("", ".gz", ".br")  # beside a file, and sent in its place
_TYPES = {  # those that not every machine knows; browsers refuse scripts of another type
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


class BuiltFiles:
    """The files below `root`, which may come, change and go while the server runs."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def answer(self, path: str, headers: Mapping[str, str]) -> web.FileResponse | None:
        """The answer to GET and HEAD for the file at `path` below the root; None when there is none."""
        file = await asyncio.to_thread(self._find, path)
        if file is None:
            return None
        kept = _FOR_GOOD if _is_hashed(path.split("/")) else "no-cache"
        reply = web.FileResponse(file, headers={"Cache-Control": kept, **headers})
        if known := _TYPES.get(file.suffix.lower()):
            reply.headers[hdrs.CONTENT_TYPE] = known
        return reply

    def _find(self, path: str) -> Path | None:
        parts = path.strip("/").split("/")
        if any(part.startswith(".") and part != ".well-known" for part in parts):
            return None
        try:
            root = self._root.resolve(strict=True)
            file = root.joinpath(*parts).resolve(strict=True)
            inside = all(file.with_name(file.name + each).resolve().is_relative_to(root) for each in _PACKED)
        except (OSError, ValueError, RuntimeError):  # among them: a name too long, a zero byte, links in a circle
            return None
        return file if inside and file.is_file() else None


def _is_hashed(parts: Sequence[str]) -> bool:
    """Whether what is there has another name when it is another file."""
    *folders, name = parts
    if _BUNDLED.isdisjoint(folders) or name.lower().endswith((".html", ".htm")):
        return False
    match = _HASHED.search(name)
    return match is not None and match.end() == len(name)
