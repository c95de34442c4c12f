"""What people do in the studio, in words."""

from __future__ import annotations

from typing import Any

from tests.browser.client import Page

SAVED = "document.querySelector('.health').innerText === 'Saved'"
METER = "document.querySelector(\"[aria-label='Meter of Master']\")"
LEVEL = f"Number(getComputedStyle({METER}).getPropertyValue('--level'))"
STATE = """() => {
  const { project, tracks, clips, devices } = dawg.store;
  const { name, bpm, key } = project.value;
  const where = ({ id, startBeat, midiData }) => [id, startBeat.toFixed(3), midiData?.notes?.length ?? 0];
  return {
    song: [name, bpm, key],
    tracks: tracks.value.map(({ name, volume, pan }) => [name, volume.toFixed(4), pan]),
    clips: [...clips.value.values()].map(where).sort(),
    devices: devices.value.map(({ type }) => type),
  };
}"""
DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name));
  const canvas = document.querySelector(".timeline canvas");
  const { left, bottom } = canvas.getBoundingClientRect();
  const place = { clientX: left + 8, clientY: bottom - 4 };
  canvas.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer, ...place }));
}"""
PRESS = "(words) => [...document.querySelectorAll('[role=tab]')].find(({ innerText }) => innerText === words).click()"


async def enter(page: Page) -> None:
    await page.wait_for(".health[data-state=online]")


async def make_a_beat(page: Page) -> None:
    await page.click(".chips span:text-is('house')")
    await page.call("selectOption", "select[name=bars]", "4")
    await page.click("text=Make a beat")
    await page.until("window.dawg.store.clips.value.size >= 4")


async def hear(page: Page) -> None:
    """Plays until the meter of the output has seen something, and stops."""
    await page.click("[aria-label=Play]")
    await page.until(f"{LEVEL} > 0.2")
    await page.click("[aria-label=Stop]")


async def show(page: Page, panel: str) -> None:
    if not await page.evaluate(f"document.querySelector('[role=tabpanel]')?.ariaLabel === '{panel}'"):
        await page.evaluate(PRESS, panel)
    await page.wait_for(f"[role=tabpanel][aria-label={panel}]")


async def add_track(page: Page, kind: str) -> None:
    await page.click(".corner button")
    await page.click(f"[role=menuitem]:has-text('{kind}')")


async def stored(page: Page) -> Any:
    """The document, as soon as the server has all of it."""
    await page.until(f"{SAVED} && dawg.store.waiting.value.length === 0")
    return await page.evaluate(STATE)
