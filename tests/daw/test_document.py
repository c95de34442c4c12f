"""One door for every change: who may, what is stored, what is told, and what happens when two come at once."""

from __future__ import annotations

import asyncio
import urllib.parse
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bus import events
from bus.local import LocalBus
from dawg_server import errors
from dawg_server.database.pool import Database
from dawg_server.daw import commands
from dawg_server.daw import entity as registry
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document
from dawg_server.daw.entities.automation import Points
from dawg_server.daw.notes import Notes
from dawg_server.schema import Choice, Id, Items, JsonValue, Number, Record
from dawg_server.schema.spelt import Spelt
from tests.daw import editors

ADA, BOB, EVE = Actor("ada", "rest"), Actor("bob", "rest"), Actor("eve", "rest")
STRANGER = Actor("mallory", "rest")
TRACK = Command("createTrack", {"name": "Kick"})


async def add_track(document: Document, project_id: str, **fields: Any) -> dict[str, Any]:
    executed = await document.execute(project_id, [Command("createTrack", {"name": "Kick", **fields})], ADA)
    return dict(executed.results[0]["track"])


def update(track_id: str, **changes: Any) -> Command:
    return Command("updateTrack", {"trackId": track_id, "changes": changes})


EVERY = {*commands.SPECIAL, *(name for kind in registry.every() for name in commands.of_kind(kind))}


@pytest.mark.parametrize("name", sorted(EVERY))
async def test_viewers_change_nothing_by_any_command(document: Document, project_id: str, name: str) -> None:
    declared = commands.find(name).parameters.declared
    example = {each: _example(field) for each, field in declared.items() if field.required}
    with pytest.raises(errors.Forbidden):
        await document.execute(project_id, [Command(name, example)], EVE)
    with pytest.raises(errors.NotFound, match="no such project"):
        await document.execute(project_id, [Command(name, example)], STRANGER)


def _example(field: Any) -> Any:
    """A value that the field takes."""
    if isinstance(field, Items):
        return [_example(field.inner) for _ in range(max(field.low, 1))]
    if isinstance(field, Record):
        return {name: _example(each) for name, each in field.schema.declared.items() if each.required}
    if isinstance(field, Number):
        return max(field.low or 0, 1)
    if isinstance(field, Notes):
        return {"notes": []}
    if isinstance(field, Points):
        return [{"beat": 0, "value": 0}]
    if isinstance(field, Choice):
        return next(iter(field.choices.values()))
    if isinstance(field, JsonValue):
        return {}
    if isinstance(field, Spelt):
        return field.examples[0]
    return str(uuid.uuid4()) if isinstance(field, Id) else "A"


async def test_strangers_do_not_learn_whether_a_project_exists(document: Document, project_id: str) -> None:
    for id in (project_id, str(uuid.uuid4()), "nonsense"):
        with pytest.raises(errors.NotFound, match="no such project"):
            await document.execute(id, [TRACK], STRANGER)
        with pytest.raises(errors.NotFound, match="no such project"):
            await document.snapshot(id, "mallory")
        with pytest.raises(errors.NotFound, match="no such project"):
            await editors.undo(document, id, STRANGER)


