"""The changes of the projects that somebody here has open: every revision once, in order, whatever happens on the way.

Changes that were made on other replicas come over the bus, where one may overtake another, or get lost while Redis is
away. The log in Postgres has them all, so whatever does not come is read there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from bus import events
from bus.local import LocalBus, Scope
from bus.supervision import SupervisedLoop
from dawg_server import errors, logs
from dawg_server.daw.document import Document

PATIENCE = 0.1  # seconds that a change may be overtaken by later ones before the log is asked for it
CHECK_INTERVAL = 10.0  # seconds between two looks whether something got lost without a trace
LONELY_INTERVAL = 1.0  # seconds, while no news of other replicas arrive at all
MAX_HELD = 500  # changes of one project that wait for an earlier one; beyond that the log has them

Listener = Callable[[events.ProjectChanged], None]

log: structlog.stdlib.BoundLogger = logs.get("main")


@dataclass(slots=True)
class _Cursor:
    """`told` is the revision up to which everything was told; `held` came too early, by its first revision."""

    told: int
    held: dict[int, events.ProjectChanged] = field(default_factory=dict)


class ChangeStream:
    def __init__(self, bus: LocalBus, document: Document) -> None:
        self.recovered = 0  # changes that were read from the log, because they did not come
        self._bus, self._document = bus, document
        self._publish: Listener = lambda event: None
        self._is_subscribed: Callable[[str], bool] = lambda project_id: False
        self._cursors: dict[str, _Cursor] = {}
        self._behind: set[str] = set()
        self._check = False  # whether to look for what got lost without a trace
        self._checked_at = time.monotonic()
        self._loop = SupervisedLoop(
            "document-changes",
            self._keep_up,
            doing="Reading missed changes",
            interval=LONELY_INTERVAL,
            expected=(errors.DependencyUnavailable,),
        )

    def attach(self, publish: Listener, subscribed: Callable[[str], bool]) -> None:
        """`publish` is called with each change in order; `subscribed`: whether anybody here has that project open."""
        self._publish, self._is_subscribed = publish, subscribed
        self._bus.subscribe(events.ProjectChanged, self._take, Scope.EVERYWHERE)
        self._bus.subscribe(events.BusRestored, lambda _: self._look_soon())

    async def start(self) -> None:
        self._loop.start()

    async def close(self) -> None:
        await self._loop.close()

    def subscribe(self, project_id: str, revision: int) -> None:
        """Somebody is about to open the project, and will see it as it was at `revision`, or later."""
        if project_id not in self._cursors or not self._is_subscribed(project_id):
            self._cursors[project_id] = _Cursor(revision)

    def _take(self, event: events.ProjectChanged) -> None:
        cursor = self._cursors.get(event.project_id)
        if cursor is None or event.revision <= cursor.told:
            return
        first = event.operations[0]["revision"]
        if first <= cursor.told + 1:
            self._pass_on(cursor, event)
            self._drain(cursor)
            return
        if len(cursor.held) >= MAX_HELD:
            cursor.held.clear()
        cursor.held[first] = event
        asyncio.get_running_loop().call_later(PATIENCE, self._miss, event.project_id, cursor, cursor.told)

    def _pass_on(self, cursor: _Cursor, event: events.ProjectChanged) -> None:
        cursor.told = event.revision
        if self._is_subscribed(event.project_id):
            self._publish(event)

    def _drain(self, cursor: _Cursor) -> None:
        while (event := cursor.held.pop(cursor.told + 1, None)) is not None:
            self._pass_on(cursor, event)
        cursor.held = {first: event for first, event in cursor.held.items() if event.revision > cursor.told}

    def _miss(self, project_id: str, cursor: _Cursor, told: int) -> None:
        """The change after `told` has had its time."""
        if cursor.told == told and self._cursors.get(project_id) is cursor:
            self._behind.add(project_id)
            self._loop.wake()

    def _look_soon(self) -> None:
        self._check = True
        self._loop.wake()

    async def _keep_up(self) -> None:
        since_check = time.monotonic() - self._checked_at
        self._check |= since_check >= (CHECK_INTERVAL if self._bus.connected else LONELY_INTERVAL)
        try:
            await self._catch_up()
        except errors.DependencyUnavailable:
            self._check = True
            raise

    async def _catch_up(self) -> None:
        if self._check:
            await self._look()
            self._check, self._checked_at = False, time.monotonic()
        for project_id in tuple(self._behind):
            await self._read(project_id)
            self._behind.discard(project_id)

    async def _look(self) -> None:
        self._cursors = {id: cursor for id, cursor in self._cursors.items() if self._is_subscribed(id)}
        newest = await self._document.revisions(tuple(self._cursors)) if self._cursors else {}
        if any(revision > self._cursors[id].told for id, revision in newest.items() if id in self._cursors):
            await asyncio.sleep(PATIENCE)  # what was committed a moment ago is not lost, but on its way
        self._behind |= {id for id, cursor in self._cursors.items() if newest.get(id, 0) > cursor.told}

    async def _read(self, project_id: str) -> None:
        cursor = self._cursors.get(project_id)
        if cursor is None:
            return
        missed = await self._document.news_since(project_id, cursor.told)
        fresh = [event for event in missed if event.revision > cursor.told]
        for event in fresh:
            self._pass_on(cursor, event)
        self._drain(cursor)
        if fresh:
            self.recovered += len(fresh)
            log.info(
                "Changes that had not come were read from the log.",
                action="feed_recovered",
                project_id=project_id,
                changes=len(fresh),
            )
