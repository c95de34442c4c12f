"""Who is there, what they do, and what they ask to be left alone: the same on every replica, whatever happens to one."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bus import events
from bus.local import LocalBus
from dawg_server import errors
from dawg_server.database import projects, users
from dawg_server.database.pool import Database
from dawg_server.daw.presence import Member, Presence, PresenceTiming

TRACK, OTHER_TRACK = str(uuid.uuid4()), str(uuid.uuid4())
Told = list[tuple[str, str, dict[str, Any]]]


def member(sid: str, user: str = "ada") -> Member:
    return Member(sid, user, user.capitalize(), "editor")


@pytest.fixture
async def project(database: Database) -> str:
    for user in ("ada", "bob"):
        await users.ensure(database, user, "development")
    return str((await projects.insert(database, "ada", {"name": "Song"}))["id"])


@pytest.fixture
def bus() -> LocalBus:
    return LocalBus()


@pytest.fixture
def told(bus: LocalBus) -> Told:
    """(event, user, what was told of it)."""
    heard: Told = []
    for kind in (events.CollaboratorLeft, events.TrackUnlocked):
        bus.subscribe(kind, lambda event: heard.append((event.name, event.user_id, event.fields)))
    return heard


@pytest.fixture
async def replica(database: Database, bus: LocalBus) -> AsyncIterator[Callable[..., Presence]]:
    """Makes replicas that are not started; those that a test starts end with it."""
    made: list[Presence] = []

    def make(name: str, **timing: float) -> Presence:
        made.append(Presence(database, bus, name, timing=PresenceTiming(**{"beat": 0.05, "lost": 0.4, **timing})))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def people(presence: Presence, project: str) -> list[tuple[str, int]]:
    return sorted((each["userId"], each["connections"]) for each in await presence.members(project))


async def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


async def test_a_person_with_two_connections_is_shown_once_and_leaves_with_the_second(
    replica: Callable[..., Presence], project: str, told: Told
) -> None:
    one, two = replica("one"), replica("two")
    assert [await one.join(project, member("a1")), await two.join(project, member("a2"))] == [1, 2]
    assert await one.join(project, member("a1")) == 2
    assert await people(two, project) == [("ada", 2)]
    await one.leave(project, "a1")
    await one.leave(project, "a1")
    await two.leave_all("a2")
    await two.leave_all("a2")
    assert [fields for _, _, fields in told] == [{"connections": 1}, {"connections": 0}]
    assert await people(one, project) == []


async def test_those_who_leave_at_once_count_each_other(
    replica: Callable[..., Presence], project: str, told: Told
) -> None:
    """The last one to leave is told as the last, on whichever replica they were."""
    replicas = [replica(str(number)) for number in range(6)]
    counts = await asyncio.gather(*(each.join(project, member(f"a{n}")) for n, each in enumerate(replicas)))
    await asyncio.gather(*(each.leave_all(f"a{n}") for n, each in enumerate(replicas)))
    assert sorted(counts) == [1, 2, 3, 4, 5, 6]
    assert sorted(fields["connections"] for _, _, fields in told) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(("state_seconds", "shown"), [(60.0, {"from": "a2"}), (0.0, None)])
async def test_the_newest_state_is_shown_until_it_is_old(
    replica: Callable[..., Presence], project: str, state_seconds: float, shown: object
) -> None:
    presence = replica("one", state=state_seconds)
    for sid in ("a1", "a2"):
        await presence.join(project, member(sid))
        await presence.set_state(project, sid, {"from": sid})
    assert [each["state"] for each in await presence.members(project)] == [shown]


async def test_a_lock_belongs_to_a_person_until_it_ends(
    replica: Callable[..., Presence], project: str, told: Told
) -> None:
    one, two = replica("one"), replica("two")
    for presence, each in ((one, member("a1")), (two, member("a2")), (two, member("b1", "bob"))):
        await presence.join(project, each)
    assert (await one.lock(project, TRACK, "a1"))[0]
    mine, held = await two.lock(project, TRACK, "b1")
    assert (mine, held.user_id) == (False, "ada")
    assert not await two.unlock(project, TRACK, "bob")
    renewed = (await two.lock(project, TRACK, "a2"))[1]
    assert (renewed.sid, renewed.expires_at >= held.expires_at) == ("a2", True)
    await one.leave_all("a1")
    assert [name for name, _, _ in told] == ["collaborator:left"]
    await two.leave_all("a2")
    assert told[1] == ("track:unlocked", "ada", {"trackId": TRACK})
    assert await one.locks(project) == []


async def test_of_many_who_ask_at_once_one_gets_the_lock(replica: Callable[..., Presence], project: str) -> None:
    one, two = replica("one"), replica("two")
    await one.join(project, member("a1"))
    await two.join(project, member("b1", "bob"))
    for _ in range(10):
        answers = await asyncio.gather(one.lock(project, TRACK, "a1"), two.lock(project, TRACK, "b1"))
        assert [mine for mine, _ in answers].count(True) == 1
        assert len({held.user_id for _, held in answers}) == 1
        await one.unlock(project, TRACK, answers[0][1].user_id)


async def test_a_lock_that_is_not_renewed_ends_by_itself(replica: Callable[..., Presence], project: str) -> None:
    presence = replica("one", lease=0.0)
    await presence.join(project, member("a1"))
    await presence.lock(project, TRACK, "a1")
    assert await presence.locked(project, TRACK) is None
    assert await presence.locks(project) == []


async def test_who_has_not_joined_gets_no_lock(replica: Callable[..., Presence], project: str) -> None:
    with pytest.raises(errors.NotJoined):
        await replica("one").lock(project, TRACK, "a1")


async def test_who_joins_what_has_just_been_deleted_is_told_so(
    database: Database, replica: Callable[..., Presence], project: str
) -> None:
    presence = replica("one")
    await database.execute("DELETE FROM projects WHERE id = %s", (project,))
    with pytest.raises(errors.NotFound):
        await presence.join(project, member("a1"))
    await presence.leave_all("a1")


async def test_the_people_of_a_dead_replica_are_taken_out_and_told_once(
    database: Database, replica: Callable[..., Presence], project: str, told: Told
) -> None:
    dead, *living = replica("dead", beat=3600), replica("one"), replica("two")
    for each in (dead, *living):
        await each.start(alone=False)
    await dead.join(project, member("a1"))
    await dead.lock(project, TRACK, "a1")
    await living[0].join(project, member("a2"))
    await living[0].lock(project, OTHER_TRACK, "a2")

    async def alone() -> bool:
        return await people(living[1], project) == [("ada", 1)]

    await until(alone)
    await asyncio.sleep(0.2)
    assert told == [("track:unlocked", "ada", {"trackId": TRACK}), ("collaborator:left", "ada", {"connections": 1})]
    assert [lock.track_id for lock in await living[1].locks(project)] == [OTHER_TRACK]


async def test_a_replica_whose_rows_are_gone_says_again_who_is_there(
    database: Database, replica: Callable[..., Presence], project: str
) -> None:
    """As after a crash of Postgres, which empties unlogged tables."""
    presence = replica("one")
    await presence.start(alone=False)
    await presence.join(project, member("a1"))
    await database.execute("TRUNCATE replicas, project_visits, track_locks")

    async def back() -> bool:
        return await people(presence, project) == [("ada", 1)]

    await until(back)


async def test_a_visit_that_ended_while_the_database_was_away_ends_when_it_is_back(
    database: Database, database_dsn: str, bus: LocalBus, project: str, told: Told
) -> None:
    lame = await Database.open(database_dsn, size=1, statement_timeout=0.2)
    presence = Presence(lame, bus, "one", timing=PresenceTiming(beat=0.05))
    await presence.start(alone=False)
    await presence.join(project, member("a1"))
    async with database.transaction() as other:
        await other.execute("LOCK TABLE project_visits IN ACCESS EXCLUSIVE MODE")
        await presence.leave_all("a1")
        assert told == []

    async def gone() -> bool:
        return bool(told)

    await until(gone)
    assert [(name, fields) for name, _, fields in told] == [("collaborator:left", {"connections": 0})]
    await presence.close()
    await lame.close()


async def test_a_server_that_is_alone_forgets_who_was_there_when_it_crashed(
    replica: Callable[..., Presence], project: str
) -> None:
    before, after = replica("before"), replica("after")
    await before.join(project, member("a1"))
    await after.start(alone=True)
    assert await people(after, project) == []


async def test_who_leaves_while_joining_has_left_and_nobody_hears_of_it(
    database: Database, replica: Callable[..., Presence], project: str, told: Told
) -> None:
    presence = replica("one")
    async with database.transaction() as other:
        await other.execute("LOCK TABLE project_visits IN ACCESS EXCLUSIVE MODE")
        joining = asyncio.create_task(presence.join(project, member("a1")))
        await asyncio.sleep(0.05)
        await presence.leave_all("a1")
    with pytest.raises(errors.NotJoined):
        await joining
    assert (await people(presence, project), told) == ([], [])


async def test_a_row_of_ones_own_without_a_connection_is_removed(
    database: Database, replica: Callable[..., Presence], project: str
) -> None:
    """Whatever left it there. Those of a dead replica are the others' to remove."""
    presence = replica("one")
    await presence.start(alone=False)
    await presence.join(project, member("a1"))
    await database.execute(
        """INSERT INTO project_visits (project_id, sid, replica, user_id, username, role)
           SELECT project_id, 'a2', replica, user_id, username, role FROM project_visits"""
    )
    assert await people(presence, project) == [("ada", 2)]

    async def removed() -> bool:
        return await people(presence, project) == [("ada", 1)]

    await until(removed)


async def test_who_comes_back_before_the_end_of_the_last_visit_was_written_stays(
    database: Database, database_dsn: str, bus: LocalBus, project: str
) -> None:
    lame = await Database.open(database_dsn, size=1, statement_timeout=0.2)
    presence = Presence(lame, bus, "one", timing=PresenceTiming(beat=0.05))
    await presence.join(project, member("a1"))
    async with database.transaction() as other:
        await other.execute("LOCK TABLE project_visits IN ACCESS EXCLUSIVE MODE")
        await presence.leave_all("a1")
    await presence.join(project, member("a1"))
    await presence.start(alone=False)
    await asyncio.sleep(0.3)
    assert await people(presence, project) == [("ada", 1)]
    await presence.close()
    await lame.close()
