"""A browser for tests of pages. It starts with the first test of a process that asks for one."""

from __future__ import annotations

import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.browser.client import Browser, Driver
from tests.simulators.openai_realtime import sound

STUDIO = Path(__file__).parents[2] / "studio"
BUILD_TIMEOUT = 900  # seconds


@pytest.fixture(scope="session")
def _browser_driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    driver = Driver(_microphone(tmp_path_factory.mktemp("microphone") / "speech.wav"))
    yield driver
    driver.stop()


@pytest.fixture(scope="session")
def studio() -> Path:
    """The folder of the sources that the server's pages have been built from, with what checks them."""
    subprocess.run([sys.executable, STUDIO / "build.py", "--dev"], check=True, timeout=BUILD_TIMEOUT)
    return STUDIO


@pytest.fixture
async def browser(_browser_driver: Driver) -> AsyncIterator[Browser]:
    opened = await Browser.connect(_browser_driver)
    yield opened
    await opened.close()


def _microphone(path: Path) -> Path:
    """Somebody says something for half a second, and then nothing for two."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, sound.RATE, 0, "NONE", ""))
        file.writeframes(sound.speech(500) + sound.silence(2000))
    return path
