"""The official Socket.IO client for JavaScript as Python objects.

    client = await javascript.connect(url, namespace="/voice", auth={"token": token}, transports=["websocket"])
    ack = await client.emit_ack("start-realtime", {"voice": "alloy"})
    started = await client.wait_for("realtime-started")

All clients of a session live in one Node process. Bytes are bytes on both sides.
"""

# ruff: noqa: ASYNC109 (a timeout that names what did not come is worth a parameter)

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import patience, published

SCRIPT = Path(__file__).with_name("client.mjs")
MAX_LINE = 64 * 2**20  # bytes
WEBSOCKET_FIRST = ("websocket", "polling")


class ConnectError(Exception):
    """The server refused the connection; `data` is what it said besides the message."""

    def __init__(self, message: str, data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class AckTimeout(Exception):
    """The server did not acknowledge in time."""


@dataclass(eq=False)
class JsClient:
    """One socket in one namespace. `events` is everything received so far, as (name, arguments) in order."""

    process: JavaScript
    name: str
    connection: str
    namespace: str = "/"
    sid: str = ""
    transport: str = ""
    disconnected: str | None = None  # the reason
    events: list[tuple[str, list[Any]]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def emit(self, event: str, *args: Any) -> None:
        await self.process.request("emit", client=self.name, event=event, args=args)

    async def emit_ack(self, event: str, *args: Any, timeout: float = patience.SECONDS) -> Any:
        try:
            ack = await self.process.request(
                "emitWithAck", timeout, client=self.name, event=event, args=args, timeout=timeout * 1000
            )
            self.process.differences += published.ack_differences(self.namespace, event, ack)
            return ack
        except ConnectError as error:
            raise AckTimeout(f"{event}: {error.message}") from error

    async def wait_for(
        self, event: str, predicate: Callable[..., bool] | None = None, timeout: float = patience.SECONDS
    ) -> Any:
        """The payload of the first such event, past or future, for which `predicate(*arguments)` holds.

        One argument comes as itself, several as a list, none as None.
        """
        position = 0

        def seek() -> list[Any] | None:
            nonlocal position
            while position < len(self.events):
                name, arguments = self.events[position]
                position += 1
                if name == event and (predicate is None or predicate(*arguments)):
                    return arguments
            return None

        arguments = await self._until(seek, f"event {event}", timeout)
        return arguments if len(arguments) > 1 else arguments[0] if arguments else None

    async def wait_disconnected(self, timeout: float = patience.SECONDS) -> str:
        return str(await self._until(lambda: self.disconnected, "disconnect", timeout))

    async def wait_transport(self, name: str, timeout: float = patience.SECONDS) -> None:
        await self._until(lambda: self.transport == name or None, f"transport {name}", timeout)

    async def disconnect(self) -> None:
        await self.process.request("disconnect", client=self.name)

    async def lose(self) -> None:
        """The connection breaks without a word, and acks that are still to come fail."""
        await self.process.request("lose", client=self.name)

    def received(self, event: str) -> list[Any]:
        """The first arguments of every such event so far."""
        return [arguments[0] if arguments else None for name, arguments in self.events if name == event]

    async def _until(self, condition: Callable[[], Any], what: str, timeout: float) -> Any:
        try:
            async with asyncio.timeout(timeout):
                while (found := condition()) is None:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            names = [name for name, _ in self.events[-20:]]
            raise AssertionError(f"no {what} within {timeout} s; disconnected={self.disconnected}, {names=}") from None
        return found

    def _happened(self, what: str, detail: Any) -> None:
        if what == "connect":
            self.sid, self.transport, self.disconnected = detail["sid"], detail["transport"], None
        elif what == "upgrade":
            self.transport = detail
        elif what == "disconnect":
            self.disconnected = detail

    def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            arguments = _unpack(message["args"])
            self.events.append((message["event"], arguments))
            if arguments:
                self.process.differences += published.event_differences(self.namespace, message["event"], arguments[0])
        else:
            self._happened(message["happened"], _unpack(message["detail"]))
        self._news.set()


class Node:
    """A process for the clients of one test after another, since starting one takes half a second."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program, SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def stop(self) -> None:
        self._process.communicate(timeout=patience.SECONDS)


class JavaScript:
    """What one test has in a Node process. `open` it, make clients with `connect`, `close` it: they are gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._reader = asyncio.create_task(self._read(reader), name="javascript-reader")
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._clients: dict[str, JsClient] = {}
        self.differences: list[str] = []  # of what came from what the server publishes
        self._numbers = itertools.count(1)

    @classmethod
    async def open(cls, node: Node) -> JavaScript:
        return cls(*await asyncio.open_connection("127.0.0.1", node.port, limit=MAX_LINE))

    async def connect(
        self,
        url: str,
        namespace: str = "/",
        auth: Any = None,
        transports: Sequence[str] = WEBSOCKET_FIRST,
        headers: dict[str, str] | None = None,
        *,
        reconnection: bool = False,
        over: JsClient | None = None,
    ) -> JsClient:
        """A connected client; `over` shares another client's connection, as a browser does. Else `ConnectError`."""
        name = f"client-{next(self._numbers)}"
        client = self._clients[name] = JsClient(self, name, over.connection if over is not None else name, namespace)
        await self.request(
            "connect",
            client=name,
            connection=client.connection,
            url=url,
            namespace=namespace,
            auth=auth or {},
            transports=list(transports),
            headers=headers or {},
            reconnection=reconnection,
        )
        return client

    async def request(self, action: str, seconds: float = 0.0, **fields: Any) -> Any:
        """`seconds`: what the action may take by itself, after which the client says so."""
        number = next(self._numbers)
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": number, "action": action, **_pack(fields)})
        self._writer.write(line.encode() + b"\n")
        await self._writer.drain()
        return await asyncio.wait_for(reply, seconds + patience.SECONDS)

    async def close(self) -> None:
        self._writer.write_eof()
        await asyncio.wait_for(self._reader, patience.SECONDS)
        self._writer.close()
        await self._writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            message = json.loads(line)
            if "reply" not in message:
                self._clients[message["client"]]._take(message)
            elif not (reply := self._replies.pop(message["reply"])).done():
                if "error" in message:
                    reply.set_exception(ConnectError(message["error"]["message"], _unpack(message["error"]["data"])))
                else:
                    reply.set_result(_unpack(message["value"]))
        for reply in self._replies.values():
            reply.cancel()


def _pack(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, list | tuple):
        return [_pack(each) for each in value]
    if isinstance(value, dict):
        return {key: _pack(each) for key, each in value.items()}
    return value


def _unpack(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpack(each) for each in value]
    if isinstance(value, dict):
        if "$bytes" in value:
            return base64.b64decode(value["$bytes"])
        return {key: _unpack(each) for key, each in value.items()}
    return value
