"""The process as its users start, stop and kill it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from tests.javascript.client import JavaScript
from tests.sampling import sample
from tests.servers.dawg import PROJECT, DawgProcess

BEAT = {"genre": "house", "duration": 5}
JOBS = 20


async def _post(process: DawgProcess, path: str, body: dict[str, Any]) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.post(process.url + path, json=body) as reply:
        assert reply.status == 202, await reply.text()
        return dict(await reply.json())


async def _get(process: DawgProcess, path: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(process.url + path) as reply:
        return dict(await reply.json())


def _postgres_of(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if "postgres" in process.name() and str(folder) in " ".join(process.cmdline()):
                found.append(process)
    return found


@pytest.mark.long
async def test_twenty_jobs_survive_kill_9_and_end_exactly_once(tmp_path: Path, javascript: JavaScript) -> None:
    async with DawgProcess(tmp_path, JOBS_WAITING_PER_USER="50", JOBS_PER_MINUTE="100", CPU_WORKERS="2") as process:
        jobs = [(await _post(process, "/api/generate/beat", BEAT))["jobId"] for _ in range(JOBS)]
        before = await javascript.connect(process.url)
        async with asyncio.timeout(60):
            while (await _get(process, "/api/generate/queue/stats"))["stats"]["completed"] < 2:
                await asyncio.sleep(0.05)
        await process.stop(signal.SIGKILL)
        async with asyncio.timeout(10):
            while _postgres_of(tmp_path):  # it ends its sessions and writes a checkpoint first
                await asyncio.sleep(0.05)
        done_before = [news[0]["jobId"] for name, news in before.events if name == "generation:completed"]

        await process.start()
        after = await javascript.connect(process.url)
        async with asyncio.timeout(100):
            while (await _get(process, "/api/generate/queue/stats"))["stats"]["completed"] < JOBS:
                await asyncio.sleep(0.2)
        stats = (await _get(process, "/api/generate/queue/stats"))["stats"]
        assert stats == {"waiting": 0, "active": 0, "completed": JOBS, "failed": 0, "cancelled": 0, "total": 0}
        await asyncio.sleep(0.2)
        told = done_before + [news[0]["jobId"] for name, news in after.events if name == "generation:completed"]
        assert len(told) == len(set(told))
        assert set(told) <= set(jobs)
        files = [path for path in (tmp_path / "data" / "files").rglob("*") if path.is_file()]
        assert len([path for path in files if path.suffix == ".flac"]) == 5 * JOBS  # the mix and four stems
        assert not [path for path in files if path.name.startswith(".")]
        assert await process.stop() == 0
        assert _postgres_of(tmp_path) == []


async def test_sigterm_tells_clients_hands_jobs_back_and_exits_cleanly(tmp_path: Path, javascript: JavaScript) -> None:
    async with DawgProcess(tmp_path) as process:
        browser = await javascript.connect(process.url)
        job = (await _post(process, "/api/generate/beat", BEAT | {"duration": 120}))["jobId"]
        await browser.wait_for("generation:started", timeout=30)
        assert await process.stop() == 0
        news = await browser.wait_for("server:draining")
        assert 0 <= news["reconnectAfterMs"] <= 5000
        actions = [line["action"] for line in process.log()]
        assert actions.index("draining") < actions.index("job_handed_back") < actions.index("stopped")
        assert not [line for line in process.log() if line["level"] in ("error", "critical")]
        assert "Traceback" not in process.errors()
        assert "never" not in process.errors()

        await process.start()
        status = await _get(process, f"/api/generate/status/{job}")
        assert status["state"] in ("waiting", "active")
        assert status["status"]["attemptsMade"] <= 1
        assert await process.stop() == 0


def test_as_many_connections_as_the_machine_allows_may_be_open() -> None:
    """Where a shell allows fewer to begin with."""
    script = (
        "import resource as r; from dawg_server import listeners; n = r.RLIMIT_NOFILE; most = r.getrlimit(n)[1];"
        "r.setrlimit(n, (256, most)); listeners.raise_open_files(); print(r.getrlimit(n) == (most, most))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "True\n"


async def test_a_killed_postgres_comes_back_by_itself(tmp_path: Path) -> None:
    async with DawgProcess(tmp_path) as process:
        (before,) = _postgres_of(tmp_path)
        before.send_signal(signal.SIGKILL)
        async with asyncio.timeout(20):
            while not [each for each in _postgres_of(tmp_path) if each.pid != before.pid]:
                await asyncio.sleep(0.05)
            while (await _get(process, "/health"))["status"] != "healthy":
                await asyncio.sleep(0.1)
        job = (await _post(process, "/api/generate/beat", BEAT))["jobId"]
        async with asyncio.timeout(30):
            while (await _get(process, f"/api/generate/status/{job}"))["state"] != "completed":
                await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"PORT": "nonsense"}, "PORT"),
        ({"DATABASE_URL": "postgresql://nobody:secret-pass@127.0.0.1:1/none"}, "DATABASE_URL"),
        ({"WEBSOCKET_REDIS_ADAPTER": "true"}, "REDIS_URL"),
        ({"JWT_SECRET": "short"}, "JWT_SECRET"),
        ({"CORS_ORIGINS": "*"}, "CORS_ORIGINS"),
        ({"HOST": "203.0.113.7", "ALLOW_DEVELOPMENT_MODE": "true"}, "HOST"),
        ({"HOST": "0.0.0.0"}, "ALLOW_DEVELOPMENT_MODE"),
        ({"PUBLIC_URL": "https://dawg.example"}, "ALLOW_DEVELOPMENT_MODE"),
        ({"RAILWAY_ENVIRONMENT": "production"}, "ALLOW_DEVELOPMENT_MODE"),
        ({"RAILWAY_REPLICA_ID": "r1", "HOST": "127.0.0.1"}, "ALLOW_DEVELOPMENT_MODE"),
    ],
)
def test_a_start_that_cannot_work_says_why_in_one_sentence(
    tmp_path: Path, variables: dict[str, str], words: str
) -> None:
    done = _run(
        [],
        {"DATA_DIR": str(tmp_path), "PORT": "0", **variables}
        if "PORT" in variables
        else {"DATA_DIR": str(tmp_path), "PORT": str(_free_port()), **variables},
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "secret-pass" not in done.stdout + done.stderr


def test_a_taken_port_is_told_before_anything_else_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = _run([], {"DATA_DIR": str(tmp_path), "PORT": str(port), "HOST": "127.0.0.1"})
    assert done.returncode == 2
    assert f"Port {port}" in done.stderr
    assert not (tmp_path / "postgres").exists()


def test_help_names_every_variable() -> None:
    from dawg_server import settings

    done = _run(["--help"], {})
    assert done.returncode == 0
    assert [name for name, _, _ in settings.describe() if name not in done.stdout] == []


@pytest.mark.parametrize("command", sample(["--help", "openapi", "asyncapi"], "--help", "openapi"))
def test_a_reader_that_has_seen_enough_is_no_error(command: str) -> None:
    ended = subprocess.run(
        ["bash", "-c", '"$0" -m dawg_server "$1" | head -c 1; echo " ${PIPESTATUS[0]}"', sys.executable, command],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stderr == ""
    assert ended.stdout.split()[1] in ("0", "141")  # the first when all of it was taken by the pipe in time


async def test_a_worker_of_its_own_does_the_jobs_of_a_server_that_does_none(tmp_path: Path) -> None:
    async with DawgProcess(tmp_path, JOB_CONCURRENCY="0") as process:
        job = (await _post(process, "/api/generate/beat", BEAT))["jobId"]
        environment = {**os.environ, "DATA_DIR": str(tmp_path / "data"), "LOG_FORMAT": "json"}
        with (tmp_path / "worker").open("wb") as out:
            worker = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "dawg_server", "worker", cwd=PROJECT, env=environment, stdout=out, stderr=out
            )
        async with asyncio.timeout(40):
            while (await _get(process, f"/api/generate/status/{job}"))["state"] != "completed":
                await asyncio.sleep(0.1)
        worker.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await worker.wait() == 0


def _run(arguments: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | variables
    return subprocess.run(
        [sys.executable, "-m", "dawg_server", *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listening(process: DawgProcess) -> set[str]:
    found = psutil.Process(process.pid).net_connections("tcp")
    return {each.laddr.ip for each in found if each.status == psutil.CONN_LISTEN and each.laddr.port == process.port}


@pytest.mark.parametrize(
    ("variables", "addresses"),
    [
        ({}, {"127.0.0.1", "::1"} if socket.has_dualstack_ipv6() else {"127.0.0.1"}),
        pytest.param({"ALLOW_DEVELOPMENT_MODE": "true", "HOST": "0.0.0.0"}, {"0.0.0.0"}, marks=pytest.mark.long),
        pytest.param(
            {"ALLOW_DEVELOPMENT_MODE": "true", "RAILWAY_PROJECT_ID": "p"},
            {"::"} if socket.has_dualstack_ipv6() else {"0.0.0.0"},
            marks=pytest.mark.long,
        ),
        ({"JWT_SECRET": "x" * 32}, {"::"} if socket.has_dualstack_ipv6() else {"0.0.0.0"}),
    ],
)
async def test_who_can_reach_the_server_depends_on_sign_in(
    tmp_path: Path, database_dsn: str, variables: dict[str, str], addresses: set[str]
) -> None:
    async with DawgProcess(tmp_path, DATABASE_URL=database_dsn, **variables) as process:
        assert listening(process) == addresses
        warnings = [line for line in process.log() if line["action"] == "development_mode"]
        assert [line["level"] for line in warnings] == ([] if "JWT_SECRET" in variables else ["warning"])


async def test_replicas_that_keep_files_apart_are_warned_of_at_the_start(
    tmp_path: Path, database_dsn: str, valkey_url: str
) -> None:
    options = {"DATABASE_URL": database_dsn, "REDIS_URL": valkey_url, "WEBSOCKET_REDIS_ADAPTER": "true"}
    async with DawgProcess(tmp_path, **options) as process:
        (warning,) = [line for line in process.log() if line["action"] == "files_not_shared"]
        assert (warning["level"], "AWS_S3_BUCKET" in warning["message"]) == ("warning", True)


async def test_the_lines_of_each_service_are_found_by_its_name(tmp_path: Path, javascript: JavaScript) -> None:
    """`railway logs | grep "ai-brain"`, as docs/deployment.md promises; Railway shows what is on standard output."""
    async with DawgProcess(tmp_path) as process:
        for namespace in ("/", "/ai-brain", "/voice"):
            await javascript.connect(process.url, namespace=namespace)
        found = {}
        for words in ("ai-brain", '"service":"voice"', '"level":"error"'):
            grep = await asyncio.create_subprocess_exec(
                "grep", words, str(tmp_path / "log"), stdout=asyncio.subprocess.PIPE
            )
            lines, _ = await grep.communicate()
            found[words] = [json.loads(line) for line in lines.splitlines()]
    assert {line["service"] for line in found["ai-brain"]} == {"ai-brain"}
    assert {line["service"] for line in found['"service":"voice"']} == {"voice"}
    assert all(
        "socket_connected" in {line["action"] for line in found[words]} for words in ("ai-brain", '"service":"voice"')
    )
    assert found['"level":"error"'] == []


@pytest.mark.parametrize("variables", [{}, {"JWT_SECRET": "s" * 40}])
async def test_the_calls_that_are_told_at_the_start_work_as_they_stand(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    async with DawgProcess(tmp_path, **variables) as process:
        told = process.errors().replace("\\\n", " ")
        filled = {"<8 characters or more>": "correct horse"}
        for call in re.findall(r"curl .*?(?=   +\(|$)", told, re.M):
            for blank, value in filled.items():
                call = call.replace(blank, value)
            shell = await asyncio.create_subprocess_shell(call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            answer = json.loads((await asyncio.wait_for(shell.communicate(), 30))[0])
            assert answer.get("code") in (None, "job_not_completed"), (call, answer)
            filled |= {f"<{name}>": value for name, value in answer.items() if isinstance(value, str)}
        assert "<jobId>" in filled
        assert ("<token>" in filled) is bool(variables)
