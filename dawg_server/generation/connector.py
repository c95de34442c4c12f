"""procrastinate over our own pool: one driver, one place that finds Postgres again after an outage."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import psycopg2  # type: ignore[import-untyped]
from procrastinate import connector, exceptions

from bus.supervision import SupervisedLoop
from dawg_server import errors
from dawg_server.database import Json, UniqueViolation, constraint
from dawg_server.database.pool import Database, Row

LOOK = '{"type": "job_inserted", "job_id": 0}'  # for what was announced while nobody listened


class PoolConnector(connector.BaseAsyncConnector):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_async(self, pool: Any = None) -> None:
        """The pool is open already, and its owner closes it."""

    async def close_async(self) -> None:
        """As above."""

    async def execute_query_async(self, query: str, **arguments: Any) -> None:
        await self._rows(query, arguments)

    async def execute_query_one_async(self, query: str, **arguments: Any) -> Row:
        rows = await self._rows(query, arguments)
        if not rows:
            raise exceptions.NoResult
        return rows[0]

    async def execute_query_all_async(self, query: str, **arguments: Any) -> list[Row]:
        return await self._rows(query, arguments)

    async def listen_notify(self, on_notification: connector.Notify, channels: Iterable[str]) -> None:
        """Passes notifications on until cancelled. While the database is away, polling is the net below."""
        names = tuple(channels)

        async def listen() -> None:
            async with self._database.notifications(*names) as notifications:
                listening.succeed()
                await on_notification(channel=names[0], payload=LOOK)
                while True:
                    notification = await notifications.get()
                    await on_notification(channel=notification.channel, payload=notification.payload)

        expected = (errors.DependencyUnavailable, psycopg2.Error)
        listening = SupervisedLoop("job-listener", listen, doing="Listening for new jobs", expected=expected)
        listening.start()
        try:
            await asyncio.Event().wait()
        finally:
            await listening.close()

    async def _rows(self, query: str, arguments: dict[str, Any]) -> list[Row]:
        try:
            return await self._database.fetch_all(query, {name: _adapted(value) for name, value in arguments.items()})
        except UniqueViolation as error:
            raise exceptions.UniqueViolation(constraint_name=constraint(error), queueing_lock=None) from error
        except (errors.DependencyUnavailable, psycopg2.Error) as error:
            raise exceptions.ConnectorException from error


def _adapted(value: Any) -> Any:
    return Json(value) if isinstance(value, dict) else value
