"""Ten browsers that edit one project at once, all of them on bad connections, end with the same project."""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dawg_server.database import operations
from dawg_server.daw.commands import Command
from tests import patience
from tests.daw import editors
from tests.daw.conftest import join
from tests.daw.replica import Replica, document
from tests.javascript.client import AckTimeout, JavaScript, JsClient
from tests.servers import dawg

SECONDS = float(os.environ.get("EDITORS_SECONDS", "6"))
PEOPLE = 10
FEW, LOSSES = 50, 2  # changes and lost connections without which nothing would be proven
DISCONNECTS = 0.03  # of the steps: half of them with a goodbye, half in the middle of a change
TRANSPORTS = (("websocket",), ("polling",), ("polling", "websocket"), ("websocket", "polling"))
REFUSALS = {"not_found", "conflict", "validation_error", "in_use", "rate_limited"}
EVENTS: dict[str, Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]] = {
    "createTrack": lambda parameters: ("track:create", {"track": parameters}),
    "updateTrack": lambda parameters: ("track:update", parameters),
    "deleteTrack": lambda parameters: ("track:delete", parameters),
    "reorderTracks": lambda parameters: ("track:reorder", parameters),
    "createClip": lambda parameters: ("clip:create", {"clip": parameters}),
    "updateClip": lambda parameters: ("clip:update", parameters),
    "deleteClip": lambda parameters: ("clip:delete", parameters),
    "updateProject": lambda parameters: ("project:update", {"update": parameters["changes"]}),
    "setLyrics": lambda parameters: ("lyrics:update", {"lyrics": parameters["lyrics"]}),
}
ROUTES: dict[str, Callable[[dict[str, Any]], tuple[str, str, dict[str, Any]]]] = {  # what has no event of its own
    "updateTracks": lambda parameters: (
        "PATCH",
        "/tracks/bulk",
        {"trackIds": parameters["trackIds"], "updates": parameters["changes"]},
    ),
    "createSend": lambda parameters: ("POST", f"/tracks/{parameters['trackId']}/sends", parameters),
    "updateSend": lambda parameters: (
        "PUT",
        f"/tracks/{parameters['trackId']}/sends/{parameters['sendId']}",
        parameters["changes"],
    ),
    "deleteSend": lambda parameters: ("DELETE", f"/tracks/{parameters['trackId']}/sends/{parameters['sendId']}", {}),
}


