"""A page that calls the server as DAWG's first page does, from an origin of its own, walks through a session."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web

from tests.browser.client import Browser, Page
from tests.handlers.sockets import brains, voices
from tests.handlers.sockets.brains import Model
from tests.javascript import runtime
from tests.simulators import openai_realtime as realtime
from tests.simulators.anthropic import AnthropicSimulator, text, tool_use, turn

SECRET = "s" * 40
FOLDER = Path(__file__).with_name("earlier_page")
CLIENT = runtime.FOLDER / "node_modules" / "socket.io-client" / "dist" / "socket.io.min.js"
ADA = {"email": "ada@example.com", "password": "correct horse", "username": "ada"}


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    """Where the page comes from: another port, so another origin, of the same site."""
    runtime.prepare()
    application = web.Application()

    async def index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(FOLDER / "index.html")

    async def script(_: web.Request) -> web.FileResponse:
        return web.FileResponse(FOLDER / "page.js")

    async def client(_: web.Request) -> web.FileResponse:
        return web.FileResponse(CLIENT)

    application.router.add_get("/", index)
    application.router.add_get("/page.js", script)
    application.router.add_get("/socket.io.js", client)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://localhost:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    async with AnthropicSimulator() as simulator:
        yield Model(simulator)


@contextlib.asynccontextmanager
async def serving(
    dsn: str, folder: Path, origin: str, model: Model, service: realtime.RealtimeSimulator, **variables: str
) -> AsyncIterator[str]:
    """The address that such a page is built with."""
    voice = {"OPENAI_API_KEY": voices.KEY, "OPENAI_BASE_URL": service.base_url}
    async with brains.server(dsn, folder, model, CORS_ORIGINS=origin, **voice, **variables) as running:
        yield running.url.replace("127.0.0.1", "localhost") + "/api"


async def opened(browser: Browser, origin: str, api: str) -> Page:
    return await browser.open(f"{origin}/?api={api}")


async def value(page: Page, expression: str) -> Any:
    return await page.evaluate(f"async () => {{ return {expression} }}")


async def test_register_project_chat_beat_voice_reload_two_tabs_and_an_hour_later(
    database_dsn: str, tmp_path: Path, origin: str, model: Model, browser: Browser
) -> None:
    secured = {"JWT_SECRET": SECRET, "AUTH_REQUESTS_PER_MINUTE": "1000"}
    async with (
        realtime.RealtimeSimulator() as service,
        serving(database_dsn, tmp_path, origin, model, service, **secured) as api,
    ):
        page = await opened(browser, origin, api)
        refused = await value(page, "await ask('hello')")
        assert refused["status"] == 401
        assert await page.text("#chat") == refused["response"] != ""

        await _registers(page)
        project = await _makes_a_project(page)
        await _sets_the_tempo_by_chat(page, model)
        await _makes_a_beat(page, project)
        await _talks(page, service)
        await _reloads(page, project)
        await _renews_in_two_tabs_at_once(page, await opened(browser, origin, api))
        await _comes_back_after_an_hour(page, project)
        assert [line for line in await _trouble(page) if "status of 401" not in line] == []


async def test_the_same_without_sign_in(
    database_dsn: str, tmp_path: Path, origin: str, model: Model, browser: Browser
) -> None:
    async with (
        realtime.RealtimeSimulator() as service,
        serving(database_dsn, tmp_path, origin, model, service) as api,
    ):
        page = await opened(browser, origin, api)
        assert await value(page, "await connect()") == "/api"
        project = await _makes_a_project(page)
        await _sets_the_tempo_by_chat(page, model)
        await _makes_a_beat(page, project)
        await _talks(page, service)
        assert await _trouble(page) == []


async def _trouble(page: Page) -> list[str]:
    """A player fetches what it needs, and drops the rest."""
    return [line for line in await page.trouble() if not ("/content?" in line and line.endswith("ERR_ABORTED"))]


async def _registers(page: Page) -> None:
    made = await page.evaluate("async (who) => call('POST', '/auth/register', who)", ADA)
    assert made["status"] == 201, made
    await page.evaluate("(made) => keep(made)", made["body"])
    assert await value(page, "await connect()") == "/api"


async def _makes_a_project(page: Page) -> str:
    made = await value(page, "await call('POST', '/projects', {name: 'Night drive', bpm: 120})")
    assert made["status"] == 201, made
    project = str(made["body"]["id"])
    await page.evaluate("async (id) => openProject(id)", project)
    assert await page.text("#project") == "Night drive"
    return project


async def _sets_the_tempo_by_chat(page: Page, model: Model) -> None:
    model.says(turn(text("Down to 88."), tool_use("setTempo", {"bpm": 88})))
    done = await value(page, "await ask('slower, please')")
    assert (done["status"], done["function_call"]) == (200, {"name": "setTempo", "arguments": {"bpm": 88}})
    assert await page.text("#chat") == "Down to 88."
    await page.wait_for("#tempo:has-text('88')")


async def _makes_a_beat(page: Page, project: str) -> None:
    """Known by the cookie alone, where there is sign-in."""
    parameters = {"genre": "house", "duration": 5, "projectId": project}
    asked = await page.evaluate(
        "async (parameters) => call('POST', '/generate/beat', parameters, {token: false})", parameters
    )
    assert asked["status"] == 202, asked
    await value(page, "(await until('daw:audio:loaded')).clip")
    await page.wait_for("#timeline li")
    assert await value(page, "await level()") > 0.01


async def _talks(page: Page, service: realtime.RealtimeSimulator) -> None:
    service.script(
        realtime.answer(realtime.call("playProject", {})),
        realtime.answer(realtime.say("it plays", ms=100)),
        transcripts=("play it",),
    )
    await page.click("#talk")
    await page.wait_for("#voice:has-text('play')")
    assert (await value(page, "await until('user-transcript-done')"))["text"] == "play it"
    assert await value(page, "heard['user-transcript-delta'].map((each) => each.text).join('')") == "play it"
    assert (await value(page, "await until('audio-delta')"))["audio"]
    await value(page, "void socket.emit('stop-realtime')")
    await value(page, "await until('realtime-stopped')")


async def _reloads(page: Page, project: str) -> None:
    await page.call("reload")
    assert await value(page, "await connect({token: false})") == "/api"
    kept = await page.evaluate("async (id) => openProject(id)", project)
    assert await page.text("#tempo") == "88"
    assert any(track["clips"] for track in kept["tracks"]), kept


async def _renews_in_two_tabs_at_once(page: Page, other: Page) -> None:
    before = await value(page, "localStorage.refreshToken")
    assert await asyncio.gather(*(value(each, "await renew()") for each in (page, other))) == [200, 200]
    after = await value(page, "localStorage.refreshToken")
    assert after != before
    assert await value(other, "await renew()") == 200
    for each in (page, other):
        assert (await value(each, "await call('GET', '/auth/me')"))["body"]["user"]["email"] == ADA["email"]


async def _comes_back_after_an_hour(page: Page, project: str) -> None:
    """The page still has the token of that time."""
    claims = jwt.decode(await value(page, "localStorage.token"), SECRET, ["HS256"], options={"verify_aud": False})
    old = jwt.encode({**claims, "iat": int(time.time()) - 3660, "exp": int(time.time()) - 60}, SECRET, "HS256")
    await page.evaluate("(token) => { localStorage.token = token }", old)
    reply = await page.evaluate("async (id) => call('GET', `/projects/${id}`)", project)
    assert reply["status"] == 200
    assert await value(page, "localStorage.token") != old
    assert await value(page, "await connect()") == "/api"
