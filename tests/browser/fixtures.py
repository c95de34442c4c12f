"""A browser for tests of pages. It starts with the first test of a process that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.browser.client import Browser, Driver


@pytest.fixture(scope="session")
def _browser_driver() -> Iterator[Driver]:
    driver = Driver()
    yield driver
    driver.stop()


@pytest.fixture
async def browser(_browser_driver: Driver) -> AsyncIterator[Browser]:
    opened = await Browser.connect(_browser_driver)
    yield opened
    await opened.close()
