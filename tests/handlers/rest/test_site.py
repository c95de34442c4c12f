"""The pages that people open, in a real browser."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import jwt
import pytest

from tests.browser.client import Browser, Page
from tests.servers import dawg

SECRET = "s" * 40
PROJECT = Path(__file__).parents[3]
NOBODY = "00000000-0000-4000-8000-000000000000"
METER = "document.querySelector(\"[aria-label='Meter of Master']\")"
LEVEL = f"Number(getComputedStyle({METER}).getPropertyValue('--level'))"
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

CODE = """[...document.querySelectorAll("#page code")].map((each) => [
  each.textContent,
  ["::before", "::after"].map((end) => getComputedStyle(each, end).content).join(" "),
])"""


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path, studio: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path) as running:
        yield running


async def make_a_beat(page: Page) -> None:
    await page.click(".chips span:text-is('house')")
    await page.call("selectOption", "select[name=bars]", "4")
    await page.click("text=Make a beat")
    await page.wait_for(".headers li", 60)


# -- the studio --------------------------------------------------------------------------------------------------------


async def test_the_studio_makes_a_beat_and_plays_it(server: dawg.Dawg, browser: Browser, tmp_path: Path) -> None:
    page = await browser.open(server.url)
    await page.wait_for(".health[data-state=online]")
    await make_a_beat(page)
    await page.click("[aria-label=Play]")
    await page.wait_for("[aria-label=Stop]")
    await page.until(f"{LEVEL} > 0.2")  # what the analyser of the output hears
    await page.screenshot(tmp_path / "studio.png")
    assert await page.trouble() == []
    await page.call("reload")
    await page.wait_for(".headers li")  # a beat survives that


async def test_where_sign_in_is_on_the_studio_asks_for_it(
    database_dsn: str, tmp_path: Path, browser: Browser, studio: Path
) -> None:
    async with dawg.running(database_dsn, tmp_path, JWT_SECRET=SECRET) as server:
        page = await browser.open(server.url)
        await page.call("fill", "[name=email]", "ada@dawg.example")
        await page.call("fill", "[name=password]", "a long password")
        await page.click("button:text-is('Sign in')")
        await page.wait_for(".trouble:not(:empty)")
        await page.click("text=Create an account")
        await make_a_beat(page)


# -- the documentation -------------------------------------------------------------------------------------------------


async def execute(page: Page, tag: str, operation: str, shown: str) -> None:
    """Tries out an operation without parameters, and waits for a text in the live reply."""
    block = f"#operations-{tag}-{operation}"
    await page.click(f"#operations-tag-{tag}")
    await page.click(f"{block} .opblock-summary-control")
    await page.click(f"{block} .try-out__btn")
    await page.click(f"{block} .execute")
    await page.wait_for(f"{block} .live-responses-table:has-text('{shown}')")


async def test_the_description_of_the_api_renders_and_calls(
    server: dawg.Dawg, browser: Browser, tmp_path: Path
) -> None:
    page = await browser.open(server.url + "/docs")
    await page.wait_for("#operations-tag-health")
    described = (await server.json("GET", "/openapi.json"))[1]["paths"]
    tags = {tag for operations in described.values() for each in operations.values() for tag in each["tags"]}
    seen = set(await page.evaluate(WHILE_SCROLLING))  # the viewer renders what is in sight
    assert seen == tags
    await execute(page, "generate", "list_genres", "lo-fi")  # as the development user
    assert "Unable to render" not in await page.text("body")
    assert await page.trouble() == []


async def test_the_description_of_the_api_calls_with_a_token(
    database_dsn: str, tmp_path: Path, browser: Browser, studio: Path
) -> None:
    async with dawg.running(database_dsn, tmp_path, JWT_SECRET=SECRET) as server:
        page = await browser.open(server.url + "/docs")
        await page.click(".btn.authorize")
        token = jwt.encode({"sub": "ada", "exp": int(time.time()) + 60}, SECRET, "HS256")
        await page.call("fill", "[aria-label='auth-bearer-value']", token)
        await page.click(".auth-container .authorize")
        await page.click(".btn-done")
        await execute(page, "generate", "list_genres", "lo-fi")


async def test_the_description_of_the_socket_events_renders(
    server: dawg.Dawg, browser: Browser, tmp_path: Path
) -> None:
    page = await browser.open(server.url + "/docs/sockets")
    await page.wait_for("text=Open a project: enter its room and get its present state")
    shown = await page.text("#page")
    channels = (await server.json("GET", "/asyncapi.json"))[1]["channels"]
    assert {name for each in channels.values() for name in each["messages"] if name not in shown} == set()
    assert re.findall(".{0,60}`.{0,30}", shown) == []  # what is written as code is shown as code
    code = dict(await page.evaluate(CODE))
    assert code["join:project"] == "none none"
    assert await page.trouble() == []


# -- headers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/studio/status", "/docs", "/docs/sockets"])
async def test_no_other_page_frames_them_and_nothing_inline_runs(server: dawg.Dawg, path: str) -> None:
    for method in ("GET", "HEAD"):
        async with server.http.request(method, server.url + path) as reply:
            assert (reply.status, reply.content_type) == (200, "text/html")
            policy = dict(part.strip().split(" ", 1) for part in reply.headers["Content-Security-Policy"].split(";"))
            assert (policy["frame-ancestors"], policy["default-src"]) == ("'none'", "'self'")
            assert "script-src" not in policy
            assert reply.headers["Cache-Control"] == "no-cache"
            page = await reply.text()
            assert (page == "") is (method == "HEAD")
            assert re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=", page) is None
            for asset in re.findall(r'(?:src|href)="(/studio/[^"]+)"', page):
                async with server.http.request(method, server.url + asset) as file:
                    assert file.status == 200
                    assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
                    assert file.headers["Content-Encoding"] == "gzip"
                    assert file.content_type in ("text/javascript", "text/css")


@pytest.mark.parametrize(
    ("endpoint", "origin"),
    [
        ({"AWS_ENDPOINT_URL": "http://store.internal:9000"}, "http://store.internal:9000"),
        (
            {"AWS_ENDPOINT_URL": "http://store.internal:9000", "AWS_PUBLIC_ENDPOINT_URL": "https://files.example/"},
            "https://files.example",
        ),
        ({"AWS_REGION": "eu-central-1"}, "https://songs.s3.amazonaws.com"),
    ],
)
async def test_the_studio_may_read_recordings_from_the_bucket_that_has_them(
    database_dsn: str, tmp_path: Path, endpoint: dict[str, str], origin: str
) -> None:
    keys = {"AWS_S3_BUCKET": "songs", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
    async with dawg.running(database_dsn, tmp_path, **keys, **endpoint) as server:
        async with server.http.get(server.url) as reply:
            policy = dict(part.strip().split(" ", 1) for part in reply.headers["Content-Security-Policy"].split(";"))
        assert policy["connect-src"] == f"'self' {origin}"
        assert origin in policy["img-src"].split()
        link = server.services.platform.storage.link("a", seconds=60, disposition="inline", content_type="audio/wav")
        assert link is not None
        assert link.startswith(origin + "/")


async def test_an_asset_that_does_not_exist_and_what_is_beside_them_is_not_found(server: dawg.Dawg) -> None:
    for path in ("nothing.js", "..%2findex.html", "%2e%2e/.digest", "..%2f..%2fstart%2fstart.css", ""):
        async with server.http.get(f"{server.url}/studio/assets/{path}") as reply:
            assert (reply.status, (await reply.json())["code"]) == (404, "not_found"), path


async def test_head_is_answered_wherever_get_is(server: dawg.Dawg) -> None:
    described = (await server.json("GET", "/openapi.json"))[1]["paths"]
    paths = [re.sub(r"{\w+}", NOBODY, path) for path, operations in described.items() if "get" in operations]
    assert len(paths) > 40
    for path in (*paths, "/metrics", "/docs/files/start.css"):
        async with server.http.get(server.url + path) as get, server.http.head(server.url + path) as head:
            assert head.status == get.status, path
            assert await head.read() == b""


# -- without the build -------------------------------------------------------------------------------------------------


@pytest.fixture
def unbuilt(tmp_path: Path) -> Path:
    """A copy of the sources, as somebody has it who started the server for the first time."""
    copy = tmp_path / "copy"
    ignored = shutil.ignore_patterns("node_modules", "studio.txt", ".studio", ".node")
    for each in ("bus", "dawg_server", "handlers", "studio"):
        shutil.copytree(PROJECT / each, copy / each, ignore=ignored)
    shutil.rmtree(copy / "handlers" / "rest" / "static" / "studio", ignore_errors=True)
    return copy


def build_without_npm(sources: Path) -> subprocess.CompletedProcess[str]:
    away = {"npm_config_registry": "http://127.0.0.1:9/", "npm_config_cache": str(sources / "npm")}
    command = [sys.executable, sources / "studio" / "build.py"]
    return subprocess.run(command, env=os.environ | away, capture_output=True, text=True, timeout=60)


@contextlib.contextmanager
def waiting_build(sources: Path) -> Iterator[subprocess.Popen[bytes]]:
    """With an npm that waits for ever."""
    tools = sources / "tools"
    tools.mkdir()
    for name, does in (("node", "echo v22.12.0"), ("npm", "exec sleep 60")):
        (tools / name).write_text(f"#!/bin/sh\n{does}\n")
        (tools / name).chmod(0o755)
    environment = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, sources / "studio" / "build.py"]
    with subprocess.Popen(command, env=environment, start_new_session=True) as build:
        try:
            yield build
        finally:
            os.killpg(build.pid, signal.SIGKILL)


async def test_where_npm_cannot_be_reached_the_page_says_how_to_get_the_studio_and_gives_way_to_it(
    unbuilt: Path, database_dsn: str, browser: Browser, studio: Path
) -> None:
    static = Path("handlers", "rest", "static")
    async with dawg.DawgProcess(unbuilt, unbuilt, DATABASE_URL=database_dsn) as server:
        page = await browser.open(server.url + "/docs")
        await page.wait_for("#health[data-state=healthy]")
        assert "python3 studio/build.py" in await page.text("#studio")
        assert server.url in await page.text("#calls")

        with waiting_build(unbuilt) as waiting:
            await page.wait_for("#studio:has-text('is being built')")
            waiting.kill()
        await page.wait_for("#studio:has-text('was interrupted')")

        build = await asyncio.to_thread(build_without_npm, unbuilt)
        assert build.returncode == 1
        assert "needs a network" in build.stderr
        await page.wait_for("#studio:has-text('needs a network')")
        await page.call("goto", server.url)
        assert "needs a network" in await page.text("#studio")
        assert await page.trouble() == []

        shutil.copytree(PROJECT / static / "studio", unbuilt / static / "studio")
        await page.wait_for("text=Make a beat")
        # What was built of the same sources is not built again.
        assert (await asyncio.to_thread(build_without_npm, unbuilt)).returncode == 0
