"""Side tasks: no failure ends one without a word, and ending one takes no longer than it may."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from bus import supervision
from bus.supervision import SupervisedLoop

PATIENCE = 20.0  # seconds


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(supervision, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(supervision, "ASK_AGAIN", 0.02)


class Outage(Exception):
    pass


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def running(work: Callable[[], Awaitable[object]], **options: object):  # type: ignore[no-untyped-def]
    loop = SupervisedLoop("test-loop", work, doing="Testing", **options)  # type: ignore[arg-type]
    loop.start()
    try:
        yield loop
    finally:
        await loop.close()


@pytest.mark.parametrize("error", [ValueError("deadlock"), Outage("away"), asyncio.CancelledError(), TimeoutError()])
async def test_whatever_a_round_raises_is_logged_and_the_next_one_begins(error: BaseException) -> None:
    rounds: list[int] = []

    async def work() -> None:
        rounds.append(1)
        if len(rounds) < 4:
            raise error

    with capture_logs() as lines:
        async with running(work, interval=0.01, expected=(Outage,)):
            await until(lambda: len(rounds) > 6)
    failures = [line for line in lines if line["action"] == "loop_failed"]
    assert [line["failures"] for line in failures] == [1, 2, 3]
    assert {line["loop"] for line in failures} == {"test-loop"}
    assert all("Testing" in line["event"] and type(error).__name__ in line["error"] for line in failures)


async def test_a_loop_can_be_woken_and_does_not_spin() -> None:
    rounds: list[int] = []

    async def work() -> None:
        rounds.append(1)

    async with running(work, interval=3600.0) as loop:
        await until(lambda: len(rounds) == 1)
        await asyncio.sleep(0.05)
        assert len(rounds) == 1
        loop.wake()
        await until(lambda: len(rounds) == 2)


async def test_what_only_fails_is_broken_until_it_works_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "BROKEN_AFTER", 0.02)
    failing = True

    async def work() -> None:
        if failing:
            raise ValueError

    async with running(work, interval=0.001) as loop:
        await until(lambda: loop.broken)
        assert supervision.broken() == ["test-loop"]
        failing = False
        await until(lambda: not loop.broken)
    assert supervision.broken() == []


async def test_an_outage_of_something_else_leaves_the_process_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "BROKEN_AFTER", 0.0)
    rounds: list[int] = []

    async def work() -> None:
        rounds.append(1)
        raise Outage

    async with running(work, expected=(Outage,)) as loop:
        await until(lambda: len(rounds) > 5)
        assert not loop.broken


async def test_an_error_at_the_end_is_logged() -> None:
    began = asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("while ending")

    with capture_logs() as lines:
        async with running(work):
            await began.wait()
    assert [str(line["exc_info"]) for line in lines if line["action"] == "loop_failed"] == ["while ending"]


async def test_a_request_to_end_that_gets_lost_is_repeated() -> None:
    began = asyncio.Event()

    async def work() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            began.set()
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    async with running(work) as loop:
        await began.wait()
    assert not loop.running


async def test_what_does_not_end_is_left_behind_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "CLOSE_TIMEOUT", 0.05)
    began, released = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        while not released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await released.wait()

    with capture_logs() as lines:
        async with running(work):
            await began.wait()
    assert [line["loop"] for line in lines if line["action"] == "loop_stuck"] == ["test-loop"]
    (left,) = [task for task in asyncio.all_tasks() if task.get_name() == "test-loop"]
    released.set()
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)


async def test_a_task_that_others_cancel_ends_as_tasks_do() -> None:
    """So that a loop which nobody has closed does not keep the process alive."""

    async def work() -> None:
        await asyncio.sleep(0)

    async with running(work, interval=0.001) as loop:
        await asyncio.sleep(0.01)
        (task,) = [task for task in asyncio.all_tasks() if task.get_name() == "test-loop"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not loop.running


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
        await supervision.end(*started, ask_again=0.05)
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
    await supervision.end(task, ask_again=5.0)
    assert cleaned == [True]
