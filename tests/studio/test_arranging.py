"""Clips, places, envelopes and notes by mouse and keys, each edit one step to undo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.browser.client import Browser, Page
from tests.servers import dawg

PERSON = "dev-user"  # whom the page is taken for without sign-in
CANVAS, ROLL = ".timeline canvas", ".surface canvas"
RULER, ROW = 86, 72  # pixels
PIXELS = 20  # of a beat at 120 bpm, before anybody zooms
CLIPS = "[...dawg.store.clips.value.values()].map(({ startBeat, trackId }) => [startBeat, trackId]).sort()"
NOTES = (
    "[...dawg.store.clips.value.values()].flatMap(({ midiData }) => midiData.notes.map(({ start }) => start)).sort()"
)


async def test_clips_places_envelopes_and_notes_are_edited_by_hand(
    database_dsn: str, tmp_path: Path, browser: Browser, studio: Path
) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:

        async def make(path: str, **fields: Any) -> dict[str, Any]:
            status, made = await server.json("POST", path, PERSON, json=fields)
            assert status < 300, made
            return made

        project = (await make("/api/projects", name="Song"))["id"]
        names = ("Keys", "Bass", "Pad")
        one, two, three = [
            (await make("/api/tracks", projectId=project, name=name, trackType="INSTRUMENT"))["id"] for name in names
        ]
        for track, beat in ((one, 0), (two, 4)):
            notes = {"notes": [{"pitch": 60, "start": 0, "duration": 1, "velocity": 90}]}
            await make("/api/clips", trackId=track, startBeat=beat, lengthBeats=4, midiData=notes)
        page = await browser.open(f"{server.url}/#/project/{project}")
        await page.call("setViewportSize", {"width": 1440, "height": 1000})
        await page.until("window.dawg && dawg.store.clips.value.size === 2")
        await clips(page, [0, one], [4, two])

        await page.call("press", CANVAS, "Control+a")
        await drag(page, (30, RULER + 40), (30 + 2 * PIXELS, RULER + ROW + 40))
        await clips(page, [2, two], [6, three])
        await undo(page)
        await clips(page, [0, one], [4, two])
        await page.call("press", CANVAS, "Control+d")
        await clips(page, [0, one], [12, two], [4, two], [8, one])
        await undo(page)

        await page.call("press", CANVAS, "Escape")
        await press(page, 30, RULER + 40)
        await press(page, 2 * PIXELS, 62)  # the playhead, by the seconds of the ruler
        await page.call("press", CANVAS, "s")
        await clips(page, [0, one], [2, one], [4, two])
        await page.call("press", CANVAS, "g")
        await clips(page, [0, one], [4, two])

        await page.call("dblclick", CANVAS, {"position": {"x": 16 * PIXELS, "y": 8}})
        await page.call("fill", ".place input", "Drop")
        await page.call("press", ".place input", "Enter")
        await page.until("dawg.store.markers.value.some(({ name, beat }) => name === 'Drop' && beat === 16)")
        await drag(page, (4 * PIXELS, 46), (12 * PIXELS, 46))
        await page.until("dawg.store.project.value.loopStart === 4 && dawg.store.looping.value")

        await page.click("[aria-label='More for Keys']")
        await page.click("[role=menuitemcheckbox]:has-text('Volume')")
        await press(page, 4 * PIXELS, RULER + ROW + 20)
        await drag(page, (4 * PIXELS, RULER + ROW + 20), (6 * PIXELS, RULER + ROW + 40))
        await page.until("dawg.store.automations.value[0]?.points.map(({ beat }) => beat).join() === '6'")

        await page.call("dblclick", CANVAS, {"position": {"x": 30, "y": RULER + 40}})
        await page.wait_for(ROLL)
        await page.call("press", ROLL, "Control+a")
        await page.call("press", ROLL, "Control+d")
        await page.until(f"JSON.stringify({NOTES}) === '[0,0,1]'")
        await undo(page)
        await page.until(f"JSON.stringify({NOTES}) === '[0,0]'")
        await page.call("click", CANVAS, {"position": {"x": 30, "y": RULER + 40}, "button": "right"})
        await page.click("[role=menuitem]:has-text('A bass line under this')")
        await page.until("dawg.store.tracks.value.length === 6")
        await page.click("[aria-label='Keep only this: Bass 2']")
        await page.until("dawg.store.tracks.value.length === 4 && !dawg.store.tracks.value[3].isMuted")
        assert await page.trouble() == []


async def press(page: Page, x: float, y: float) -> None:
    await page.call("click", CANVAS, {"position": {"x": x, "y": y}})


async def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    spots = {name: {"x": x, "y": y} for name, (x, y) in (("sourcePosition", start), ("targetPosition", end))}
    await page.call("dragAndDrop", CANVAS, CANVAS, spots)


async def undo(page: Page) -> None:
    await page.until("dawg.store.waiting.value.length === 0")
    await page.click("[aria-label=Undo]")


async def clips(page: Page, *wanted: list[Any]) -> None:
    """Waits until these are the beats of the clips and their tracks."""
    expected = sorted(wanted, key=lambda each: f"{each[0]},{each[1]}")
    await page.until(f"([wanted]) => JSON.stringify({CLIPS}) === JSON.stringify(wanted)", [expected])
