from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pathlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psutil
import pytest
import structlog

from dawg_server import errors
from dawg_server.audio import workers
from tests.audio import chores

CHORE = "tests.audio.chores:"


@pytest.fixture
async def pool() -> AsyncIterator[workers.Workers]:
    pool = workers.Workers(2, root="tests")
    yield pool
    await pool.close()


def children() -> list[psutil.Process]:
    """The workers that are children of the process that starts them."""
    found = []
    for spawner in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "dawg_server.audio.worker_main" in spawner.cmdline():
                found += [each for each in spawner.children() if each.status() != psutil.STATUS_ZOMBIE]
    return found


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, "it did not become true in time"
        await asyncio.sleep(0.005)


async def started(pool: workers.Workers, path: pathlib.Path, **options: Any) -> tuple[asyncio.Task[str], int]:
    """A task that keeps a worker busy, and that worker's process id."""
    task = asyncio.create_task(pool.run(CHORE + "busy", 60.0, started=str(path), **options))
    await until(lambda: path.exists() and path.read_text())
    return task, int(path.read_text())


async def test_a_fresh_pool_holds_no_process() -> None:
    pool = workers.Workers(2)
    assert children() == []
    await pool.close()


async def test_a_function_gets_its_arguments_and_its_result_comes_back(pool: workers.Workers) -> None:
    assert await pool.run(CHORE + "add", 2, b=3) == 5
    assert await pool.run(CHORE + "size", bytes(20_000_000)) == 20_000_000
    assert len(await pool.run(CHORE + "large", 20)) == 20 * 1024 * 1024


async def test_a_process_is_used_again(pool: workers.Workers) -> None:
    pids = {await pool.run(CHORE + "process_id") for _ in range(5)}
    assert len(pids) == 1
    assert os.getpid() not in pids


async def test_there_are_never_more_processes_than_the_limit(pool: workers.Workers) -> None:
    pids = await asyncio.gather(*(pool.run(CHORE + "process_id") for _ in range(8)))
    assert len(set(pids)) <= 2
    assert len(children()) == len(set(pids))


async def test_who_asks_first_is_served_first() -> None:
    pool = workers.Workers(1, root="tests")
    order: list[int] = []

    async def call(number: int) -> None:
        order.append(await pool.run(CHORE + "add", number))

    await asyncio.gather(*(call(number) for number in range(8)))
    assert order == list(range(8))
    await pool.close()


async def test_as_many_tasks_as_the_limit_run_at_the_same_time(pool: workers.Workers, tmp_path: pathlib.Path) -> None:
    tasks = [(await started(pool, tmp_path / name))[0] for name in ("first", "second")]
    assert len(children()) == 2
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_idle_processes_end_and_new_ones_follow() -> None:
    pool = workers.Workers(2, root="tests", idle_seconds=0.1)
    first = await pool.run(CHORE + "process_id")
    await until(lambda: not alive(first))
    assert await pool.run(CHORE + "process_id") != first
    await pool.close()


async def test_a_process_in_use_is_not_ended_as_idle() -> None:
    pool = workers.Workers(1, root="tests", idle_seconds=0.1)
    await pool.run(CHORE + "add", 1)
    assert await pool.run(CHORE + "busy", 0.4) == "done"
    await pool.close()


async def test_reports_arrive_in_order_on_the_event_loop_and_before_the_result(pool: workers.Workers) -> None:
    heard: list[tuple[float, str]] = []
    loop = asyncio.get_running_loop()

    def report(fraction: float, stage: str) -> None:
        assert asyncio.get_running_loop() is loop
        heard.append((fraction, stage))

    assert await pool.run(CHORE + "count", 50, report=report) == 50
    assert heard == [(step / 50, f"step {step}") for step in range(50)]


async def test_a_report_that_fails_ends_the_task_with_that_error(pool: workers.Workers) -> None:
    def report(*_: Any) -> None:
        raise ZeroDivisionError("in the report")

    with pytest.raises(ZeroDivisionError, match="in the report"):
        await pool.run(CHORE + "count", 5, report=report)
    assert await pool.run(CHORE + "add", 1, 1) == 2


