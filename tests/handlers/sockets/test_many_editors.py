"""Ten browsers that edit one project at once, some of them on bad connections, end with the same project."""

from __future__ import annotations

import asyncio
import functools
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.daw import editors
from tests.daw.conftest import join
from tests.daw.replica import Replica, document
from tests.javascript.client import JavaScript, JsClient
from tests.servers import dawg

SECONDS = 6.0
PEOPLE = 10
DISCONNECTS = 0.03  # of the steps
EVENTS: dict[str, Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]] = {
    "createTrack": lambda wish: ("track:create", {"track": wish}),
    "updateTrack": lambda wish: ("track:update", wish),
    "deleteTrack": lambda wish: ("track:delete", wish),
    "reorderTracks": lambda wish: ("track:reorder", wish),
    "createClip": lambda wish: ("clip:create", {"clip": wish}),
    "updateClip": lambda wish: ("clip:update", wish),
    "deleteClip": lambda wish: ("clip:delete", wish),
    "updateProject": lambda wish: ("project:update", {"update": wish["changes"]}),
    "setLyrics": lambda wish: ("lyrics:update", {"lyrics": wish["lyrics"]}),
}


class Browser:
    """Keeps a copy of the project from what its socket brings, in the order of the revisions."""

    def __init__(self, javascript: JavaScript, url: str, user: str, project_id: str, seed: int) -> None:
        self._javascript, self._url, self._user, self._project_id = javascript, url, user, project_id
        self._dice = random.Random(seed)
        self._waiting: dict[int, Callable[[], None]] = {}
        self._read = 0
        self.copy: Replica | None = None
        self.done = self.returned = 0

    async def connect(self) -> None:
        self._client: JsClient = await self._javascript.connect(self._url, auth={"userId": self._user})
        self._read = 0
        since = {"since": self.copy.revision} if self.copy else {}
        ack = await self._client.emit_ack("join:project", {"projectId": self._project_id, **since}, timeout=20)
        assert ack["success"], ack
        if self.copy is None:
            self.copy = Replica(ack["project"])
        self._take(ack.get("operations", []))

    async def work(self, until: float) -> None:
        while time.monotonic() < until:
            await asyncio.sleep(self._dice.random() * 0.15)
            self.digest()
            if self._dice.random() < DISCONNECTS:
                await self._client.disconnect()
                self.digest()
                await asyncio.sleep(self._dice.random() * 0.4)
                await self.connect()
                self.returned += 1
            else:
                await self._step()

    async def _step(self) -> None:
        event = "project:undo"
        payload: dict[str, Any] = {}
        if self._dice.random() > 0.15:
            command = editors.any_change(self._project(), self._dice)
            if command is None or command.name not in EVENTS:
                return
            event, payload = EVENTS[command.name](dict(command.parameters))
        elif self._dice.random() < 0.4:
            event = "project:redo"
        ack = await self._client.emit_ack(event, {"projectId": self._project_id, **payload}, timeout=20)
        if ack["success"]:
            self.done += 1
            self._take(ack.get("operations", []))
        else:
            assert ack["code"] in (
                "not_found", "conflict", "undo_conflict", "validation_error", "in_use", "rate_limited",
            ), ack  # fmt: skip

    def digest(self) -> None:
        """What has arrived, as far as it follows on what is known."""
        assert self.copy is not None
        copy = self.copy
        for name, arguments in self._client.events[self._read :]:
            self._read += 1
            news = arguments[0]
            if "revision" in news and name not in ("project:undone", "project:redone"):
                self._waiting[news["revision"]] = functools.partial(copy.hear, name, news)
        while (apply := self._waiting.pop(copy.revision + 1, None)) is not None:
            apply()

    def _take(self, operations: list[dict[str, Any]]) -> None:
        assert self.copy is not None
        copy = self.copy
        for operation in operations:
            self._waiting[operation["revision"]] = functools.partial(copy.catch_up, [operation])

    def _project(self) -> dict[str, Any]:
        assert self.copy is not None
        clips = self.copy.clips.values()
        tracks = [
            {**track, "clips": [clip for clip in clips if clip["trackId"] == track["id"]]}
            for track in self.copy.tracks.values()
        ]
        return {"tracks": tracks}


async def test_ten_editors_with_bad_connections_end_with_the_same_project(
    database_dsn: str, tmp_path: Path, javascript: JavaScript
) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        _, project = await server.json("POST", "/api/projects", "user0", json={"name": "Song"})
        for number in range(1, PEOPLE):
            await server.json("GET", "/api/projects", f"user{number}")
            await join(server.services.database, project["id"], f"user{number}", "editor")
        browsers = [Browser(javascript, server.url, f"user{n}", project["id"], seed=n) for n in range(PEOPLE)]
        for browser in browsers:
            await browser.connect()
        until = time.monotonic() + SECONDS
        await asyncio.gather(*(browser.work(until) for browser in browsers))
        truth = await server.services.document.snapshot(project["id"], "user0")
        async with asyncio.timeout(10):
            for browser in browsers:
                while browser.copy is None or browser.copy.revision < truth["revision"]:
                    await asyncio.sleep(0.05)
                    browser.digest()
        for browser in browsers:
            assert browser.copy is not None
            assert browser.copy.document() == document(truth)
        assert truth["revision"] > 100
        assert sum(browser.done for browser in browsers) > 100
        assert sum(browser.returned for browser in browsers) >= 3
