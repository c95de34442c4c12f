"""Who has which project open, what they do there, and what they ask others to leave alone.

Nothing here is a fact worth keeping: it is gone with the process. In a cluster each replica knows its own connections;
a shared implementation would have the same methods, which is why they are coroutines.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

STATE_SECONDS = 60.0  # how long what somebody told about themselves is shown to those who come later
LEASE_SECONDS = 15.0  # how long a track stays locked without being asked for again


@dataclass(slots=True)
class Member:
    """One connection that has the project open; one person may have several."""

    sid: str
    user_id: str
    username: str
    role: str
    state: Any = None
    state_at: float = 0.0  # time.monotonic()


@dataclass(slots=True)
class Lock:
    """`expires_at` is in epoch seconds."""

    track_id: str
    sid: str
    user_id: str
    username: str
    expires_at: float

    @property
    def holder(self) -> dict[str, Any]:
        return {"userId": self.user_id, "username": self.username, "userName": self.username}


@dataclass(slots=True)
class Departure:
    """`connections`: in how many places the person still has the project open. `locks` have ended with this one."""

    project_id: str
    member: Member
    connections: int
    locks: list[Lock]


@dataclass(slots=True)
class _Room:
    members: dict[str, Member] = field(default_factory=dict)  # by sid
    locks: dict[str, Lock] = field(default_factory=dict)  # by track


class Presence:
    """Of the connections of this process."""

    def __init__(self, state_seconds: float = STATE_SECONDS, lease_seconds: float = LEASE_SECONDS) -> None:
        self._state_seconds, self._lease_seconds = state_seconds, lease_seconds
        self._rooms: dict[str, _Room] = {}
        self._projects: dict[str, set[str]] = {}  # by sid

    async def join(self, project_id: str, member: Member) -> int:
        """In how many places that person has the project open now; joining again changes nothing but the role."""
        room = self._rooms.setdefault(project_id, _Room())
        known = room.members.setdefault(member.sid, member)
        known.role, known.username = member.role, member.username
        self._projects.setdefault(member.sid, set()).add(project_id)
        return self._connections(room, member.user_id)

    async def leave(self, project_id: str, sid: str) -> Departure | None:
        """None when that connection had not joined, so that nobody is told twice."""
        room = self._rooms.get(project_id)
        member = room.members.pop(sid, None) if room else None
        if room is None or member is None:
            return None
        self._projects[sid].discard(project_id)
        if not self._projects[sid]:
            del self._projects[sid]
        released = [lock for lock in room.locks.values() if lock.sid == sid]
        for lock in released:
            del room.locks[lock.track_id]
        if not room.members:
            del self._rooms[project_id]
        return Departure(project_id, member, self._connections(room, member.user_id), _alive(released))

    async def leave_all(self, sid: str) -> list[Departure]:
        """A connection has ended."""
        left = [await self.leave(project_id, sid) for project_id in tuple(self._projects.get(sid, ()))]
        return [departure for departure in left if departure is not None]

    async def set_state(self, project_id: str, sid: str, state: Any) -> None:
        if (room := self._rooms.get(project_id)) and (member := room.members.get(sid)):
            member.state, member.state_at = state, time.monotonic()

    async def members(self, project_id: str) -> list[dict[str, Any]]:
        """The people, each once, with the newest state that one of their connections has told."""
        room = self._rooms.get(project_id) or _Room()
        people: dict[str, Member] = {}
        for member in room.members.values():
            known = people.get(member.user_id)
            if known is None or member.state_at > known.state_at:
                people[member.user_id] = member
        fresh = time.monotonic() - self._state_seconds
        return [
            {
                "userId": each.user_id, "username": each.username, "userName": each.username, "role": each.role,
                "state": each.state if each.state_at >= fresh else None,
                "connections": self._connections(room, each.user_id),
            }
            for each in people.values()
        ]  # fmt: skip

    async def lock(self, project_id: str, track_id: str, sid: str) -> tuple[bool, Lock]:
        """(whether the connection's user holds the lock now, the lock that counts). The connection has joined.

        A person's own lock is renewed, and moves to the connection that asked last.
        """
        room = self._rooms[project_id]
        member = room.members[sid]
        held = await self.locked(project_id, track_id)
        if held is not None and held.user_id != member.user_id:
            return False, held
        room.locks = {each.track_id: each for each in _alive(list(room.locks.values()))}
        lock = Lock(track_id, sid, member.user_id, member.username, time.time() + self._lease_seconds)
        room.locks[track_id] = lock
        return True, lock

    async def unlock(self, project_id: str, track_id: str, user_id: str) -> Lock | None:
        """The lock that has ended; None when that person held none."""
        held = await self.locked(project_id, track_id)
        if held is None or held.user_id != user_id:
            return None
        return self._rooms[project_id].locks.pop(track_id)

    async def locked(self, project_id: str, track_id: str) -> Lock | None:
        room = self._rooms.get(project_id)
        lock = room.locks.get(track_id) if room else None
        return lock if lock is not None and lock.expires_at > time.time() else None

    async def locks(self, project_id: str) -> list[Lock]:
        room = self._rooms.get(project_id) or _Room()
        return _alive(list(room.locks.values()))

    @staticmethod
    def _connections(room: _Room, user_id: str) -> int:
        return sum(member.user_id == user_id for member in room.members.values())


def _alive(locks: list[Lock]) -> list[Lock]:
    now = time.time()
    return [lock for lock in locks if lock.expires_at > now]
