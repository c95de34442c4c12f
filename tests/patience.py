"""How long a test waits for what must happen.

Only a test that fails waits that long, so it is generous: a machine that is busy with other things is no fault. It is
less than the 45 seconds after which the server gives up a silent connection by itself. What a test asserts about time
it asks of the product's own numbers, or of a clock that it steers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

SECONDS = 40.0


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.005)
