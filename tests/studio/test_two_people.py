"""Two people who have signed in, in one song."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.browser.client import Browser, Driver, Page
from tests.servers import dawg
from tests.studio import walk

INVITE = """async (email) => {
  const path = `/api/projects/${dawg.store.project.value.id}/collaborators`;
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ email, role: "editor" });
  return (await (await fetch(path, { method: "POST", headers, body })).json()).invitation.token;
}"""
CLIP = """async () => {
  const { track } = await dawg.edits.createTrack({ name: "Keys", trackType: "INSTRUMENT" });
  await dawg.edits.createClip({ trackId: track.id, startBeat: 0, lengthBeats: 8, midiData: { notes: [] } });
}"""
SPOT = """() => {
  const { left, top } = document.querySelector(".timeline canvas").getBoundingClientRect();
  return [left + 40, top + 86 + 72 + 40]; // in the second row
}"""
SHOWN = "document.querySelector(\"[aria-label='Volume of Audio track 1']\").ariaValueText"


@pytest.fixture
async def other_browser(_browser_driver: Driver) -> AsyncIterator[Browser]:
    opened = await Browser.connect(_browser_driver)
    yield opened
    await opened.close()


async def sign_in(browser: Browser, url: str, email: str) -> Page:
    page = await browser.open(url)
    await page.call("fill", "[name=email]", email)
    await page.call("fill", "[name=password]", "a long password")
    await page.click("text=Create an account")
    await walk.enter(page)
    return page


async def test_each_sees_what_the_other_does_and_undoes_their_own(
    database_dsn: str, tmp_path: Path, browser: Browser, other_browser: Browser, studio: Path
) -> None:
    async with dawg.running(database_dsn, tmp_path, JWT_SECRET="s" * 40) as server:
        ada = await sign_in(browser, server.url, "ada@dawg.example")
        bob = await sign_in(other_browser, server.url, "bob@dawg.example")
        token = await ada.evaluate(INVITE, "bob@dawg.example")
        project = await ada.evaluate("dawg.store.project.value.id")
        await bob.evaluate("(token) => void (location.hash = `#/share/${token}`)", token)
        await bob.until("(id) => dawg.store.project.value?.id === id", project)
        await ada.until("document.querySelectorAll('.people li').length === 2")

        await walk.add_track(ada, "Audio track")
        await bob.wait_for("[aria-label='Volume of Audio track 1']")
        await ada.call("fill", "[aria-label='Volume of Audio track 1']", "-12")
        await bob.until(f"{SHOWN} === '-12.0 dB'")
        await bob.call("fill", "[aria-label='Pan of Audio track 1']", "0.5")
        await ada.until("dawg.store.tracks.value[0].pan === 0.5")
        await ada.click("[aria-label=Undo]")
        await bob.until(f"{SHOWN} !== '-12.0 dB'")
        await bob.call("fill", "[aria-label='Name of the song']", "Evening")  # while others go on
        await ada.call("fill", "[aria-label='Pan of Audio track 1']", "-0.25")
        await bob.until("dawg.store.tracks.value[0].pan === -0.25")
        await bob.call("keyboard.press", "Enter")
        await ada.until("dawg.store.project.value.name === 'Evening'")
        await ada.click("[aria-label=Undo]")
        await bob.until("dawg.store.tracks.value[0].pan === 0.5")
        await walk.show(bob, "History")
        await bob.click("[aria-label='Undo: the song is called “Evening”']")  # whatever came after it
        await ada.until("dawg.store.project.value.name !== 'Evening'")
        await one_works_on_a_track(ada, bob)
        assert (await walk.stored(ada))["tracks"] == (await walk.stored(bob))["tracks"]
        assert await bob.evaluate("dawg.store.tracks.value[0].pan") == 0.5  # nobody undoes what is another's
        assert [each for each in await bob.trouble() if "401" not in each] == []


async def one_works_on_a_track(ada: Page, bob: Page) -> None:
    """While a clip is dragged, others are told to leave its track alone."""
    await ada.evaluate(CLIP)
    await bob.until("dawg.store.clips.value.size === 1")
    x, y = await ada.evaluate(SPOT)
    await ada.call("mouse.move", x, y)
    await ada.call("mouse.down")
    await ada.call("mouse.move", x + 40, y)
    await bob.wait_for(".held:text-is('ada is working here')")
    await ada.call("mouse.up")
    await bob.until("!document.querySelector('.held')")
