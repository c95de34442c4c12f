"""Links that share a project with whoever has one, until they expire or are revoked."""

from __future__ import annotations

import datetime
import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Any

from bus import events
from bus.local import LocalBus
from dawg_server import errors
from dawg_server.database import collaborators, share_links
from dawg_server.database.pool import Database
from dawg_server.daw.access import Access
from dawg_server.wire import is_uuid

MAX_LINKS = 50  # of a project, at once
PREFIX = "sl_"  # by which the log knows these secrets
_TOKEN = re.compile(PREFIX + r"[\w-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Membership:
    """What the caller may do in the project now."""

    project_id: str
    name: str
    role: str


class LinkSharing:
    """Rows are those of `database.share_links`. Making, listing and revoking is the owner's."""

    def __init__(self, database: Database, bus: LocalBus, access: Access) -> None:
        self._database, self._bus, self._access = database, bus, access

    async def make(self, project_id: str, user_id: str, *, role: str, seconds: int) -> tuple[dict[str, Any], str]:
        """(the row, the secret, which nobody can read again). Raises `Conflict` when there are too many."""
        await self._access.require(project_id, user_id, "owner")
        token = PREFIX + secrets.token_urlsafe(32)
        async with self._database.transaction() as connection:
            row = await share_links.insert(
                connection,
                project_id=project_id,
                role=role,
                token_hash=_hash(token),
                created_by=user_id,
                expires_at=datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds),
                most=MAX_LINKS,
            )
        if row is None:
            raise errors.Conflict(
                f"A project has at most {MAX_LINKS} links at once. Revoke one first.", details={"limit": MAX_LINKS}
            )
        return row, token

    async def listed(self, project_id: str, user_id: str) -> list[dict[str, Any]]:
        await self._access.require(project_id, user_id, "owner")
        return await share_links.listed(self._database, project_id)

    async def revoke(self, project_id: str, user_id: str, link_id: str) -> None:
        """Nobody joins by it any more; who has, stays."""
        await self._access.require(project_id, user_id, "owner")
        if not (is_uuid(link_id) and await share_links.delete(self._database, project_id, link_id)):
            raise _unknown()

    async def accept(self, token: str, user_id: str) -> Membership:
        """Makes the caller a member with the link's role. Who may do more already, still may."""
        if not _TOKEN.fullmatch(token):
            raise _unknown()
        async with self._database.transaction() as connection:
            link = await share_links.take(connection, _hash(token))
            if link is None:
                raise _unknown()
            role, changed = await collaborators.join(connection, link["project_id"], user_id, link["role"])
            if changed:
                await share_links.count_use(connection, link["id"])
        if changed:
            await self._bus.publish(events.MembershipChanged(link["project_id"], user_id, role))
        return Membership(link["project_id"], link["name"], role)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _unknown() -> errors.NotFound:
    return errors.NotFound(
        "There is no such link, or it has expired or was revoked. Ask whoever sent it for a new one.",
        details={"kind": "link"},
    )
