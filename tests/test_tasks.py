"""Ending background tasks for certain."""

from __future__ import annotations

import asyncio

from dawg_server import tasks


async def test_a_task_that_misses_the_first_request_is_asked_again() -> None:
    async def deaf_once() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    async def breaks() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError

    started = [asyncio.create_task(deaf_once()), asyncio.create_task(breaks())]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await tasks.end(*started, ask_again=0.05)
    assert [task.done() for task in started] == [True, True]


async def test_a_task_that_cleans_up_is_left_alone_meanwhile() -> None:
    cleaned = []

    async def tidy() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.1)
            cleaned.append(True)

    task = asyncio.create_task(tidy())
    await asyncio.sleep(0)
    await tasks.end(task, ask_again=5.0)
    assert cleaned == [True]
