"""The page itself: how much it is, how it reads to those who can't see it, and how it does with a large song."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dawg_server.audio.loudness import LoudnessMeter
from tests.browser.client import Browser, Page
from tests.servers import dawg
from tests.studio import walk

PERSON = "dev-user"  # whom the page is taken for without sign-in
BUILT = Path(__file__).parents[2] / "handlers" / "rest" / "static" / "studio"
AXE = Path(__file__).parents[1] / "browser" / "node_modules" / "axe-core" / "axe.min.js"
LARGEST = 250_000  # bytes, compressed
PANELS = ("Mixer", "Devices", "Notes", "Finish", "History", "Jobs")
FAULTS = """async (rules) => {
  const only = rules ? { runOnly: { type: "rule", values: rules } } : {};
  const { violations } = await axe.run(document, { resultTypes: ["violations"], ...only });
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => [id, ...nodes.slice(0, 4).map(({ html, failureSummary }) => html + failureSummary)]);
}"""
FRAMES = """async (moves) => {
  const canvas = document.querySelector(".timeline canvas");
  const next = () => new Promise(requestAnimationFrame);
  const [times, drawn] = [[], []];
  await next();
  for (let frame = 0, before = await next(); frame < 60; frame++) {
    let begun = 0;
    requestAnimationFrame(() => (begun = performance.now())); // what draws is asked for after this
    if (moves) {
      const zooms = frame % 3 === 0;
      const deltaY = zooms ? (frame < 30 ? 20 : -20) : 0;
      const init = { bubbles: true, cancelable: true, deltaX: zooms ? 0 : 24, deltaY, ctrlKey: zooms, clientX: 500 };
      canvas.dispatchEvent(new WheelEvent("wheel", init));
    }
    const now = await next();
    drawn.push(performance.now() - begun);
    times.push(now - before);
    before = now;
  }
  const sorted = (list) => list.sort((one, other) => one - other);
  return [sorted(times), sorted(drawn)];
}"""
LOUDNESS = """async ([frequency, rate, seconds]) => {
  const audio = new OfflineAudioContext(2, rate * seconds, rate);
  const tone = new OscillatorNode(audio, { frequency });
  const level = new GainNode(audio, { gain: 0.25 });
  const told = [];
  await dawg.watchLoudness(audio, tone.connect(level), (lufs) => told.push(lufs));
  tone.start();
  await audio.startRendering();
  while (told.length < seconds * 10 - 1) await new Promise((resolve) => setTimeout(resolve, 10));
  return told.at(-1);
}"""


def test_the_first_load_is_small(studio: Path) -> None:
    page = (BUILT / "index.html").read_text()
    files = re.findall(r'(?:src|href)="/studio/([^"]+)"', page)
    sizes = {name: (BUILT / f"{name}.gz").stat().st_size for name in files}
    print(f"first load: {sum(sizes.values())} bytes", sizes)
    assert len(sizes) >= 2
    assert sum(sizes.values()) <= LARGEST


async def test_the_page_of_a_song(database_dsn: str, tmp_path: Path, browser: Browser, studio: Path) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        page = await browser.open(server.url)
        await walk.enter(page)
        ready = await page.evaluate("performance.getEntriesByName('interactive')[0]?.startTime ?? null")
        print(f"interactive after {ready} ms")
        await its_loudness_is_that_of_the_server(page)
        empty, _ = await page.evaluate(FRAMES, False)
        assert await faults(page) == []
        await fill(server, page)
        large, drawn = await page.evaluate(FRAMES, True)
        ratios = {part: round(large[at] / empty[at], 2) for part, at in (("median", 30), ("95 %", 56), ("worst", 59))}
        print(f"frames with 40 tracks and 600 clips, against an empty page: {ratios}")
        print(f"drawing them: {drawn[30]:.1f} ms, at worst {drawn[59]:.1f} ms")
        found = {}
        for number, theme in enumerate(("dark", "light")):
            await page.call("emulateMedia", {"colorScheme": theme, "reducedMotion": "reduce"})
            for panel in PANELS:
                await walk.show(page, panel)
                if fault := await faults(page, *(["color-contrast"] if number else [])):
                    found[f"{panel}, {theme}"] = fault
        assert found == {}
        assert await page.evaluate("document.getAnimations().length") == 0
        await songs_are_listed_named_and_deleted(page)
        await page.goto(server.url + "/studio/status")
        await page.wait_for("section[aria-label=Sockets] dd")
        assert await faults(page) == []
        assert await page.trouble() == []


async def songs_are_listed_named_and_deleted(page: Page) -> None:
    await page.click("button:text-is('Songs')")
    await page.click("button:text-is('New song')")
    await page.until("dawg.store.project.value && dawg.store.clips.value.size === 0")
    await page.click("button:text-is('Songs')")
    await page.until("document.querySelectorAll('.songs li').length === 2")
    assert await faults(page) == []
    old = ".songs li:has(button:text-is('Open'))"
    await page.call("fill", f"{old} input", "Old song")
    await page.call("keyboard.press", "Enter")
    await page.click("[aria-label='Delete Old song']")
    await page.click("text=Really delete")
    await page.until("document.querySelectorAll('.songs li').length === 1")
    await page.call("keyboard.press", "Escape")
    await page.until("!document.querySelector('dialog')")


async def its_loudness_is_that_of_the_server(page: Page) -> None:
    for frequency, rate in ((60, 48_000), (997, 44_100), (9000, 48_000)):
        tone = 0.25 * np.sin(2 * np.pi * frequency * np.arange(4 * rate) / rate)
        meter = LoudnessMeter(rate, 2)
        meter.add(np.stack((tone, tone), axis=1))
        heard = await page.evaluate(LOUDNESS, [frequency, rate, 4])
        assert heard == pytest.approx(meter.integrated, abs=0.1)


async def faults(page: Page, *rules: str) -> list[Any]:
    await page.evaluate(AXE.read_text() + ";0")
    return list(await page.evaluate(FAULTS, list(rules) or None))


async def fill(server: dawg.Dawg, page: Page) -> None:
    """40 tracks with 15 clips of notes each."""
    project = await page.evaluate("dawg.store.project.value.id")
    notes = [{"pitch": 48 + step, "start": step / 2, "duration": 0.4, "velocity": 90} for step in range(8)]

    async def track(number: int) -> str:
        fields = {"projectId": project, "name": f"Track {number}", "trackType": "INSTRUMENT"}
        _, made = await server.json("POST", "/api/tracks", PERSON, json=fields)
        body = {"trackId": made["id"], "startTime": 0, "duration": 2, "midiData": {"notes": notes}}
        status, clip = await server.json("POST", "/api/clips", PERSON, json=body)
        assert status == 201, clip
        return str(clip["id"])

    clips = await asyncio.gather(*map(track, range(40)))
    for time in range(1, 15):
        await page.evaluate("([ids, beat]) => void dawg.edits.duplicateClips(ids, { beat })", [clips, 4.5 * time])
    await page.until("dawg.store.clips.value.size === 600")
    await walk.stored(page)
