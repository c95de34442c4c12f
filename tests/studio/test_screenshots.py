"""The pictures of the documentation: `pytest -m long tests/studio/test_screenshots.py` writes them anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.client import Browser, Page
from tests.handlers.sockets import brains
from tests.handlers.sockets.brains import Model
from tests.simulators.anthropic import AnthropicSimulator, text, tool_use, turn
from tests.studio import walk

IMAGES = Path(__file__).parents[2] / "docs" / "images"
LARGEST, ALL = 150_000, 1_000_000  # bytes
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
NOTES = """async () => {
  const clip = [...dawg.store.clips.value.values()].find(({ midiData }) => midiData);
  const chords = [[57, 60, 64], [53, 57, 60], [55, 59, 62], [52, 55, 59]];
  const notes = chords.flatMap((chord, bar) => chord.flatMap((pitch, voice) => [0, 1.5, 3].map((beat) => (
    { pitch: pitch + 12 * (beat > 2), start: 4 * bar + beat + voice * 0.02, duration: 1, velocity: 70 + 15 * voice }
  ))));
  await dawg.edits.updateClip(clip.id, { midiData: { notes } });
}"""


@pytest.mark.long
async def test_pictures(database_dsn: str, tmp_path: Path, browser: Browser, studio: Path) -> None:
    IMAGES.mkdir(exist_ok=True)
    async with AnthropicSimulator() as simulator:
        model = Model(simulator)
        async with brains.server(database_dsn, tmp_path, model) as server:
            page = await browser.open(server.url)
            await look(page, WIDE, "dark")
            await walk.enter(page)
            await take(page, "first-screen-dark")
            await look(page, WIDE, "light")
            await take(page, "first-screen-light")
            await look(page, WIDE, "dark")
            await walk.make_a_beat(page)
            model.says(
                turn(tool_use("setTempo", {"bpm": 118})),
                turn(text("I made it a little slower. Shall I add a bass line under the drop?")),
            )
            await page.call("fill", "[aria-label='Message to the assistant']", "A little slower, please")
            await page.click("text=Send")
            await page.until("document.querySelector('.talk').innerText.includes('a little slower.')")
            await page.click("[aria-label=Play]")
            await page.until(f"{walk.LEVEL} > 0.2")
            await page.until("dawg.player.position.value > 2")
            await take(page, "studio-dark")
            await page.click("[aria-label=Stop]")
            await look(page, WIDE, "light")
            await take(page, "studio-light")
            await page.call("keyboard.press", "Home")
            await walk.show(page, "Notes")
            await page.click("text=New clip of notes")
            await page.wait_for(".roll canvas")
            await page.until(walk.SAVED)
            await page.evaluate(NOTES)
            await look(page, WIDE, "dark")
            await take(page, "piano-roll-dark")
            await look(page, WIDE, "light")
            await take(page, "piano-roll-light")
            await look(page, PHONE, "dark")
            await page.click("[aria-label='Close the assistant']")
            await walk.show(page, "Mixer")
            await take(page, "phone-dark")
            await look(page, PHONE, "light")
            await page.click(".bar button:text-is('Assistant')")
            await take(page, "phone-assistant-light")
    sizes = {path.name: path.stat().st_size for path in IMAGES.glob("*.png")}
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}
    assert sum(sizes.values()) <= ALL


async def look(page: Page, viewport: dict[str, int], scheme: str) -> None:
    await page.call("setViewportSize", viewport)
    await page.call("emulateMedia", {"colorScheme": scheme, "reducedMotion": "reduce"})


async def take(page: Page, name: str) -> None:
    """When nothing is on its way, and what changed is drawn."""
    await page.until(walk.SAVED)
    await page.evaluate("() => new Promise((done) => setTimeout(done, 500))")
    await page.call("screenshot", {"path": str(IMAGES / f"{name}.png")})
