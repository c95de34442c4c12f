"""What every storage promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredFile:
    """`size` in bytes."""

    key: str
    size: int


class Storage(Protocol):
    """Files by key (see `keys`). A file is there whole or not at all; keys are never user input.

    Everything raises `errors.DependencyUnavailable("storage")` when the storage does not answer.
    """

    name: str
    origin: str | None  # of its links, as browsers say it; None when this server has to serve the bytes itself

    async def put(self, key: str, source: Path, content_type: str) -> StoredFile:
        """Copies a finished local file; when this returns, the file survives a crash."""

    async def size(self, key: str) -> int | None:
        """Bytes of the file, or None when there is none."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes `start` to before `end` in pieces; raises `errors.NotFound` when there is no such file."""

    async def fetch(self, key: str, target: Path) -> None:
        """Copies the whole file to a local path; raises `errors.NotFound` when there is no such file."""

    async def delete(self, key: str) -> None:
        """Removes the file; a missing one is fine."""

    def link(self, key: str, *, seconds: int, disposition: str, content_type: str) -> str | None:
        """A direct link that works without headers, or None when this server has to serve the bytes itself.

        `disposition` is the answer's Content-Disposition. Made without asking anybody, so it costs next to nothing, and
        a link to a missing file is made as well.
        """

    async def check(self) -> None:
        """Raises when the storage does not work; called by `/health` with a time limit."""

    async def close(self) -> None: ...