class Browser:
    """Keeps a copy of the project from what its socket brings, in the order of the revisions."""

    def __init__(
        self, javascript: JavaScript, server: dawg.Dawg, number: int, project_id: str, transports: Sequence[str]
    ) -> None:
        self._javascript, self._server, self._project_id = javascript, server, project_id
        self._user, self._transports = f"user{number}", transports
        self._dice = random.Random(number)
        self._names = (f"{self._user}-{count}" for count in itertools.count())
        self._waiting: dict[int, Callable[[], None]] = {}
        self._read = 0
        self.copy: Replica | None = None
        self.acknowledged: dict[int, dict[str, Any]] = {}  # operations by revision
        self.returned = 0

    async def connect(self) -> None:
        """Opens the project, or whatever was missed of it."""
        self._client: JsClient = await self._javascript.connect(
            self._server.url, auth={"userId": self._user}, transports=self._transports
        )
        self._read = 0
        since = {"since": self.copy.revision} if self.copy else {}
        ack = await self._client.emit_ack("join:project", {"projectId": self._project_id, **since})
        assert ack["success"], ack
        if self.copy is None:
            self.copy = Replica(ack["project"])
        self._take(ack.get("operations", []))

    async def work(self, until: float) -> None:
        while time.monotonic() < until:
            await asyncio.sleep(self._dice.random() * 0.15)
            self.digest()
            if self._dice.random() > DISCONNECTS:
                await self._step()
            elif self._dice.random() < 0.5:
                await self._client.disconnect()
                await self._return()
            else:
                await self._lose_the_answer()

    async def _return(self) -> None:
        self.digest()
        await asyncio.sleep(self._dice.random() * 0.4)
        await self.connect()
        self.returned += 1

    async def _step(self) -> None:
        change = self._next_change()
        if isinstance(change, Command):
            await self._request(change)
        elif change is not None:
            self._answered(await self._client.emit_ack(*change))

    async def _lose_the_answer(self) -> None:
        """The network goes away after a change was sent, so that nobody knows; back again, it is sent once more."""
        change = self._next_change()
        sent = None
        if isinstance(change, tuple):
            sent = asyncio.create_task(self._client.emit_ack(*change))
            await asyncio.sleep(self._dice.random() * 0.02)
        await self._client.lose()
        if sent is not None:
            try:
                self._answered(await sent)
                sent = None
            except AckTimeout:
                pass
        await self._return()
        if sent is not None:
            self._answered(await self._client.emit_ack(*change))  # type: ignore[misc]

    def _next_change(self) -> tuple[str, dict[str, Any]] | Command | None:
        """An event with its payload, or what goes over REST."""
        common = {"projectId": self._project_id, "clientOperationId": next(self._names)}
        if self._dice.random() > 0.15:
            command = editors.any_change(self._project(), self._dice)
            if command is None or command.name not in EVENTS:
                return command if command is not None and command.name in ROUTES else None
            event, payload = EVENTS[command.name](dict(command.parameters))
            return event, common | payload
        event = "project:redo" if self._dice.random() < 0.4 else "project:undo"
        return event, common | {"steps": self._dice.choice((1, 1, 1, 2, 5))}

    async def _request(self, command: Command) -> None:
        method, path, body = ROUTES[command.name](dict(command.parameters))
        status, reply = await self._server.json(method, f"/api{path}", self._user, json=body)
        assert status < 300 or reply["code"] in REFUSALS, reply

    def _answered(self, ack: dict[str, Any]) -> None:
        if ack["success"]:
            operations = ack.get("operations", [])
            self.acknowledged |= {operation["revision"]: operation for operation in operations}
            self._take(operations)
        else:
            assert ack["code"] in REFUSALS, ack

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


def proven(browsers: Sequence[Browser]) -> bool:
    """Enough was changed, and enough connections were lost meanwhile."""
    changes = sum(len(browser.acknowledged) for browser in browsers)
    return changes > FEW and sum(browser.returned for browser in browsers) >= LOSSES


@pytest.mark.timeout(600)  # as long as it takes to prove something
async def test_ten_editors_with_bad_connections_end_with_the_same_project(
    database_dsn: str, tmp_path: Path, javascript: JavaScript
) -> None:
    async with dawg.running(database_dsn, tmp_path, REQUESTS_PER_MINUTE="100000") as server:
        _, project = await server.json("POST", "/api/projects", "user0", json={"name": "Song"})
        for number in range(1, PEOPLE):
            await server.json("GET", "/api/projects", f"user{number}")
            await join(server.services.platform.database, project["id"], f"user{number}", "editor")
        transports = itertools.cycle(TRANSPORTS)
        browsers = [Browser(javascript, server, n, project["id"], next(transports)) for n in range(PEOPLE)]
        for browser in browsers:
            await browser.connect()
        while not proven(browsers):  # a busy machine takes longer
            until = time.monotonic() + SECONDS
            await asyncio.gather(*(browser.work(until) for browser in browsers))
        truth = await server.services.documents.document.snapshot(project["id"], "user0")
        async with asyncio.timeout(patience.SECONDS):
            for browser in browsers:
                while browser.copy is None or browser.copy.revision < truth["revision"]:
                    await asyncio.sleep(0.05)
                    browser.digest()
        for browser in browsers:
            assert browser.copy is not None
            assert browser.copy.document() == document(truth)
        log = {
            each["revision"]: each
            for each in await operations.since(server.services.platform.database, project["id"], 0, 10**6)
        }
        assert list(log) == list(range(1, truth["revision"] + 1))
        for browser in browsers:
            assert browser.acknowledged.items() <= log.items()
        assert truth["revision"] > FEW
