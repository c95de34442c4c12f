"""Rows of `collaborators`: who may work on a project, and who is invited to."""

from __future__ import annotations

from typing import Any

from dawg_server import errors
from dawg_server.database import users
from dawg_server.database.driver import UniqueViolation
from dawg_server.database.pool import Connection, Database

_SHOWN = """SELECT c.id, c.project_id, c.user_id, coalesce(c.email, u.email) AS email, c.role, c.invited_at,
                   c.accepted_at
            FROM collaborators c LEFT JOIN users u ON u.id = c.user_id"""


async def listed(database: Database, project_id: str) -> list[dict[str, Any]]:
    """The owner first, then in the order of the invitations."""
    return await database.fetch_all(
        f"{_SHOWN} WHERE c.project_id = %s ORDER BY c.role = 'owner' DESC, c.invited_at, c.id", (project_id,)
    )


async def get(connection: Database | Connection, project_id: str, collaborator_id: str) -> dict[str, Any] | None:
    return await connection.fetch_one(f"{_SHOWN} WHERE c.project_id = %s AND c.id = %s", (project_id, collaborator_id))


async def lock(connection: Connection, project_id: str, collaborator_id: str) -> dict[str, Any] | None:
    """As `get`; nobody else changes the row until the transaction ends."""
    return await connection.fetch_one(
        f"{_SHOWN} WHERE c.project_id = %s AND c.id = %s FOR UPDATE OF c", (project_id, collaborator_id)
    )


async def invite(database: Database, project_id: str, email: str, role: str) -> dict[str, Any]:
    """A member at once when the address has an account, else pending. Raises `errors.Conflict` for a second time."""
    async with database.transaction() as connection:
        await users.lock_address(connection, email)
        found = await users.by_email(connection, email)
        try:
            id = await connection.fetch_value(
                """INSERT INTO collaborators (project_id, user_id, email, role, accepted_at)
                   VALUES (%s, %s, %s, %s, CASE WHEN %s THEN now() END) RETURNING id""",
                (project_id, found and found["id"], email, role, found is not None),
            )
        except UniqueViolation:
            raise errors.Conflict(
                "Somebody with this address is in the project already.", details={"email": email}
            ) from None
        row = await get(connection, project_id, id)
    assert row is not None
    return row


async def bind(connection: Connection, user_id: str, email: str) -> list[dict[str, Any]]:
    """Invitations that wait for that address become memberships of its account: `project_id` and `role` of each."""
    return await connection.fetch_all(
        """UPDATE collaborators SET user_id = %s, accepted_at = now() WHERE email = %s AND user_id IS NULL
           RETURNING project_id, role""",
        (user_id, email),
    )


async def join(connection: Connection, project_id: str, user_id: str, role: str) -> tuple[str, bool]:
    """(the role that they have now, whether it is another one than before). Nobody loses rights by it."""
    changed = await connection.fetch_value(
        """INSERT INTO collaborators AS c (project_id, user_id, role, accepted_at) VALUES (%s, %s, %s, now())
           ON CONFLICT (project_id, user_id) WHERE user_id IS NOT NULL DO UPDATE SET role = EXCLUDED.role
           WHERE c.role = 'viewer' AND EXCLUDED.role = 'editor' RETURNING true""",
        (project_id, user_id, role),
    )
    held = await connection.fetch_value(
        "SELECT role FROM collaborators WHERE project_id = %s AND user_id = %s", (project_id, user_id)
    )
    return str(held), bool(changed)


async def set_role(connection: Connection, collaborator_id: str, role: str) -> None:
    await connection.execute("UPDATE collaborators SET role = %s WHERE id = %s", (role, collaborator_id))


async def delete(connection: Connection, collaborator_id: str) -> None:
    await connection.execute("DELETE FROM collaborators WHERE id = %s", (collaborator_id,))
