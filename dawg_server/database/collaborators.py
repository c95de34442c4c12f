"""Rows of `collaborators`: who may work on a project, and who is invited to."""

from __future__ import annotations

from typing import Any

from dawg_server import errors
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


async def invite(connection: Connection, project_id: str, email: str, role: str) -> dict[str, Any]:
    """A pending row. Raises `errors.Conflict` for a second time, also when a member has that address."""
    refusal = errors.Conflict("Somebody with this address is in the project already.", details={"email": email})
    try:
        id = await connection.fetch_value(
            """INSERT INTO collaborators (project_id, email, role) SELECT %(project)s, %(email)s, %(role)s
               WHERE NOT EXISTS (SELECT FROM collaborators c JOIN users u ON u.id = c.user_id
                   WHERE c.project_id = %(project)s AND u.email = %(email)s) RETURNING id""",
            {"project": project_id, "email": email, "role": role},
        )
    except UniqueViolation:
        raise refusal from None
    row = await get(connection, project_id, id) if id else None
    if row is None:
        raise refusal
    return row


async def accept(connection: Connection, collaborator_id: str, user_id: str) -> str | None:
    """Gives the pending place to that user, who has none in the project yet; its role, None if it waits no more."""
    role = await connection.fetch_value(
        """UPDATE collaborators SET user_id = %s, accepted_at = now() WHERE id = %s AND accepted_at IS NULL
           RETURNING role""",
        (user_id, collaborator_id),
    )
    return str(role) if role else None


async def role_of(connection: Connection, project_id: str, user_id: str) -> str | None:
    """Of a member; nobody else changes the row until the transaction ends."""
    role = await connection.fetch_value(
        "SELECT role FROM collaborators WHERE project_id = %s AND user_id = %s FOR UPDATE", (project_id, user_id)
    )
    return str(role) if role else None


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
