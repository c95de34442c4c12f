"""What `driver.Session` takes for granted of aiopg besides its public interface."""

from __future__ import annotations

import inspect
from types import CodeType
from typing import Any

import aiopg
import pytest
from aiopg.utils import ClosableQueue

from dawg_server.database import Database, driver

SIGNATURES: list[tuple[Any, str, str]] = [
    (aiopg.Connection, "_ready", "(weak_self: 'weakref.ref[Any]') -> None"),
    (aiopg.Connection, "_close", "(self) -> None"),
    (aiopg.Connection, "close", "(self) -> 'asyncio.Future[None]'"),
    (aiopg.Connection, "_poll", "(self, waiter: 'asyncio.Future[None]', timeout: float) -> None"),
    (aiopg.Connection, "_create_waiter", "(self, func_name: str) -> 'asyncio.Future[None]'"),
    (ClosableQueue, "__init__", "(self, queue: asyncio.queues.Queue, loop: asyncio.events.AbstractEventLoop)"),
]
OF_TYPES = {"_enable_json", "_enable_hstore", "_enable_uuid"}  # what only aiopg's own way to connect reads


@pytest.mark.parametrize(("owner", "name", "signature"), SIGNATURES)
def test_aiopg_still_has_the_names_that_are_overridden_or_called(owner: Any, name: str, signature: str) -> None:
    assert str(inspect.signature(getattr(owner, name))) == signature


async def test_a_session_has_the_attributes_that_aiopg_gives_its_connections(database_dsn: str) -> None:
    database = await Database.open(database_dsn)
    async with aiopg.connect(database_dsn) as theirs, database._session() as ours:
        assert set(vars(theirs)) - set(vars(ours)) == OF_TYPES
        assert set(vars(ours)) <= set(vars(theirs))
        assert {name: type(value) for name, value in vars(ours).items()} == {
            name: type(vars(theirs)[name]) for name in vars(ours)
        }
    await database.close()


@pytest.mark.parametrize(
    ("caller", "names"),
    [
        (aiopg.Connection._poll, {"_waiter", "_ready", "_weakref", "wait_for", "shield", "close"}),
        (aiopg.Connection._create_waiter, {"_waiter", "_loop", "create_future"}),
        (aiopg.Connection._close, {"_fileno", "_loop", "remove_reader", "_writing", "_conn", "_waiter"}),
        (aiopg.Connection.close, {"_close"}),
        (aiopg.Connection.closed.fget, {"_conn", "closed"}),
    ],
)
def test_aiopg_still_uses_what_is_set_and_overridden(caller: Any, names: set[str]) -> None:
    code: CodeType = caller.__code__
    assert names <= set(code.co_names)


def test_nothing_of_types_is_read_outside_of_aiopgs_way_to_connect() -> None:
    readers = {
        name
        for name, method in inspect.getmembers(aiopg.Connection, inspect.isfunction)
        if OF_TYPES & set(method.__code__.co_names)
    }
    assert readers == {"__init__", "_connect"}
    assert not readers & set(vars(driver.Session)) - {"__init__"}
