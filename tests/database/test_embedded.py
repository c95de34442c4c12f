"""The embedded Postgres: it starts without help, dies with its server, and loses nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import aiopg
import psutil
import psycopg
import psycopg2
import pytest

from dawg_server import errors
from dawg_server.database import binaries, embedded, migrate
from tests.servers.embedded import Child

PATIENCE = 10.0  # seconds


@pytest.fixture(scope="module")
def fresh_cluster(scratch_session: Path) -> Path:
    folder = scratch_session / "fresh"
    server = embedded.EmbeddedPostgres(folder)
    server.start()
    server.stop()
    return folder


@pytest.fixture
def folder(fresh_cluster: Path, scratch_folder: Path) -> Iterator[Path]:
    """A data folder of its own in which initdb has been done."""
    folder = Path(shutil.copytree(fresh_cluster, scratch_folder / "postgres"))
    yield folder
    remove_sockets(folder)


@pytest.fixture
def new_folder(scratch_folder: Path) -> Iterator[Path]:
    """A data folder that does not exist yet."""
    yield scratch_folder / "postgres"
    remove_sockets(scratch_folder / "postgres")


def remove_sockets(folder: Path) -> None:
    """What a killed server leaves in the temporary folder, and the next start in its place would remove."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree((folder / embedded.SOCKETS_FILE).read_text(), ignore_errors=True)


@pytest.fixture
def server(folder: Path) -> Iterator[embedded.EmbeddedPostgres]:
    server = embedded.EmbeddedPostgres(folder)
    yield server
    server.stop()


def run(dsn: str, statement: str) -> object:
    """The first value of the first row, if there are rows; committed."""
    connection = psycopg2.connect(dsn)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def has_ended(pid: int) -> bool:
    deadline = time.monotonic() + PATIENCE
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def pid_of(folder: Path) -> int:
    return int((folder / "cluster" / "postmaster.pid").read_text().split()[0])


async def test_every_driver_of_ours_understands_the_dsn(server: embedded.EmbeddedPostgres) -> None:
    dsn = server.start()
    assert dsn.startswith("postgresql://")
    assert run(dsn, "SELECT 1") == 1
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT 2").fetchone() == (2,)
    async with aiopg.connect(dsn) as session, session.cursor() as cursor:
        await cursor.execute("SELECT 3")
        assert await cursor.fetchone() == (3,)
    migrate.migrate(dsn)
    assert run(dsn, "SELECT count(*) FROM users") == 0


def test_a_first_start_works_in_a_folder_that_does_not_exist_and_has_a_very_long_name(new_folder: Path) -> None:
    server = embedded.EmbeddedPostgres(new_folder / ("long-" * 20) / ("name-" * 20))
    try:
        assert run(server.start(), "SELECT lower('ÄÖ')") == "äö"
    finally:
        server.stop()


def test_rows_survive_a_stop_and_the_dsn_stays(server: embedded.EmbeddedPostgres) -> None:
    dsn = server.start()
    run(dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    with pytest.raises(psycopg2.OperationalError):
        run(dsn, "SELECT 1")
    assert server.start() == dsn
    assert run(dsn, "SELECT answer FROM kept") == 42


def test_starting_twice_costs_nothing(server: embedded.EmbeddedPostgres, folder: Path) -> None:
    dsn = server.start()
    before = pid_of(folder)
    assert server.start() == dsn
    assert pid_of(folder) == before


def test_nobody_else_can_reach_it(server: embedded.EmbeddedPostgres, folder: Path) -> None:
    dsn = server.start()
    assert run(dsn, "SHOW listen_addresses") == ""
    sockets = Path(str(run(dsn, "SHOW unix_socket_directories")).strip('"'))
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "cluster").stat().st_mode) == 0o700
    server.stop()
    assert not sockets.exists()


def test_a_killed_server_takes_its_postgres_along_and_the_next_start_finds_every_row(
    server: embedded.EmbeddedPostgres, folder: Path
) -> None:
    with Child(folder) as child:
        started = child.report()
        run(started["dsn"], "CREATE TABLE kept AS SELECT 42 AS answer")
        child.kill()
        dsn = server.start()  # at once, while the other one may still be ending
        assert has_ended(started["pid"])
    assert run(dsn, "SELECT answer FROM kept") == 42
    assert dsn != started["dsn"]


def test_a_server_killed_in_the_middle_of_its_first_start_leaves_no_half_cluster(new_folder: Path) -> None:
    with Child(new_folder) as child:
        deadline = time.monotonic() + PATIENCE
        while not list(new_folder.glob("cluster.new-*/PG_VERSION")):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        child.kill()
    assert not (new_folder / "cluster").exists(), "the kill came too late to show anything"
    server = embedded.EmbeddedPostgres(new_folder)
    try:
        assert run(server.start(), "SELECT 1") == 1
    finally:
        server.stop()