async def test_cancelling_kills_the_process_at_once_and_frees_its_place(tmp_path: pathlib.Path) -> None:
    pool = workers.Workers(1, root="tests")
    task, pid = await started(pool, tmp_path / "pid")
    task.cancel()
    await until(lambda: not alive(pid))  # its work would take a minute
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await pool.run(CHORE + "add", 1, 1) == 2
    await pool.close()


async def test_cancelling_a_call_that_waits_for_a_place_takes_nothing_from_the_others(tmp_path: pathlib.Path) -> None:
    pool = workers.Workers(1, root="tests")
    first, _ = await started(pool, tmp_path / "pid")
    second, third = (asyncio.create_task(pool.run(CHORE + "add", number)) for number in (2, 3))
    await asyncio.sleep(0.01)
    second.cancel()
    first.cancel()
    assert await third == 3
    await asyncio.gather(first, second, return_exceptions=True)
    await pool.close()


async def test_a_time_limit_ends_the_work_and_its_process(pool: workers.Workers, tmp_path: pathlib.Path) -> None:
    await pool.run(CHORE + "add", 1, 1)  # the limit is for the work: it should not be spent on starting a process
    with structlog.testing.capture_logs() as lines, pytest.raises(workers.WorkTimeLimit) as caught:
        task, pid = await started(pool, tmp_path / "pid", timeout=1.5)
        await task
    assert (caught.value.code, caught.value.status) == ("time_limit", 504)
    assert "audio_worker_timeout" in [line["action"] for line in lines]
    await until(lambda: not alive(pid))
    assert await pool.run(CHORE + "add", 1, 1) == 2


async def test_the_wait_for_a_place_does_not_count_as_work() -> None:
    pool = workers.Workers(1, root="tests")
    await pool.run(CHORE + "add", 1)
    results = await asyncio.gather(*(pool.run(CHORE + "busy", 0.25, timeout=0.6) for _ in range(4)))
    assert results == ["done"] * 4
    await pool.close()


@pytest.mark.parametrize(("chore", "status"), [("segfault", -signal.SIGSEGV), ("leave", 0)])
async def test_a_crash_fails_its_own_task_alone(pool: workers.Workers, chore: str, status: int) -> None:
    other = asyncio.create_task(pool.run(CHORE + "busy", 0.5))
    with structlog.testing.capture_logs() as lines, pytest.raises(workers.WorkerCrashed) as caught:
        await pool.run(CHORE + chore)
    assert isinstance(caught.value, errors.DawgError)
    assert [line["status"] for line in lines if line["action"] == "audio_worker_crashed"] == [status]
    assert await other == "done"
    assert await pool.run(CHORE + "add", 1, 1) == 2


async def test_a_process_that_died_while_idle_is_replaced_unnoticed(pool: workers.Workers) -> None:
    pid = await pool.run(CHORE + "process_id")
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not alive(pid))
    await asyncio.sleep(0.05)
    assert await pool.run(CHORE + "process_id") != pid


async def test_when_the_process_that_starts_workers_is_killed_its_workers_end_and_others_follow(
    pool: workers.Workers, tmp_path: pathlib.Path
) -> None:
    task, pid = await started(pool, tmp_path / "pid")
    os.kill(psutil.Process(pid).ppid(), signal.SIGKILL)
    with pytest.raises(workers.WorkerCrashed):
        await task
    await until(lambda: not alive(pid))
    assert sorted(await asyncio.gather(*(pool.run(CHORE + "add", 1, number) for number in range(4)))) == [1, 2, 3, 4]


async def test_too_much_memory_is_a_clear_error_and_the_process_is_replaced() -> None:
    pool = workers.Workers(1, root="tests", memory_mb=256)
    pid = await pool.run(CHORE + "process_id")
    with pytest.raises(workers.WorkerOutOfMemory):
        await pool.run(CHORE + "devour", 400)
    await until(lambda: not alive(pid))
    assert await pool.run(CHORE + "devour", 50) == 50
    await pool.close()


