"""Real servers for every test: one Postgres and one Valkey per session, one database per test."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from dawg_server.database.embedded import EmbeddedPostgres
from dawg_server.database.pool import Database
from tests.servers import scratch
from tests.servers.databases import TestDatabases, administer
from tests.servers.valkey import Valkey

pytest_plugins = ["tests.browser.fixtures", "tests.javascript.fixtures", "tests.servers.s3"]

# What failed fails again. With FUZZ_SEED set, other cases than always are made; the one that fails is printed.
hypothesis.settings.register_profile("repeatable", derandomize=not os.environ.get("FUZZ_SEED"), database=None)
hypothesis.settings.load_profile("repeatable")

gc.disable()  # what is imported is no garbage


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _interrupt(number: int, frame: object) -> None:
    """What Python does anyway. asyncio keeps its hands off a handler that is not Python's own: else each run of a loop
    installs one and takes it away, for which the text of the task is made, several times a test."""
    raise KeyboardInterrupt


signal.signal(signal.SIGINT, _interrupt)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Whatever a test has left open is told in that test, not in the one during which it happens to be collected.

    By now the test's fixtures have ended and its loop is closed. What survives is frozen: later collections look only
    at what is new, which takes milliseconds instead of a tenth of a second.
    """
    try:
        yield
    finally:
        with _errors_of_finalizers() as found:
            gc.collect()
        gc.freeze()
    if found:
        pytest.fail("left open by this test:\n" + "\n".join(found), pytrace=False)


@contextlib.contextmanager
def _errors_of_finalizers() -> Iterator[list[str]]:
    """What `__del__` methods raise meanwhile; a ResourceWarning is an error here."""
    found: list[str] = []
    usual = sys.unraisablehook
    sys.unraisablehook = lambda error: found.append(f"{error.exc_value!r} in {error.object!r}")
    try:
        yield found
    finally:
        sys.unraisablehook = usual


@pytest.fixture(scope="session")
def scratch_session() -> Iterator[Path]:
    with scratch.folder() as folder:
        yield folder


@pytest.fixture
def scratch_folder(scratch_session: Path) -> Iterator[Path]:
    """A folder for the data of a server that the test starts, on the fastest medium there is."""
    folder = Path(tempfile.mkdtemp(dir=scratch_session))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(scratch_session: Path) -> Iterator[str]:
    """The DSN of the session's own Postgres."""
    server = EmbeddedPostgres(scratch_session / "postgres")
    dsn = server.start()
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # nothing here has to survive a power cut
        administer(dsn, f"ALTER SYSTEM SET {setting} = off")
    administer(dsn, "SELECT pg_reload_conf()")
    yield dsn
    server.stop()


@pytest.fixture(scope="session")
def test_databases(postgres: str) -> Iterator[TestDatabases]:
    databases = TestDatabases(postgres)
    yield databases
    databases.close()


@pytest.fixture
def database_dsn(test_databases: TestDatabases) -> Iterator[str]:
    """The DSN of a migrated and empty database that this test has for itself."""
    with test_databases.lent() as dsn:
        yield dsn


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_dsn)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def _valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey_url(request: pytest.FixtureRequest) -> str:
    """The session's Redis: REDIS_URL when set, else a Valkey of our own. Use keys of your own; nobody cleans up."""
    given = os.environ.get("REDIS_URL")
    return given if given else request.getfixturevalue("_valkey").url


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A Valkey that this test may stop and restart."""
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.stop()
