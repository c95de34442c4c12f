"""The launcher itself, because every test with Redis trusts it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import redis

from tests.servers.valkey import Valkey

REPOSITORY = Path(__file__).parents[2]


def test_a_restart_keeps_the_port_and_forgets_the_data(valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        client.set("name", "x")
    url = valkey.url
    valkey.stop()
    with redis.Redis.from_url(url) as client, pytest.raises(redis.ConnectionError):
        client.ping()
    assert valkey.start() == url
    with redis.Redis.from_url(url) as client:
        assert client.get("name") is None


def test_it_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys; from tests.servers.valkey import Valkey; server = Valkey(pathlib.Path(sys.argv[1]));"
        "server.start(); print(server.pid, flush=True); sys.stdin.read()"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.communicate()
    deadline = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(pid)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_the_sessions_redis_answers(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        assert client.ping()
