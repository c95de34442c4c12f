"""Links that share a project with whoever has one, until they expire or are revoked; an invitation is one for once."""

from __future__ import annotations

import datetime
import re
import secrets
from dataclasses import dataclass
from typing import Any

from bus import events
from bus.local import LocalBus
from dawg_server import errors
from dawg_server.database import collaborators, server_secrets, share_links
from dawg_server.database.pool import Connection, Database
from dawg_server.daw.access import Access
from dawg_server.wire import is_uuid

MAX_LINKS = 50  # of a project, at once
MAX_INVITATIONS = 200  # likewise
INVITATION = datetime.timedelta(days=7)
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
                token_hash=server_secrets.digest(token),
                created_by=user_id,
                expires_at=datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds),
                most=MAX_LINKS,
            )
        if row is None:
            raise errors.Conflict(
                f"A project has at most {MAX_LINKS} links at once. Revoke one first.", details={"limit": MAX_LINKS}
            )
        return row, token

    async def invite(
        self, project_id: str, user_id: str, *, email: str, role: str
    ) -> tuple[dict[str, Any], dict[str, Any], str]:
        """(the pending collaborator, the link, its secret, which nobody can read again). Whoever opens the link takes
        the place, whatever address they have: one that nobody has verified proves nothing.

        `email` is in lower case. Raises `Conflict` when that address is in the project already.
        """
        await self._access.require(project_id, user_id, "owner")
        token = PREFIX + secrets.token_urlsafe(32)
        async with self._database.transaction() as connection:
            row = await collaborators.invite(connection, project_id, email, role)
            link = await share_links.insert(
                connection,
                project_id=project_id,
                role=role,
                token_hash=server_secrets.digest(token),
                created_by=user_id,
                expires_at=datetime.datetime.now(datetime.UTC) + INVITATION,
                most=MAX_INVITATIONS,
                collaborator_id=row["id"],
            )
            if link is None:
                raise errors.Conflict(
                    f"At most {MAX_INVITATIONS} invitations wait at once. Remove one first.",
                    details={"limit": MAX_INVITATIONS},
                )
        return row, link, token

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
            link = await share_links.take(connection, server_secrets.digest(token))
            if link is None:
                raise _unknown()
            if link["collaborator_id"] is not None:
                role, changed = await self._take_place(connection, link, user_id)
            else:
                role, changed = await collaborators.join(connection, link["project_id"], user_id, link["role"])
                if changed:
                    await share_links.count_use(connection, link["id"])
        if changed:
            await self._bus.publish(events.MembershipChanged(link["project_id"], user_id, role))
        return Membership(link["project_id"], link["name"], role)

    async def _take_place(self, connection: Connection, link: dict[str, Any], user_id: str) -> tuple[str, bool]:
        """(the caller's role, whether it is another one than before). Whoever is in the project keeps their place, and
        the one that was kept for them goes."""
        place, project_id = link["collaborator_id"], link["project_id"]
        if await collaborators.role_of(connection, project_id, user_id) is None:
            await share_links.spend(connection, link["id"])
            role = await collaborators.accept(connection, place, user_id)
            if role is None:
                raise _unknown()
            return role, True
        invited = await collaborators.lock(connection, project_id, place)
        await collaborators.delete(connection, place)
        return await collaborators.join(connection, project_id, user_id, invited["role"] if invited else "viewer")


def _unknown() -> errors.NotFound:
    return errors.NotFound(
        "There is no such link, or it has expired or was revoked. Ask whoever sent it for a new one.",
        details={"kind": "link"},
    )
