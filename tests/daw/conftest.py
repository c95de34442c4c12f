"""A document without an API: the database and the bus are real."""

from __future__ import annotations

import pytest

from bus.local import LocalBus
from dawg_server.database import users
from dawg_server.database.pool import Database
from dawg_server.daw.document import Document

PEOPLE = ("ada", "bob", "eve")


@pytest.fixture
def bus() -> LocalBus:
    return LocalBus()


@pytest.fixture
async def document(database: Database, bus: LocalBus) -> Document:
    for name in PEOPLE:
        await users.ensure(database, name, "development")
    return Document(database, bus)


@pytest.fixture
async def project_id(document: Document, database: Database) -> str:
    """A project of ada's in which bob is an editor and eve a viewer."""
    project = await document.create("ada", {"name": "Song"})
    for name, role in (("bob", "editor"), ("eve", "viewer")):
        await join(database, project["id"], name, role)
    return str(project["id"])


async def join(database: Database, project_id: str, user_id: str, role: str) -> None:
    await database.execute(
        "INSERT INTO collaborators (project_id, user_id, role, accepted_at) VALUES (%s, %s, %s, now())",
        (project_id, user_id, role),
    )
