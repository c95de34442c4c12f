"""A person and a song: from the first beat to the file, through whatever happens on the way."""

from __future__ import annotations

import base64
import io
import signal
from pathlib import Path

import aiohttp
import numpy as np
import soundfile

from tests.browser.client import Browser, Page
from tests.servers import dawg
from tests.studio import walk

CLIPS = "dawg.store.clips.value"
FOCUSABLE = """[...document.querySelectorAll("button, input, select, textarea, a[href], [tabindex='0']")].filter(
  (each) => each.tabIndex >= 0 && !each.disabled && each.checkVisibility({ visibilityProperty: true }),
)"""
REACHABLE = f"""{FOCUSABLE}.filter(
  (each) => each.type !== "radio" || each.checked, // one Tab stop for the group
).map((each, number) => {{
  each.dataset.walk = number;
  return each.outerHTML.slice(0, 200);
}})"""
FOCUSED = "document.activeElement.dataset.walk ?? ''"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def recording() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, 0.3 * np.sin(np.arange(44_100) / 20), 44_100, format="WAV")
    return file.getvalue()


async def test_a_song_from_the_first_beat_to_the_file(
    database_dsn: str, tmp_path: Path, browser: Browser, studio: Path
) -> None:
    async with dawg.DawgProcess(tmp_path, DATABASE_URL=database_dsn, CPU_WORKERS="1") as server:
        page = await browser.open(server.url)
        await walk.enter(page)
        await walk.make_a_beat(page)
        await walk.hear(page)
        await every_edit_survives_a_reload(page)
        await odd_files_are_refused_in_words(page)
        await the_microphone_becomes_a_clip(page)
        await each_time_round_the_loop_is_a_take(page)
        await notes_are_written_by_keys(page)
        await everything_is_there_without_a_mouse(page)
        trouble = [each for each in await page.trouble() if "ERR_ABORTED" not in each]  # by the reload
        assert [each for each in trouble if "status of 4" not in each] == []
        assert len(trouble) == 2  # the odd files
        await edits_wait_for_a_server_that_was_killed(page, server)
        await the_song_leaves_as_a_file(page, server)


async def every_edit_survives_a_reload(page: Page) -> None:
    await page.call("fill", ".bar input[type=number]", "97")
    await page.call("keyboard.press", "Tab")
    await page.call("fill", "[aria-label='Name of the song']", "Evening")
    await page.call("keyboard.press", "Enter")
    await page.call("selectOption", "[aria-label=Key]", "F#m")
    await page.call("fill", "[aria-label='Volume of Bass']", "-9")
    await page.call("fill", "[aria-label='Pan of Bass']", "0.5")
    before = await page.evaluate(walk.STATE)
    spots = [{"sourcePosition": {"x": 40, "y": 120}, "targetPosition": {"x": 200, "y": 120}}]
    await page.call("dragAndDrop", ".timeline canvas", ".timeline canvas", *spots)
    await walk.show(page, "Devices")
    await page.call("selectOption", "[aria-label='Add a device']", "reverb")
    await walk.add_track(page, "Bus")
    await page.call("keyboard.press", "Escape")  # selects nothing
    await walk.show(page, "Notes")
    await page.click("text=New clip of notes")
    await page.wait_for(".roll canvas")
    await page.call("click", ".roll canvas", {"position": {"x": 200, "y": 80}})
    await page.until(f"[...{CLIPS}.values()].some(({{ midiData }}) => midiData?.notes?.length === 1)")
    done = await walk.stored(page)
    assert done["song"] == ["Evening", 97, "F#m"]
    assert done["devices"] == ["reverb"]
    assert ["Bass", f"{10 ** (-9 / 20):.4f}", 0.5] in done["tracks"]
    moved = [each for each in before["clips"] if each not in done["clips"]]
    assert len(moved) == 1
    await page.call("reload")
    await walk.enter(page)
    assert await walk.stored(page) == done
    await walk.show(page, "Mixer")


async def odd_files_are_refused_in_words(page: Page) -> None:
    count = await page.evaluate(f"{CLIPS}.size")
    await page.evaluate(walk.DROP, ["words.wav", encoded(b"these are words, and no sound")])
    await page.wait_for(".notices .trouble:has-text('words.wav: ')")
    await page.evaluate(walk.DROP, ["nothing.wav", ""])
    await page.wait_for(".notices .trouble:has-text('nothing.wav: ')")
    assert await page.evaluate(f"{CLIPS}.size") == count
    await page.evaluate(walk.DROP, ["tone.wav", encoded(recording())])
    await page.until(f"{CLIPS}.size === {count + 1}")
    await walk.stored(page)


async def the_microphone_becomes_a_clip(page: Page) -> None:
    count = await page.evaluate(f"{CLIPS}.size")
    await page.click("[title='Count in before recording']")
    await page.call("focus", ".timeline canvas")
    await page.call("keyboard.press", "r")
    await page.wait_for(".record[data-state=recording]")
    await page.until("dawg.player.playing.value")
    await page.until("document.querySelector('.record meter').value > 0.02")  # the person of the file speaks
    await page.evaluate("() => new Promise((done) => setTimeout(done, 300))")
    await page.call("keyboard.press", "r")
    await page.until(f"{CLIPS}.size === {count + 1}")
    await page.wait_for(".record[data-state=idle]")
    await walk.stored(page)