async def test_errors_of_ours_come_back_as_they_were_raised(pool: workers.Workers) -> None:
    with pytest.raises(errors.PayloadTooLarge, match="Far too long") as large:
        await pool.run(CHORE + "fail", "dawg")
    assert large.value.details == {"limit": 3, "unit": "seconds"}
    with pytest.raises(errors.DependencyUnavailable) as dependency:
        await pool.run(CHORE + "fail", "dependency")
    assert dependency.value.envelope() == errors.DependencyUnavailable("database").envelope()
    with pytest.raises(chores.Peculiar) as peculiar:
        await pool.run(CHORE + "fail", "peculiar")
    assert peculiar.value.envelope() == chores.Peculiar(2, 3).envelope()
    assert (str(peculiar.value), peculiar.value.second) == ("2 and 3", 3)


@pytest.mark.parametrize(
    ("kind", "expected"), [("value", ValueError), ("stdlib", json.JSONDecodeError), ("timeout", TimeoutError)]
)
async def test_errors_of_python_keep_their_type_and_tell_where_they_came_from(
    pool: workers.Workers, kind: str, expected: type[Exception]
) -> None:
    with pytest.raises(expected) as caught:
        await pool.run(CHORE + "fail", kind)
    assert type(caught.value) is expected
    assert "chores.py" in str(caught.value.__cause__)


@pytest.mark.parametrize("kind", ["local", "exit"])
async def test_other_errors_become_internal_ones_that_tell_clients_nothing(pool: workers.Workers, kind: str) -> None:
    with pytest.raises(errors.DawgError) as caught:
        await pool.run(CHORE + "fail", kind)
    assert type(caught.value) is errors.DawgError
    assert "secret" not in caught.value.message
    assert "in fail" in str(caught.value.__cause__)
    assert await pool.run(CHORE + "add", 1, 1) == 2


async def test_results_and_arguments_that_cannot_travel_are_errors(pool: workers.Workers) -> None:
    with pytest.raises((AttributeError, TypeError)):
        await pool.run(CHORE + "unpicklable")
    with pytest.raises((AttributeError, TypeError)):
        await pool.run(CHORE + "add", lambda: None)
    assert await pool.run(CHORE + "add", 1, 1) == 2


async def test_what_libraries_print_goes_to_the_log_and_disturbs_nothing(pool: workers.Workers) -> None:
    with structlog.testing.capture_logs() as lines:
        assert await pool.run(CHORE + "chatter") == "still understood"
        await until(lambda: len([line for line in lines if line["action"] == "audio_worker_output"]) == 3)
    assert {line["event"] for line in lines if line["action"] == "audio_worker_output"} == {
        "printed to standard output",
        "written to descriptor 1",
        "printed to standard error",
    }


async def test_a_log_line_of_a_worker_keeps_its_fields_and_gets_the_request_of_the_caller(
    pool: workers.Workers,
) -> None:
    await pool.run(CHORE + "add", 1)
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        with structlog.contextvars.bound_contextvars(request_id="r-1"):
            await pool.run(CHORE + "log_a_line")
        await until(lambda: any(line["action"] == "audio_packet_damaged" for line in lines))
    line = next(line for line in lines if line["action"] == "audio_packet_damaged")
    assert (line["event"], line["log_level"], line["packet"], line["request_id"]) == (
        "A packet is damaged.",
        "warning",
        7,
        "r-1",
    )


async def test_a_worker_cannot_flood_the_log(pool: workers.Workers) -> None:
    with structlog.testing.capture_logs() as lines:
        await pool.run(CHORE + "endless_lines", 5000)
        await pool.run(CHORE + "add", 1)
    assert len(lines) < 200
    assert max(len(line["event"]) for line in lines) <= 2000


