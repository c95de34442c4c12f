"""Who is there, what they do, and what they ask to be left alone."""

from __future__ import annotations

import pytest

from dawg_server.daw.presence import Member, Presence

ROOM = "project"


def member(sid: str, user: str = "ada") -> Member:
    return Member(sid, user, user.capitalize(), "editor")


async def test_a_person_with_two_connections_is_shown_once_and_leaves_with_the_second() -> None:
    presence = Presence()
    assert [await presence.join(ROOM, member(sid)) for sid in ("a1", "a2", "a2")] == [1, 2, 2]
    assert [(each["userId"], each["connections"]) for each in await presence.members(ROOM)] == [("ada", 2)]
    first = await presence.leave(ROOM, "a1")
    assert first is not None
    assert first.connections == 1
    assert await presence.leave(ROOM, "a1") is None
    (last,) = await presence.leave_all("a2")
    assert (last.connections, await presence.members(ROOM), await presence.leave_all("a2")) == (0, [], [])


@pytest.mark.parametrize(("state_seconds", "shown"), [(60.0, {"from": "a2"}), (0.0, None)])
async def test_the_newest_state_is_shown_until_it_is_old(state_seconds: float, shown: object) -> None:
    presence = Presence(state_seconds=state_seconds)
    for sid in ("a1", "a2"):
        await presence.join(ROOM, member(sid))
        await presence.set_state(ROOM, sid, {"from": sid})
    assert [each["state"] for each in await presence.members(ROOM)] == [shown]


async def test_a_lock_belongs_to_a_person_until_it_ends() -> None:
    presence = Presence()
    for each in (member("a1"), member("a2"), member("b1", "bob")):
        await presence.join(ROOM, each)
    assert (await presence.lock(ROOM, "track", "a1"))[0]
    mine, held = await presence.lock(ROOM, "track", "b1")
    assert (mine, held.user_id) == (False, "ada")
    assert await presence.unlock(ROOM, "track", "bob") is None
    renewed = (await presence.lock(ROOM, "track", "a2"))[1]
    assert renewed.expires_at >= held.expires_at
    assert [departure.locks for departure in await presence.leave_all("a1")] == [[]]
    (departure,) = await presence.leave_all("a2")
    assert [lock.track_id for lock in departure.locks] == ["track"]


async def test_a_lock_that_is_not_renewed_ends_by_itself() -> None:
    presence = Presence(lease_seconds=0.0)
    await presence.join(ROOM, member("a1"))
    await presence.lock(ROOM, "track", "a1")
    assert await presence.locked(ROOM, "track") is None
    assert await presence.locks(ROOM) == []
