"""The pages that people open, in a real browser."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest

from tests.browser.client import Browser
from tests.servers import dawg

SECRET = "s" * 40
LEVEL = """async () => {
  const data = await (await fetch(document.querySelector("#player").src)).arrayBuffer();
  const sound = await new OfflineAudioContext(2, 44100, 44100).decodeAudioData(data);
  const samples = sound.getChannelData(0);
  return { seconds: sound.duration, rms: Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length) };
}"""
WHILE_SCROLLING = """async () => {
  const seen = new Set();
  for (let y = 0; y <= document.body.scrollHeight; y += 300) {
    window.scrollTo(0, y);
    await new Promise((resolve) => setTimeout(resolve, 60));
    for (const tag of document.querySelectorAll(".opblock-tag")) seen.add(tag.dataset.tag);
  }
  window.scrollTo(0, 0);
  return [...seen];
}"""
UNTIL_IT_PLAYS = """async () => {
  const player = document.querySelector("#player");
  for (let n = 0; n < 200 && !player.currentTime; n++) await new Promise((resolve) => setTimeout(resolve, 50));
  return player.currentTime;
}"""


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path) as running:
        yield running


async def test_the_front_page_makes_a_beat_and_plays_it(server: dawg.Dawg, browser: Browser, tmp_path: Path) -> None:
    page = await browser.open(server.url)
    await page.wait_for("#health[data-state=healthy]")
    await page.call("selectOption", "#genre", "house")
    assert server.url in await page.text("#calls")
    await page.call("fill", "#duration", "5")
    await page.click("#make")
    await page.wait_for("#progress:has-text('Here it is')", 60)
    heard = await page.evaluate(LEVEL)
    assert heard["seconds"] == pytest.approx(5, abs=4)
    assert heard["rms"] > 0.01
    assert await page.evaluate(UNTIL_IT_PLAYS) > 0
    await page.screenshot(tmp_path / "home.png")
    assert await page.trouble() == []


async def test_the_front_page_says_what_went_wrong_and_where_a_token_goes(
    database_dsn: str, tmp_path: Path, browser: Browser
) -> None:
    async with dawg.running(database_dsn, tmp_path, JWT_SECRET=SECRET) as server:
        page = await browser.open(server.url)
        await page.click("#make")
        await page.wait_for("#progress[data-kind=error]:has-text('/api/auth/register')")
        await page.call("fill", "#token", jwt.encode({"sub": "ada", "exp": int(time.time()) + 60}, SECRET, "HS256"))
        await page.call("fill", "#duration", "5")
        await page.click("#make")
        await page.wait_for("#progress:has-text('Here it is')", 60)
        await page.call("fill", "#duration", "5.5e9")
        await page.evaluate("document.querySelector('#wish').noValidate = true")
        await page.click("#make")
        await page.wait_for("#progress[data-kind=error]:has-text('duration')")


async def test_the_description_of_the_api_renders_and_calls(
    server: dawg.Dawg, browser: Browser, tmp_path: Path
) -> None:
    page = await browser.open(server.url + "/docs")
    await page.wait_for("#operations-tag-health")
    described = (await server.json("GET", "/openapi.json"))[1]["paths"]
    tags = {tag for operations in described.values() for each in operations.values() for tag in each["tags"]}
    seen = set(await page.evaluate(WHILE_SCROLLING))  # the viewer renders what is in sight
    assert seen == tags
    await page.click("#operations-tag-health")
    await page.click("#operations-health-health .opblock-summary-control")
    await page.click("#operations-health-health .try-out__btn")
    await page.click("#operations-health-health .execute")
    await page.wait_for("#operations-health-health .live-responses-table:has-text('unified-backend')")
    await page.screenshot(tmp_path / "docs.png")
    assert "Unable to render" not in await page.text("body")
    assert await page.trouble() == []


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_no_other_page_frames_them_and_nothing_inline_runs(server: dawg.Dawg, path: str) -> None:
    for method in ("GET", "HEAD"):
        async with server.http.request(method, server.url + path) as reply:
            assert (reply.status, reply.content_type) == (200, "text/html")
            policy = dict(part.strip().split(" ", 1) for part in reply.headers["Content-Security-Policy"].split(";"))
            assert (policy["frame-ancestors"], policy["script-src"]) == ("'none'", "'self'")
            assert (await reply.text() == "") is (method == "HEAD")
