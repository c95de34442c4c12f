"""Who has which project open, what they do there, and what they ask others to leave alone: on all replicas together.

The rows are Postgres', so every replica sees the same. Each replica says every few seconds that it lives; whoever was
connected to one that does not is taken out by the others. Who comes is told by `handlers.sockets.rooms`, which knows
when they have seen the project; who goes is told here, once, whatever the reason.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import structlog

from bus import events
from bus.local import LocalBus
from bus.supervision import SupervisedLoop
from dawg_server import errors, logs
from dawg_server.database import ForeignKeyViolation, presence_sessions
from dawg_server.database.pool import Database

log: structlog.stdlib.BoundLogger = logs.get("main")


@dataclass(frozen=True, slots=True)
class PresenceTiming:
    """All in seconds."""

    state: float = 60.0  # how long what somebody told about themselves is shown to those who come later
    lease: float = 15.0  # how long a track stays locked without being asked for again
    beat: float = 2.0  # between two signs of life of a replica
    lost: float = 10.0  # without one, a replica counts as dead


USUAL_TIMING = PresenceTiming()


@dataclass(frozen=True, slots=True)
class Member:
    """One connection that has the project open; one person may have several. `login`: the one that it was opened with,
    None for identities that others have proved."""

    sid: str
    user_id: str
    username: str
    role: str
    login: str | None = None


@dataclass(frozen=True, slots=True)
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


class Presence:
    """Of one replica's connections, and what it knows of the others'. Raises `DependencyUnavailable`."""

    def __init__(
        self,
        database: Database,
        bus: LocalBus,
        replica: str,
        address: str | None = None,
        timing: PresenceTiming = USUAL_TIMING,
    ) -> None:
        self._database, self._bus, self._replica, self._address = database, bus, replica, address
        self._timing = timing
        self._mine: dict[str, dict[str, Member]] = {}  # by sid and project
        self._joining: set[tuple[str, str]] = set()  # project and sid of sessions that nobody has been told of yet
        # Project and sid of sessions whose end is still to be written, and whether the others were told that they came.
        self._unended: dict[tuple[str, str], bool] = {}
        self._watching_since: float | None = None  # monotonic; since when signs of life have got through
        self._loop = SupervisedLoop(
            "presence",
            self._keep,
            doing="Looking after presence",
            interval=timing.beat,
            expected=(errors.DependencyUnavailable,),
        )

    async def start(self, *, alone: bool) -> None:
        """`alone`: no other replica can be on this database, so whoever is there was left behind by a crash."""
        if alone:
            await presence_sessions.forget_everybody(self._database)
        await presence_sessions.beat(self._database, self._replica, self._address)
        self._loop.start()

    async def close(self) -> None:
        if not self._loop.running:
            return
        await self._loop.close()
        try:
            await self._take_out_the_unended()
            await presence_sessions.forget_replica(self._database, self._replica)
        except errors.DependencyUnavailable:
            log.warning("The database does not answer; others will take this replica out.", action="presence_left")

    # -- coming and going ----------------------------------------------------------------------------------------------

    async def join(self, project_id: str, member: Member) -> int:
        """In how many places that person has the project open now; joining again changes nothing but the role.

        Raises `NotFound` for a project that has just been deleted, and `NotJoined` when `leave` was called meanwhile.
        """
        session = project_id, member.sid
        known = self.present(*session)
        self._mine.setdefault(member.sid, {})[project_id] = member
        self._unended.pop(session, None)
        if not known:
            self._joining.add(session)
        try:
            connections = await presence_sessions.begin(self._database, self._replica, _row(project_id, member))
        except ForeignKeyViolation:
            self._forget(*session)
            raise errors.NotFound("There is no such project.", details={"kind": "project"}) from None
        except BaseException:
            if not known:  # whoever was there before still is
                self._forget(*session)
                self._unended[session] = False  # perhaps it was written all the same
            raise
        finally:
            self._joining.discard(session)
        if not self.present(*session):
            # Whoever leaves while the session is being written has left, and nobody had been told that they came.
            await self._take_out(project_id, [member.sid], told=False)
            raise errors.NotJoined()
        return connections

    def present(self, project_id: str, sid: str) -> bool:
        """Whether that connection of this replica has the project open."""
        return project_id in self._mine.get(sid, ())

    async def only_project(self, user_id: str, login: str | None) -> str | None:
        """The project that a user has open by that login; None when it is none, or several."""
        found = await presence_sessions.projects_of(self._database, user_id, login)
        return found[0] if len(found) == 1 else None

    @property
    def sessions(self) -> int:
        """Connections of this replica that have a project open, each once per project."""
        return sum(map(len, self._mine.values()))

    async def leave(self, project_id: str, sid: str) -> None:
        """Tells the others, unless that connection had not joined. While it is joining, `join` ends the session."""
        if self._forget(project_id, sid) and (project_id, sid) not in self._joining:
            await self._take_out(project_id, [sid])

    async def leave_all(self, sid: str) -> None:
        """A connection has ended."""
        for project_id in tuple(self._mine.get(sid, ())):
            await self.leave(project_id, sid)

    def project_gone(self, project_id: str, sid: str) -> None:
        """There is nobody left to tell, and the rows went with the project's."""
        self._forget(project_id, sid)

    # -- what they do --------------------------------------------------------------------------------------------------

    async def set_state(self, project_id: str, sid: str, state: Any) -> None:
        await presence_sessions.set_state(self._database, project_id, sid, state)

    async def members(self, project_id: str) -> list[dict[str, Any]]:
        """The people, each once, with the newest state that one of their connections has told."""
        return [
            {
                "userId": row["user_id"],
                "username": row["username"],
                "userName": row["username"],
                "role": row["role"],
                "state": row["state"],
                "connections": row["connections"],
            }
            for row in await presence_sessions.of_project(self._database, project_id, self._timing.state)
        ]

    # -- what they ask for ---------------------------------------------------------------------------------------------

    async def lock(self, project_id: str, track_id: str, sid: str) -> tuple[bool, Lock]:
        """(whether the connection's user holds the lock now, the lock that counts).

        A person's own lock is renewed, and moves to the connection that asked last. Raises `NotJoined`.
        """
        row = await presence_sessions.lock(self._database, project_id, track_id, sid, self._timing.lease)
        if row is not None:
            return True, Lock(**row)
        held = await self.locked(project_id, track_id)
        if held is None:
            raise errors.NotJoined()
        return False, held

    async def unlock(self, project_id: str, track_id: str, user_id: str) -> bool:
        """Whether a lock of that person has ended with this call."""
        return await presence_sessions.unlock(self._database, project_id, track_id, user_id)

    async def locked(self, project_id: str, track_id: str) -> Lock | None:
        found = await presence_sessions.locks(self._database, project_id, track_id)
        return Lock(**found[0]) if found else None

    async def locks(self, project_id: str) -> list[Lock]:
        return [Lock(**row) for row in await presence_sessions.locks(self._database, project_id)]

    # -- keeping it true -----------------------------------------------------------------------------------------------

    def _forget(self, project_id: str, sid: str) -> bool:
        mine = self._mine.get(sid, {})
        known = mine.pop(project_id, None) is not None
        if not mine:
            self._mine.pop(sid, None)
        return known

    async def _take_out(self, project_id: str, sids: Collection[str], *, told: bool = True) -> None:
        """`told`: whether the others were told that these had come, and so are told that they are gone."""
        self._unended.update({(project_id, sid): told for sid in sids})
        try:
            gone = await presence_sessions.end(self._database, project_id, list(sids))
        except errors.DependencyUnavailable:
            log.warning("The end of a session could not be written; it will be.", action="presence_unended")
            return
        for sid in sids:
            self._unended.pop((project_id, sid), None)
        for session in gone if told else ():
            who = (project_id, session["user_id"], session["username"])
            for track_id in session["locks"]:
                await self._bus.publish(events.TrackUnlocked(*who, {"trackId": track_id}, session["sid"]))
            left = {"connections": session["connections"]}
            await self._bus.publish(events.CollaboratorLeft(*who, left, session["sid"]))

    async def _take_out_the_unended(self) -> None:
        for (project_id, sid), told in tuple(self._unended.items()):
            await self._take_out(project_id, [sid], told=told)

    async def _keep(self) -> None:
        try:
            await self._look_after()
        except errors.DependencyUnavailable:
            self._watching_since = None
            raise

    async def _look_after(self) -> None:
        if await presence_sessions.beat(self._database, self._replica, self._address):
            rows = [_row(project_id, member) for mine in self._mine.values() for project_id, member in mine.items()]
            await presence_sessions.restore(self._database, self._replica, rows)
        await self._take_out_the_unended()
        now = time.monotonic()
        if self._watching_since is None:
            self._watching_since = now
        # When the database was away, nobody's signs of life got through: all get their time again.
        if now - self._watching_since >= self._timing.lost:
            for replica in await presence_sessions.expire(self._database, self._timing.lost):
                log.warning("A replica has died; its people are taken out.", action="replica_expired", other=replica)
        for each in await presence_sessions.stale(self._database):
            await self._take_out(each["project_id"], each["sids"])
        for project_id, sid in await presence_sessions.of_replica(self._database, self._replica):
            if not self.present(project_id, sid):
                await self._take_out(project_id, [sid])


def _row(project_id: str, member: Member) -> dict[str, Any]:
    return {
        "project": project_id,
        "sid": member.sid,
        "user": member.user_id,
        "username": member.username,
        "role": member.role,
        "login": member.login,
    }
