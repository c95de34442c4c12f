"""Several statements in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dawg_server.database.pool import Connection

MAX_STATEMENTS = 500  # in one round trip, so that a statement timeout never meets a whole project at once


class Batch:
    """Statements that are sent together and run one after the other, each seeing what the ones before it did."""

    def __init__(self) -> None:
        self._statements: list[tuple[str, Sequence[Any]]] = []

    def add(self, sql: str, parameters: Sequence[Any]) -> None:
        self._statements.append((sql, parameters))

    async def run(self, connection: Connection, *, finish: bool = False) -> None:
        """`finish`: nothing else belongs to the transaction, which ends with them."""
        for start in range(0, len(self._statements), MAX_STATEMENTS):
            chunk = self._statements[start : start + MAX_STATEMENTS]
            last = finish and start + MAX_STATEMENTS >= len(self._statements)
            await (connection.finish if last else connection.execute)(
                ";\n".join(sql for sql, _ in chunk), [value for _, parameters in chunk for value in parameters]
            )
