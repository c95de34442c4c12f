"""A browser for tests of pages. It starts with the first test of a process that asks for one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.browser.client import Browser, Driver

STUDIO = Path(__file__).parents[2] / "studio"
BUILD_TIMEOUT = 900  # seconds


@pytest.fixture(scope="session")
def _browser_driver() -> Iterator[Driver]:
    driver = Driver()
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