async def each_time_round_the_loop_is_a_take(page: Page) -> None:
    clips = await page.evaluate(f"{CLIPS}.size")
    await page.evaluate("dawg.edits.updateProject({ loopStart: 0, loopEnd: 1, looping: true })")
    await page.call("focus", ".timeline canvas")
    await page.call("keyboard.press", "Home")
    await page.call("keyboard.press", "r")
    await page.wait_for(".record[data-state=recording]")
    await page.until("dawg.player.position.value > 0.3")
    await page.until("dawg.player.position.value < 0.2")  # round once
    await page.until("dawg.player.position.value > 0.3")
    await page.call("keyboard.press", "r")
    await page.wait_for(".record[data-state=idle]")
    takes = "[...dawg.store.takesByClip.value.values()].flat()"
    assert await page.evaluate(f"{takes}.some(({{ ranges }}) => ranges.length > 0)")
    assert await page.evaluate(f"{CLIPS}.size") == clips + 1
    await page.click("[aria-label=Undo]")
    await page.until(f"{CLIPS}.size === {clips} && {takes}.length === 0")
    await page.evaluate("dawg.edits.updateProject({ looping: false })")
    await walk.stored(page)


async def notes_are_written_by_keys(page: Page) -> None:
    await page.call("focus", ".timeline canvas")
    for key in ["ArrowUp"] * 10 + ["ArrowDown"] * 10:
        await page.call("keyboard.press", key)
        if "Selected: MIDI" in await page.evaluate("document.activeElement.ariaLabel"):
            break
    await page.call("keyboard.press", "Enter")
    await page.until("document.activeElement.matches('.roll canvas')")
    for key in ("ArrowRight", "Enter", "ArrowUp", "Enter", "ArrowLeft", "ArrowLeft"):
        await page.call("keyboard.press", key)
    written = f"[...{CLIPS}.values()].find(({{ midiData }}) => midiData?.notes?.length === 3)"
    await page.until(written)
    for _ in range(2):
        await walk.stored(page)
        await page.click("[aria-label=Undo]")
    await page.until(f"!{written}")
    await page.call("focus", ".timeline canvas")
    for _ in range(10):
        await page.call("keyboard.press", "ArrowUp")  # back to the first track
    await walk.show(page, "Mixer")


async def everything_is_there_without_a_mouse(page: Page) -> None:
    reachable = dict(enumerate(await page.evaluate(REACHABLE)))
    seen: set[str] = set()
    await page.evaluate("document.activeElement.blur()")
    for _ in range(len(reachable) + 20):
        await page.call("keyboard.press", "Tab")
        seen.add(await page.evaluate(FOCUSED))
    assert {html for number, html in reachable.items() if str(number) not in seen} == set()

    await page.call("focus", ".timeline canvas")
    await page.call("keyboard.press", "Space")
    await page.until("dawg.player.playing.value")
    await page.call("keyboard.press", "Space")
    await page.until("!dawg.player.playing.value")
    before = await walk.stored(page)
    await page.call("focus", "[aria-label='Volume of Drums']")
    await page.call("keyboard.press", "ArrowDown")
    assert await walk.stored(page) != before
    await page.call("keyboard.press", "Control+z")
    await page.until("dawg.store.waiting.value.length === 0")
    assert await walk.stored(page) == before
    await page.call("keyboard.press", "?")
    await page.wait_for("dialog[aria-label=Keys]")
    await page.call("keyboard.press", "Escape")
    await page.until("!document.querySelector('dialog[aria-label=Keys]')")


async def edits_wait_for_a_server_that_was_killed(page: Page, server: dawg.DawgProcess) -> None:
    before = await walk.stored(page)
    await server.stop(signal.SIGKILL)
    await page.wait_for(".health[data-state=offline]")
    await page.call("fill", "[aria-label='Volume of Melody']", "-20")
    await walk.add_track(page, "Audio track")
    await page.until("document.querySelector('.health').innerText.includes('edits wait')")
    await server.start()
    await walk.enter(page)
    done = await walk.stored(page)
    assert len(done["tracks"]) == len(before["tracks"]) + 1  # once
    assert ["Melody", "0.1000"] in [each[:2] for each in done["tracks"]]
    await page.evaluate("dispatchEvent(new Event('offline'))")
    await page.call("fill", "[aria-label='Volume of Melody']", "0")
    await walk.add_track(page, "Audio track")
    await page.until("document.querySelector('.health').innerText.includes('2 edits wait')")
    await page.call("reload")
    await walk.enter(page)
    again = await walk.stored(page)
    assert len(again["tracks"]) == len(done["tracks"]) + 1
    assert ["Melody", "1.0000"] in [each[:2] for each in again["tracks"]]


async def the_song_leaves_as_a_file(page: Page, server: dawg.DawgProcess) -> None:
    await walk.show(page, "Finish")
    await page.click(".step button:text-is('Export')")
    await page.wait_for(".step a:text-is('Download')", 60)
    address = await page.evaluate("document.querySelector('.step:last-child a[href]:not([download])').href")
    async with aiohttp.ClientSession() as http, http.get(address) as reply:
        samples, _ = soundfile.read(io.BytesIO(await reply.read()))
    seconds = await page.evaluate("dawg.store.end.value")
    assert len(samples) / 44_100 > seconds / 2
    assert np.sqrt(np.mean(np.square(samples))) > 0.01