async def test_a_worker_gets_one_thread_little_priority_and_no_secrets(
    pool: workers.Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-do-not-pass-on")
    facts = await pool.run(CHORE + "facts")
    assert not any("KEY" in name or "do-not-pass-on" in value for name, value in facts["environment"].items())
    assert facts["environment"]["OPENBLAS_NUM_THREADS"] == "1"
    assert facts["niceness"] > os.nice(0)
    assert facts["stdin"] == ""


@pytest.mark.parametrize("name", ["os:getpid", "tests.audio.chores", "testsuite.x:y", "tests.audio.chores:os.getpid"])
async def test_only_functions_of_the_given_package_can_be_called(pool: workers.Workers, name: str) -> None:
    with pytest.raises(ValueError, match="is not a function of tests"):
        await pool.run(name)
    assert children() == []


async def test_closing_ends_everything_busy_waiting_or_idle(tmp_path: pathlib.Path) -> None:
    pool = workers.Workers(2, root="tests")
    await asyncio.gather(*(pool.run(CHORE + "busy", 0.05) for _ in range(2)))
    busy, pid = await started(pool, tmp_path / "first")
    other, _ = await started(pool, tmp_path / "second")
    waiting = asyncio.create_task(pool.run(CHORE + "add", 1))
    await asyncio.sleep(0.01)
    await pool.close()
    assert not alive(pid)
    assert children() == []
    for task in (busy, other, waiting):
        with pytest.raises(errors.Draining):
            await task
    with pytest.raises(errors.Draining):
        await pool.run(CHORE + "add", 1)
    await pool.close()


WHOLE_LIFE = """
import asyncio, sys
from dawg_server.audio import workers
CHORE = "tests.audio.chores:"

async def main() -> None:
    pool = workers.Workers(2, root="tests", idle_seconds=0.05)
    assert await pool.run(CHORE + "add", 1, 2) == 3
    task = asyncio.create_task(pool.run(CHORE + "busy", 60.0))
    await asyncio.sleep(0.3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for chore in ("segfault", "leave"):
        try:
            await pool.run(CHORE + chore)
        except workers.WorkerCrashed:
            pass
    try:
        await pool.run(CHORE + "busy", 60.0, timeout=0.2)
    except workers.WorkTimeLimit:
        pass
    await pool.run(CHORE + "add", 1, 2)
    await asyncio.sleep(0.3)
    busy = asyncio.create_task(pool.run(CHORE + "busy", 60.0))
    await asyncio.sleep(0.2)
    await pool.close()
    await asyncio.gather(busy, return_exceptions=True)
    assert len(asyncio.all_tasks()) == 1, asyncio.all_tasks()

if sys.argv[1] == "uvloop":
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main())
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_a_whole_life_leaves_no_warning_task_or_process_behind(loop: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-W", "always::ResourceWarning", "-c", WHOLE_LIFE, loop),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaints = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, complaints.decode()) == (0, "")


ORPHANS = """
import asyncio, pathlib, sys
from dawg_server.audio import workers
CHORE = "tests.audio.chores:"

async def main() -> None:
    pool = workers.Workers(2, root="tests")
    folder = pathlib.Path(sys.argv[1])
    busy = asyncio.create_task(pool.run(CHORE + "busy", 60.0, started=str(folder / "busy")))
    (folder / "idle").write_text(str(await pool.run(CHORE + "process_id")))
    await busy

asyncio.run(main())
"""


async def test_workers_busy_or_idle_die_with_a_server_that_is_killed(tmp_path: pathlib.Path) -> None:
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", ORPHANS, str(tmp_path))
    marks = [tmp_path / "busy", tmp_path / "idle"]
    await until(lambda: all(mark.exists() and mark.read_text() for mark in marks))
    pids = [int(mark.read_text()) for mark in marks]
    assert all(alive(pid) for pid in pids)
    server.kill()
    await server.wait()
    await until(lambda: not any(alive(pid) for pid in pids))  # their work would take a minute


async def test_a_first_call_costs_little_more_than_the_start_of_python_and_a_warm_one_almost_nothing(
    pool: workers.Workers,
) -> None:
    async def seconds(call: Awaitable[Any]) -> float:
        begin = time.monotonic()
        await call
        return time.monotonic() - begin

    first = min([await seconds(fresh_numpy()) for _ in range(4)])
    bare = min([await seconds(bare_numpy()) for _ in range(4)])
    await pool.run(CHORE + "add", 1)
    warm = sorted([await seconds(pool.run(CHORE + "add", 1)) for _ in range(50)])[10]
    assert first < 3 * bare
    assert warm < bare / 20


async def fresh_numpy() -> None:
    pool = workers.Workers(1)
    await pool.run("dawg_server.audio.filters:peaking", 48_000, 1000.0, 1.0, 1.0)
    await pool.close()


async def bare_numpy() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "import numpy")
    await process.wait()
