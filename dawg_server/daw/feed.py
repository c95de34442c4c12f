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
class _Line:
    """`told` is the revision up to which everything was told; `held` came too early, by its first revision."""

    told: int
    held: dict[int, events.ProjectChanged] = field(default_factory=dict)


class Feed:
    def __init__(self, bus: LocalBus, document: Document) -> None:
        self.recovered = 0  # changes that were read from the log, because they did not come
        self._bus, self._document = bus, document
        self._tell: Listener = lambda event: None
        self._followed: Callable[[str], bool] = lambda project_id: False
        self._lines: dict[str, _Line] = {}
        self._behind: set[str] = set()
        self._check = False  # whether to look for what got lost without a trace
        self._checked_at = time.monotonic()
        self._loop = SupervisedLoop(
            "document-feed",
            self._keep_up,
            doing="Reading missed changes",
            interval=LONELY_INTERVAL,
            expected=(errors.DependencyUnavailable,),
        )

    def attach(self, tell: Listener, followed: Callable[[str], bool]) -> None:
        """`tell` is called with each change in order; `followed` says whether anybody here has that project open."""
        self._tell, self._followed = tell, followed
        self._bus.subscribe(events.ProjectChanged, self._take, Scope.EVERYWHERE)
        self._bus.subscribe(events.BusRestored, lambda _: self._look_soon())

    async def start(self) -> None:
        self._loop.start()

    async def close(self) -> None:
        await self._loop.close()

    def follow(self, project_id: str, revision: int) -> None:
        """Somebody is about to open the project, and will see it as it was at `revision`, or later."""
        if project_id not in self._lines or not self._followed(project_id):
            self._lines[project_id] = _Line(revision)

    def _take(self, event: events.ProjectChanged) -> None:
        line = self._lines.get(event.project_id)
        if line is None or event.revision <= line.told:
            return
        first = event.operations[0]["revision"]
        if first <= line.told + 1:
            self._pass_on(line, event)
            self._drain(line)
            return
        if len(line.held) >= MAX_HELD:
            line.held.clear()
        line.held[first] = event
        asyncio.get_running_loop().call_later(PATIENCE, self._miss, event.project_id, line, line.told)

    def _pass_on(self, line: _Line, event: events.ProjectChanged) -> None:
        line.told = event.revision
        if self._followed(event.project_id):
            self._tell(event)

    def _drain(self, line: _Line) -> None:
        while (event := line.held.pop(line.told + 1, None)) is not None:
            self._pass_on(line, event)
        line.held = {first: event for first, event in line.held.items() if event.revision > line.told}

    def _miss(self, project_id: str, line: _Line, told: int) -> None:
        """The change after `told` has had its time."""
        if line.told == told and self._lines.get(project_id) is line:
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
        self._lines = {id: line for id, line in self._lines.items() if self._followed(id)}
        newest = await self._document.revisions(tuple(self._lines)) if self._lines else {}
        if any(revision > self._lines[id].told for id, revision in newest.items() if id in self._lines):
            await asyncio.sleep(PATIENCE)  # what was committed a moment ago is not lost, but on its way
        self._behind |= {id for id, line in self._lines.items() if newest.get(id, 0) > line.told}

    async def _read(self, project_id: str) -> None:
        line = self._lines.get(project_id)
        if line is None:
            return
        missed = await self._document.news_since(project_id, line.told)
        fresh = [event for event in missed if event.revision > line.told]
        for event in fresh:
            self._pass_on(line, event)
        self._drain(line)
        if fresh:
            self.recovered += len(fresh)
            log.info(
                "Changes that had not come were read from the log.",
                action="feed_recovered",
                project_id=project_id,
                changes=len(fresh),
            )
