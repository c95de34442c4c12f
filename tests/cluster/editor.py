"""Somebody who edits a project through the balancer, with the official client, whatever happens to the servers.

Does what the contract asks of a client: joins again after each reconnect with the last revision it knows, reads the
operations again when a revision is missing, repeats what was not acknowledged under the same `clientOperationId`, and
goes when it is told to.
"""

from __future__ import annotations

import asyncio
import functools
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tests.daw.replica import Replica
from tests.javascript.client import AckTimeout, ConnectError, JavaScript, JsClient

ACK_TIMEOUT = 15.0  # seconds; what was on its way when the connection broke is given up at once
PAUSE = 0.1  # seconds between two steps, on average
LATE = "late"
AGAIN = ("not_joined", "draining", "dependency_unavailable", "rate_limited")  # codes after which it tries again


class Editor:
    """`acknowledged` are the names that it has given to tracks and that the server has acknowledged."""

    def __init__(self, user: str, project_id: str, tracks: Sequence[str], seed: int) -> None:
        self.user = user
        self.copy: Replica | None = None
        self.acknowledged: list[str] = []
        self.refusals: list[str] = []  # codes, in order
        self.joins = 0
        self._project_id, self._tracks = project_id, tracks
        self._dice = random.Random(seed)
        self._client: JsClient
        self._joined = ""  # the sid with which it has joined
        self._read = 0
        self._waiting: dict[int, Callable[[], None]] = {}
        self._leave_at: float | None = None  # monotonic; when the server wants to be left
        self._again: Callable[[], Awaitable[None]]

    async def connect(self, javascript: JavaScript, url: str, transports: Sequence[str]) -> None:
        self._again = functools.partial(self.connect, javascript, url, transports)
        while True:
            try:
                self._client = await javascript.connect(
                    url, auth={"userId": self.user}, transports=transports, reconnection=True
                )
                break
            except ConnectError:  # a replica that is about to stop
                await asyncio.sleep(self._dice.random())
        self._read, self._leave_at = 0, None
        while self._joined != self._client.sid:
            await self._join()

    async def work(self, until: Callable[[], bool]) -> None:
        number = 0
        while not until():
            if self._leave_at is not None and time.monotonic() >= self._leave_at:
                await self._client.disconnect()
                await self._again()
            await self._give(f"{self.user} {number}", until)
            number += 1
            await asyncio.sleep(self._dice.random() * 2 * PAUSE)

    async def reach(self, revision: int, seconds: float) -> None:
        """Waits until the copy is at `revision`, by what comes by itself."""
        deadline = time.monotonic() + seconds
        while self.copy is None or self.copy.revision < revision:
            assert time.monotonic() < deadline, f"{self.user} is at {self.copy and self.copy.revision} of {revision}"
            if self._joined != self._client.sid:
                await self._join()
            self._digest()
            await asyncio.sleep(0.02)

    async def _give(self, name: str, until: Callable[[], bool]) -> None:
        """Gives a track that name, once, however often it has to be said."""
        parameters = {"trackId": self._dice.choice(self._tracks), "changes": {"name": name}, "clientOperationId": name}
        while not until():
            self._digest()
            if self._client.disconnected is not None:
                await asyncio.sleep(0.05)
                continue
            if self._joined != self._client.sid:
                await self._join()
                continue
            try:
                ack = await self._ask("track:update", parameters)
            except AckTimeout:
                # Whoever stays longer than the server has asked for, on a machine that is too busy, is cut off rightly.
                late = self._leave_at is not None and time.monotonic() > self._leave_at
                self.refusals.append(LATE if late else "lost")
                continue
            if ack["success"]:
                self.acknowledged.append(name)
                self._take(ack.get("operations", []))
                return
            self.refusals.append(ack["code"])
            assert ack["code"] in AGAIN, ack
            if ack["code"] == "not_joined":
                self._joined = ""
            await asyncio.sleep(0.2)

    async def _ask(self, event: str, payload: dict[str, Any]) -> Any:
        """The ack. Raises `AckTimeout`, at once when the connection breaks."""
        client, sid = self._client, self._client.sid
        parameters = {"projectId": self._project_id, **payload}
        asking = asyncio.create_task(client.emit_ack(event, parameters, timeout=ACK_TIMEOUT))
        while not asking.done():
            await asyncio.wait({asking}, timeout=0.05)
            if client.disconnected is not None or client.sid != sid:
                await asyncio.wait({asking}, timeout=0.05)
                break
        if not asking.done():
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            raise AckTimeout(f"{event}: the connection broke")
        return asking.result()

    async def _join(self) -> None:
        if self._client.disconnected is not None:
            await asyncio.sleep(0.05)
            return
        sid = self._client.sid
        since = {"since": self.copy.revision} if self.copy else {}
        try:
            ack = await self._ask("join:project", since)
        except AckTimeout:
            return
        if not ack["success"]:
            self.refusals.append(ack["code"])
            assert ack["code"] in AGAIN, ack
            await asyncio.sleep(0.2)
            return
        self._joined = sid
        self.joins += 1
        if "project" in ack:
            self.copy = Replica(ack["project"])
            self._waiting.clear()
        self._take(ack.get("operations", []))

    def _digest(self) -> None:
        """What has arrived, as far as it follows on what is known."""
        assert self.copy is not None
        for name, arguments in self._client.events[self._read :]:
            news = arguments[0]
            if name == "server:draining":
                self._leave_at = time.monotonic() + news["reconnectAfterMs"] / 1000
            elif "revision" in news and name not in ("project:undone", "project:redone"):
                self._waiting[news["revision"]] = functools.partial(self.copy.hear, name, news)
        self._read = len(self._client.events)
        while (apply := self._waiting.pop(self.copy.revision + 1, None)) is not None:
            apply()

    def _take(self, operations: list[dict[str, Any]]) -> None:
        assert self.copy is not None
        for operation in operations:
            self._waiting[operation["revision"]] = functools.partial(self.copy.catch_up, [operation])
