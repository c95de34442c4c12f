"""The assistant beside the song, by text and by voice, in a real browser."""

from __future__ import annotations

from pathlib import Path

from tests.browser.client import Browser
from tests.handlers.sockets import brains, voices
from tests.handlers.sockets.brains import Model
from tests.simulators import openai_realtime as realtime
from tests.simulators.anthropic import AnthropicSimulator, text, tool_use, turn

TALK = "document.querySelector('.talk').innerText"


async def test_it_changes_the_song_by_text_and_by_voice(
    database_dsn: str, tmp_path: Path, browser: Browser, studio: Path
) -> None:
    async with AnthropicSimulator() as simulator, realtime.RealtimeSimulator() as service:
        model = Model(simulator)
        keys = {"OPENAI_API_KEY": voices.KEY, "OPENAI_BASE_URL": service.base_url}
        async with brains.server(database_dsn, tmp_path, model, **keys) as server:
            page = await browser.open(server.url)
            await page.wait_for(".health[data-state=online]")
            model.says(turn(tool_use("setTempo", {"bpm": 92})), turn(text("It is slower now.")))
            await page.call("fill", "[aria-label='Message to the assistant']", "slower, please")
            await page.click("text=Send")
            await page.until(f"{TALK}.includes('It is slower now.')")
            assert "Set tempo" in await page.evaluate(TALK)
            await page.until("document.querySelector('.bar input[type=number]').value === '92'")
            await page.click("[aria-label='Undo Set tempo']")
            await page.until("document.querySelector('.bar input[type=number]').value === '120'")
            await page.call("reload")
            await page.until("document.querySelector('.talk')?.innerText.includes('It is slower now.')")
            await page.wait_for(".steps [data-state=undone]:has-text('Set tempo')")

            service.script(
                realtime.answer(realtime.call("playProject", {})),
                realtime.answer(realtime.say("it plays", ms=100)),
                transcripts=("play it",),
            )
            await page.click("button:text-is('Talk')")
            await page.until(f"{TALK}.includes('it plays')")
            assert "play it" in await page.evaluate(TALK)
            await page.wait_for("[aria-label=Stop]")  # the browser's own function
            await page.click(".assistant header button")
            await page.wait_for("button:text-is('Talk')")
            assert await page.trouble() == []
