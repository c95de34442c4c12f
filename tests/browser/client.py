"""Pages of a real browser as Python objects.

    page = await browser.open(server.url + "/docs")
    await page.click("text=Try it out")
    assert await page.evaluate("document.title") == "DAWG API"

Methods that are not written down here are those of Playwright's `Page`: `await page.call("fill", "#name", "Ada")`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser import chromium

DRIVER = Path(__file__).with_name("driver.mjs")
MAX_LINE = 64 * 2**20  # bytes
REPLY_TIMEOUT = 60.0  # seconds
STOP_TIMEOUT = 20.0  # seconds


class Driver:
    """The process that holds the browser. `microphone`: a WAV that every page hears, again and again."""

    def __init__(self, microphone: Path) -> None:
        node, program, environment = chromium.prepare()
        self._process = subprocess.Popen(
            [node, DRIVER, program, microphone], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def stop(self) -> None:
        self._process.communicate(timeout=STOP_TIMEOUT)


@dataclass(eq=False)
class Page:
    """One tab. `trouble` is what its console would show in red."""

    browser: Browser
    name: str

    async def call(self, method: str, *args: Any) -> Any:
        return await self.browser.request(page=self.name, method=method, args=args)

    async def goto(self, url: str) -> None:
        await self.call("goto", url)

    async def click(self, selector: str) -> None:
        await self.call("click", selector, {"timeout": 20_000})

    async def text(self, selector: str) -> str:
        """What it shows, as soon as it is there."""
        return str(await self.call("innerText", selector, {"timeout": 20_000}))

    async def wait_for(self, selector: str, seconds: float = 30.0) -> None:
        await self.call("waitForSelector", selector, {"timeout": seconds * 1000})

    async def evaluate(self, expression: str, argument: Any = None) -> Any:
        """The value of an expression or of a (possibly asynchronous) function, which gets `argument`."""
        return await self.call("evaluate", expression, argument)

    async def until(self, expression: str, argument: Any = None, seconds: float = 30.0) -> Any:
        """The first value of it that is true. The page's policy forbids Playwright's own way of waiting for one."""
        async with asyncio.timeout(seconds):
            while not (value := await self.evaluate(expression, argument)):
                await asyncio.sleep(0.05)
        return value

    async def screenshot(self, path: Path) -> None:
        await self.call("screenshot", {"path": str(path), "fullPage": True})

    async def trouble(self) -> list[str]:
        return list(await self.call("trouble"))


class Browser:
    """What one test has in the browser: cookies and storage of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._reader = asyncio.create_task(self._read(reader), name="browser-reader")
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)

    @classmethod
    async def connect(cls, driver: Driver) -> Browser:
        return cls(*await asyncio.open_connection("127.0.0.1", driver.port, limit=MAX_LINE))

    async def open(self, url: str) -> Page:
        page = Page(self, f"page-{next(self._numbers)}")
        await page.call("open")
        await page.goto(url)
        return page

    async def request(self, **fields: Any) -> Any:
        number = next(self._numbers)
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        self._writer.write(json.dumps({"id": number, **fields}).encode() + b"\n")
        await self._writer.drain()
        return await asyncio.wait_for(reply, REPLY_TIMEOUT)

    async def close(self) -> None:
        self._writer.write_eof()
        await asyncio.wait_for(self._reader, STOP_TIMEOUT)
        self._writer.close()
        await self._writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            message = json.loads(line)
            if (reply := self._replies.pop(message["reply"])).done():
                continue
            if "error" in message:
                reply.set_exception(AssertionError(message["error"]))
            else:
                reply.set_result(message["value"])
        for reply in self._replies.values():
            reply.cancel()
