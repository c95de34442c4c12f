"""What the simulators of generation services share: a server on 127.0.0.1, time that runs faster, files with faults."""

from __future__ import annotations

import asyncio
import urllib.parse
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import aiohttp
from aiohttp import web

CALLBACK_TIMEOUT_SECONDS = 5.0
_PIECES = 16  # of a slow download

# How a request can go wrong without an answer. "Made" means that the work was accepted all the same.
Silence = Literal["cut", "cut when made", "hang", "hang when made"]


@dataclass
class File:
    """A downloadable file. `name` ends the URL; wrong content is simply given as `content` and `content_type`.

    `slow` are real seconds for the whole; `cut_after` breaks the connection after so many bytes of the announced
    length, in the first `cuts` downloads or, when None, in all; `status` other than 200 refuses.
    """

    content: bytes
    name: str = "output.wav"
    content_type: str = "audio/wav"
    slow: float = 0.0
    cut_after: int | None = None
    cuts: int | None = None
    status: int = 200
    deleted: bool = False
    downloads: list[dict[str, str]] = field(default_factory=list)  # the headers of each request, names in lower case


class Loopback:
    """An aiohttp server of its own. `speed` is how many seconds pass for the service in one real second."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self.base_url = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._files: dict[str, File] = {}

    def routes(self) -> list[web.RouteDef]:
        """What the service answers."""
        raise NotImplementedError

    def now(self) -> float:
        """Seconds of the service's own time."""
        return asyncio.get_running_loop().time() * self.speed

    async def pass_time(self, seconds: float) -> None:
        """Wait for so many seconds of the service's time."""
        await asyncio.sleep(seconds / self.speed)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run until done or until the simulator closes."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def publish(self, key: str, file: File) -> str:
        """The URL under which the file can be fetched from now on."""
        self._files[f"{key}/{file.name}"] = file
        return f"{self.base_url}/files/{key}/{file.name}"

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """POST to somebody's webhook on this machine, never further; the answer's status, 0 when there was none."""
        if urllib.parse.urlsplit(url).hostname not in ("127.0.0.1", "localhost"):
            return 0
        try:
            async with self._client.post(url, data=body, headers=headers) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.add_routes([*self.routes(), web.get("/files/{key}/{name}", self._send_file)])
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}"
        self._client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALLBACK_TIMEOUT_SECONDS))
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.close()
        await self._runner.cleanup()
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    async def _send_file(self, request: web.Request) -> web.StreamResponse:
        file = self._files.get(f"{request.match_info['key']}/{request.match_info['name']}")
        if file is None or file.deleted:
            return web.Response(status=404, text="Not Found")
        file.downloads.append({name.lower(): value for name, value in request.headers.items()})
        if file.status != 200:
            return web.Response(status=file.status, text="The file host is unwell.")
        response = web.StreamResponse(headers={"content-type": file.content_type})
        response.content_length = len(file.content)
        await response.prepare(request)
        cut = file.cut_after if file.cuts is None or len(file.downloads) <= file.cuts else None
        content = file.content if cut is None else file.content[:cut]
        size = max(1, -(-len(content) // _PIECES))
        for at in range(0, len(content), size):
            await response.write(content[at : at + size])
            if file.slow:
                await asyncio.sleep(file.slow / _PIECES)
        if cut is not None:
            await asyncio.sleep(0.01)  # so that what was written leaves before the reset
            break_off(request)
        else:
            await response.write_eof()
        return response


async def fall_silent(request: web.Request, how: Silence) -> web.Response:
    """Never answer: break the connection off, or hold it until the caller gives up."""
    if how.startswith("hang"):
        await asyncio.Event().wait()
    break_off(request)
    return web.Response()


def break_off(request: web.Request) -> None:
    """Reset the connection under the caller."""
    if request.transport is not None:
        request.transport.abort()