def test_a_killed_postgres_comes_back_at_the_same_dsn_with_every_row(
    server: embedded.EmbeddedPostgres, folder: Path
) -> None:
    dsn = server.start()
    run(dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    bystander = psycopg2.connect(dsn)  # a session that is still there when the new one starts
    killed = pid_of(folder)
    os.kill(killed, signal.SIGKILL)
    assert has_ended(killed)
    assert server.start() == dsn
    assert run(dsn, "SELECT answer FROM kept") == 42
    bystander.close()


def test_a_second_server_is_refused_with_one_sentence_and_does_no_harm(
    server: embedded.EmbeddedPostgres, folder: Path
) -> None:
    dsn = server.start()
    with Child(folder) as child:
        refused = child.report()["error"]
    assert "another server" in refused.lower()
    assert "DATABASE_URL" in refused
    assert "\n" not in refused
    assert run(dsn, "SELECT 1") == 1
    assert embedded.running_dsn(folder) == dsn


def test_ctrl_c_does_not_reach_postgres(folder: Path) -> None:
    with Child(folder) as child:
        started = child.report()
        session = psycopg2.connect(started["dsn"])
        child.press_ctrl_c()
        time.sleep(0.2)  # a Postgres that heard it would have ended by now
        with session.cursor() as cursor:
            cursor.execute("SELECT 1")
        session.close()
        assert run(started["dsn"], "SELECT 1") == 1


@pytest.mark.parametrize("first_line", [f"{os.getpid()}", "999999999", "", "-17"], ids=["alive", "gone", "cut", "odd"])
def test_a_pid_file_that_is_stale_or_cut_off_does_not_stop_the_start(
    server: embedded.EmbeddedPostgres, folder: Path, first_line: str
) -> None:
    (folder / "cluster" / "postmaster.pid").write_text(f"{first_line}\n{folder / 'cluster'}\n1700000000\n5432\n\n\n")
    assert run(server.start(), "SELECT 1") == 1


def test_another_process_finds_a_running_server_and_only_a_running_one(folder: Path) -> None:
    assert embedded.running_dsn(folder) is None
    with Child(folder) as child:
        started = child.report()
        assert embedded.running_dsn(folder) == started["dsn"]
        child.kill()
        assert embedded.running_dsn(folder) is None
        assert has_ended(started["pid"])


def test_keys_in_our_environment_do_not_reach_postgres(folder: Path) -> None:
    with Child(folder, ANTHROPIC_API_KEY="sk-ant-0123456789") as child:
        started = child.report()
        assert "ANTHROPIC_API_KEY" not in psutil.Process(started["pid"]).environ()


def test_an_ordinary_user_can_run_it(new_folder: Path) -> None:
    with Child(new_folder, "as-nobody") as child:
        started = child.report()
        assert "error" not in started, started
        assert run(started["dsn"], "SELECT 1") == 1
        child.kill()
        assert has_ended(started["pid"])


def test_root_can_run_it_where_user_namespaces_are_forbidden_and_back_where_they_are_not(new_folder: Path) -> None:
    ours = os.geteuid()
    for options, owner in (((), ours), (("without-namespaces",), ours or binaries.NOBODY), ((), ours)):
        with Child(new_folder, *options) as child:
            started = child.report()
            assert "error" not in started, started
            assert (new_folder / "cluster").stat().st_uid == owner
            assert run(started["dsn"], "SELECT 1") == 1
            child.kill()
            assert has_ended(started["pid"])


def test_a_cluster_of_a_version_that_is_not_installed_is_named_in_one_sentence(
    server: embedded.EmbeddedPostgres, folder: Path
) -> None:
    (folder / "cluster" / "PG_VERSION").write_text("9\n")
    with pytest.raises(errors.ConfigurationError, match=r"written by Postgres 9\b.*DATABASE_URL"):
        server.start()


def test_a_damaged_cluster_is_reported_in_one_sentence(server: embedded.EmbeddedPostgres, folder: Path) -> None:
    (folder / "cluster" / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(errors.ConfigurationError, match="does not start") as caught:
        server.start()
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_reported_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(errors.ConfigurationError, match="cannot start"):
        embedded.EmbeddedPostgres(tmp_path / "file" / "postgres").start()


def test_an_idle_one_takes_little_memory(server: embedded.EmbeddedPostgres, folder: Path) -> None:
    server.start()
    postmaster = psutil.Process(pid_of(folder))
    pss = sum(process.memory_full_info().pss for process in (postmaster, *postmaster.children(recursive=True)))
    assert pss < 35 * 2**20