async def test_who_waits_too_long_for_other_writers_is_told_and_the_others_are_served(
    document: Document, project_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = (await document.create("ada", {"name": "Other"}))["id"]
    async with document.editing(project_id, ADA):
        with monkeypatch.context() as impatient:
            impatient.setattr("dawg_server.daw.document.LOCK_PATIENCE", 0.01)
            with pytest.raises(errors.DependencyUnavailable, match="at once"):
                await document.execute(project_id, [TRACK], ADA)
        await document.execute(other, [TRACK], ADA)
    assert (await document.execute(project_id, [TRACK], ADA)).revision == 1


async def test_each_stored_operation_raises_the_revision_by_one(document: Document, project_id: str) -> None:
    executed = await document.execute(
        project_id, [TRACK, TRACK, Command("updateProject", {"changes": {"bpm": 90}})], ADA
    )
    assert executed.revision == 3
    assert [each["revision"] for each in executed.operations] == [1, 2, 3]
    assert len({each["groupId"] for each in executed.operations}) == 1
    assert (await document.snapshot(project_id, "ada"))["revision"] == 3


async def test_what_changes_nothing_is_not_stored(document: Document, project_id: str, bus: LocalBus) -> None:
    track = await add_track(document, project_id)
    told: list[events.ProjectChanged] = []
    bus.subscribe(events.ProjectChanged, told.append)
    executed = await document.execute(project_id, [update(track["id"], volume=0.8)], ADA)
    assert (executed.revision, executed.operations, told) == (1, [], [])
    assert executed.results[0]["track"]["volume"] == 0.8


async def test_one_wrong_command_stops_all(document: Document, project_id: str, bus: LocalBus) -> None:
    told: list[events.ProjectChanged] = []
    bus.subscribe(events.ProjectChanged, told.append)
    for wrong in (
        update(str(uuid.uuid4()), volume=1),
        Command("updateProject", {"changes": {"bpm": 19}}),
        Command("x"),
    ):
        with pytest.raises((errors.NotFound, errors.ValidationError)):
            await document.execute(project_id, [TRACK, wrong], ADA)
    project = await document.snapshot(project_id, "ada")
    assert (project["revision"], project["tracks"], told) == (0, [], [])


async def test_everybody_is_told_once_after_the_commit_and_in_order(
    document: Document, project_id: str, bus: LocalBus
) -> None:
    seen: list[tuple[int, int]] = []

    async def look(event: events.ProjectChanged) -> None:
        project = await document.snapshot(project_id, "ada")
        seen.append((event.revision, project["revision"]))

    bus.subscribe(events.ProjectChanged, look)
    await asyncio.gather(*(document.execute(project_id, [TRACK], actor) for actor in (ADA, BOB) * 10))
    assert seen == [(number, number) for number in range(1, 21)]


async def test_a_client_operation_is_done_once_and_answered_alike(document: Document, project_id: str) -> None:
    first = await document.execute(project_id, [TRACK], ADA, client_operation_id="a1")
    await document.execute(project_id, [TRACK], ADA)
    again = await document.execute(project_id, [TRACK], ADA, client_operation_id="a1")
    assert again.replayed
    assert (again.revision, again.results, again.operations) == (first.revision, first.results, first.operations)
    assert not (await document.execute(project_id, [TRACK], BOB, client_operation_id="a1")).replayed
    assert len((await document.snapshot(project_id, "ada"))["tracks"]) == 3


async def test_the_same_client_operation_twice_at_once_is_done_once(document: Document, project_id: str) -> None:
    both = await asyncio.gather(
        *(document.execute(project_id, [TRACK], ADA, client_operation_id="a1") for _ in range(5))
    )
    assert len({each.results[0]["track"]["id"] for each in both}) == 1
    assert sorted(each.replayed for each in both) == [False, True, True, True, True]


async def test_a_base_revision_refuses_what_somebody_changed_since(document: Document, project_id: str) -> None:
    track = await add_track(document, project_id)
    await document.execute(project_id, [update(track["id"], volume=0.1)], BOB)
    with pytest.raises(errors.RevisionConflict) as caught:
        await document.execute(project_id, [update(track["id"], volume=0.2, name="New")], ADA, base_revision=1)
    assert caught.value.details is not None
    assert caught.value.details["current"]["volume"] == 0.1
    assert caught.value.details["current"]["name"] == "Kick"
    assert caught.value.details["revision"] == 2
    other = await document.execute(project_id, [update(track["id"], pan=1)], ADA, base_revision=1)
    assert other.revision == 3
    with pytest.raises(errors.RevisionConflict):
        await document.execute(project_id, [Command("deleteTrack", {"trackId": track["id"]})], ADA, base_revision=2)
    with pytest.raises(errors.ValidationError):
        await document.execute(project_id, [update(track["id"], pan=0)], ADA, base_revision=9)


async def test_without_a_base_revision_the_last_writer_wins_per_field(document: Document, project_id: str) -> None:
    track = await add_track(document, project_id)
    await asyncio.gather(
        document.execute(project_id, [update(track["id"], volume=0.1)], BOB),
        document.execute(project_id, [update(track["id"], pan=0.5)], ADA),
    )
    (now,) = (await document.snapshot(project_id, "ada"))["tracks"]
    assert (now["volume"], now["pan"]) == (0.1, 0.5)


async def test_two_documents_on_one_database_keep_one_gapless_log(
    document: Document, project_id: str, database: Database
) -> None:
    """As two replicas do, which share no lock but the one in Postgres."""
    other = Document(database, LocalBus())
    await asyncio.gather(*(each.execute(project_id, [TRACK], ADA) for each in (document, other) * 10))
    found = await document.missed(project_id, 0, 20)
    assert found is not None
    assert [each["revision"] for each in found] == list(range(1, 21))
    project = await document.snapshot(project_id, "ada")
    assert [track["order"] for track in project["tracks"]] == list(range(20))


async def test_who_loses_a_role_cannot_use_it_any_more(document: Document, project_id: str, database: Database) -> None:
    await database.execute("UPDATE collaborators SET role = 'viewer' WHERE user_id = 'bob'")
    with pytest.raises(errors.Forbidden):
        await document.execute(project_id, [TRACK], BOB)
    await database.execute("DELETE FROM collaborators WHERE user_id = 'bob'")
    with pytest.raises(errors.NotFound):
        await document.execute(project_id, [TRACK], BOB)


async def test_only_the_owner_makes_a_project_public_or_deletes_it(document: Document, project_id: str) -> None:
    public = Command("updateProject", {"changes": {"isPublic": True}})
    with pytest.raises(errors.Forbidden):
        await document.execute(project_id, [public], BOB)
    await document.execute(project_id, [public], ADA)
    assert (await document.snapshot(project_id, "mallory"))["role"] == "viewer"
    with pytest.raises(errors.Forbidden):
        await document.delete(project_id, "bob")
    await document.delete(project_id, "ada")
    with pytest.raises(errors.NotFound):
        await document.delete(project_id, "ada")


async def test_visitors_of_a_public_project_see_no_addresses(
    document: Document, project_id: str, database: Database
) -> None:
    await document.execute(project_id, [Command("updateProject", {"changes": {"isPublic": True}})], ADA)
    await database.execute("UPDATE collaborators SET email = 'bob@example.org' WHERE user_id = 'bob'")
    seen = (await document.snapshot(project_id, "mallory"))["collaborators"]
    assert [each["email"] for each in seen] == [None] * 3
    members = (await document.snapshot(project_id, "eve"))["collaborators"]
    assert "bob@example.org" in [each["email"] for each in members]


async def test_a_small_change_takes_two_round_trips(document: Document, project_id: str, database_dsn: str) -> None:
    track = await add_track(document, project_id)
    async with counted(database_dsn) as (dsn, trips):
        database = await Database.open(dsn, size=1)
        near = Document(database, LocalBus())
        await near.execute(project_id, [update(track["id"], volume=0.3)], ADA)
        trips.clear()
        await near.execute(project_id, [update(track["id"], volume=0.4)], ADA)
        assert len(trips) == 2
        trips.clear()
        await near.snapshot(project_id, "ada")
        assert len(trips) == 1
        await database.close()


@asynccontextmanager
async def counted(dsn: str) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A way to the database that notes every query that is sent over it."""
    target = urllib.parse.urlsplit(dsn)
    queries: list[bytes] = []
    relays: list[asyncio.Task[None] | None] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relays.append(asyncio.current_task())
        if target.hostname and not target.query:
            there = await asyncio.open_connection(target.hostname, target.port or 5432)
        else:
            folder = urllib.parse.parse_qs(target.query)["host"][0]
            port = urllib.parse.parse_qs(target.query).get("port", [str(target.port or 5432)])[0]
            there = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{port}")

        async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter, note: bool) -> None:
            while data := await source.read(2**20):
                if note and data[:1] == b"Q":
                    queries.append(data)
                sink.write(data)
            sink.close()
            await sink.wait_closed()

        await asyncio.gather(copy(reader, there[1], True), copy(there[0], writer, False), return_exceptions=True)

    server = await asyncio.start_server(relay, "127.0.0.1", 0, limit=2**20)
    port = server.sockets[0].getsockname()[1]
    login = target.netloc.rpartition("@")[0]
    yield f"postgresql://{login}@127.0.0.1:{port}{target.path}", queries
    server.close()
    await asyncio.gather(*(each for each in relays if each is not None))
