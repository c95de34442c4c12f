"""Ids of what this server keeps, told from those that a page makes up for itself."""

from __future__ import annotations

from typing import Any

from dawg_server import errors
from dawg_server.schema import Uuid

SEND_INSTEAD = {
    "recording": "Upload the recording first (POST /api/audio/upload), and send the id of the answer as audioFileId.",
    "clip": "Upload the recording first (POST /api/audio/upload), and send the id of the answer as audioFileId.",
    "project": "Create the project first (POST /api/projects) and send the id of the answer, or leave it out.",
    "track": "Create the track first (POST /api/tracks), and send the id of the answer.",
}
_SHOWN = 60  # characters of what was sent


class StoredId(Uuid):
    """The id of a project, track, clip or recording; one that a page has made (`track-1732`) raises `UnknownHere`."""

    def __init__(self, kind: str, help: str = "", **options: Any) -> None:
        super().__init__(help, **options)
        self.kind = kind

    def check(self, value: Any) -> str:
        if isinstance(value, str) and value.strip() and not self.is_one(value):
            raise errors.UnknownHere(
                f"“{value[:_SHOWN]}” is an id of the page's own, which this server does not know. "
                f"{SEND_INSTEAD[self.kind]}",
                details={"kind": self.kind, "id": value[:_SHOWN]},
            )
        return super().check(value)
