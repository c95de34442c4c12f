"""How a kind of entities lies in its table, and how it looks as JSON: one list of fields for both ways.

What changes a table is gathered in a `Batch`, which reaches Postgres in one round trip.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dawg_server.database.pool import Connection, Database, Json

MAX_STATEMENTS = 500  # in one round trip, so that a statement timeout never meets a whole project at once
MAX_ROWS = 200  # that one statement writes: their JSON is made and quoted at one go
MAX_NOTED = 5_000  # items in the lists of these rows, likewise


def moment(expression: str) -> str:
    """A timestamptz as ISO-8601 in UTC with milliseconds and `Z`."""
    return f"""to_char({expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""


def decibels(column: str) -> str:
    """A gain in dB as `schema.Decibels` shows it: null below -144 dB. `{}` is the table's alias."""
    found = f"20 * log({{0}}.{column})"
    return f"CASE WHEN {{0}}.{column} >= 1e-8 AND {found} >= -144 THEN round(({found})::numeric, 4)::float8 END"


class Batch:
    """Statements that are sent together and run one after the other, each seeing what the ones before it did."""

    def __init__(self) -> None:
        self._statements: list[_Statement] = []
        self._connection: Connection | None = None  # that sends what is complete, while more is added
        self._running: asyncio.Task[int] | None = None

    def add(self, sql: str, parameters: Sequence[Any]) -> None:
        self._statements.append(_Statement(sql, parameters))

    def add_row(self, sql: str, row: Mapping[str, Any]) -> None:
        """A row that one statement writes together with those before it that are written by the same one.

        Its one parameter is all of them as JSON.
        """
        last = self._statements[-1] if self._statements else None
        size = _size(row)
        if last is None or last.sql != sql or not last.takes(row, size):
            last = _Statement(sql, (), [])
            self._statements.append(last)
            self._send_complete()
        last.add(row, size)

    def __len__(self) -> int:
        return len(self._statements)

    @contextlib.asynccontextmanager
    async def sent(self, connection: Connection, *, finish: bool = False) -> AsyncIterator[None]:
        """Of much, Postgres runs what is complete while more is added inside; at the end everything has been run.

        Nothing else may use the connection meanwhile. `finish`: as of `run`.
        """
        self._connection = connection
        try:
            yield
            if self._running is not None:
                await self._running
            await self.run(connection, finish=finish)
        finally:
            if self._running is not None and not self._running.done():
                self._running.cancel()
                await asyncio.wait([self._running])

    def _send_complete(self) -> None:
        if self._connection is None or len(self._statements) < 2 or not self._statements[-2].is_large:
            return
        if self._running is not None and (not self._running.done() or self._running.exception() is not None):
            return  # what went wrong is raised at the end
        first = self._statements.pop(0)
        self._running = asyncio.create_task(self._connection.execute(first.sql, first.values()), name="batch")

    async def run(self, connection: Connection, *, finish: bool = False) -> None:
        """`finish`: nothing else belongs to the transaction, which ends with them."""
        chunks: list[list[_Statement]] = [[]]
        for each in self._statements:
            if chunks[-1] and (each.is_large or len(chunks[-1]) >= MAX_STATEMENTS):
                chunks.append([])
            chunks[-1].append(each)
            if each.is_large:
                chunks.append([])
        chunks = [chunk for chunk in chunks if chunk]
        for chunk in chunks:
            await (connection.finish if finish and chunk is chunks[-1] else connection.execute)(
                ";\n".join(each.sql for each in chunk), [value for each in chunk for value in each.values()]
            )


class _Statement:
    def __init__(self, sql: str, parameters: Sequence[Any], rows: list[Mapping[str, Any]] | None = None) -> None:
        self.sql, self.rows = sql, rows
        self._parameters = parameters
        self._size = 0
        self._ids: set[Any] = set()

    @property
    def is_large(self) -> bool:
        return self.rows is not None and len(self.rows) > 1

    def takes(self, row: Mapping[str, Any], size: int) -> bool:
        full = self.rows is None or len(self.rows) >= MAX_ROWS or self._size + size > MAX_NOTED
        return not full and row.get("id") not in self._ids

    def add(self, row: Mapping[str, Any], size: int) -> None:
        assert self.rows is not None
        self.rows.append(row)
        self._size += size
        self._ids.add(row.get("id"))

    def values(self) -> Sequence[Any]:
        return self._parameters if self.rows is None else (Json(self.rows),)


def _size(row: Mapping[str, Any]) -> int:
    """About how many items a row has, with those of its lists, such as the notes of a clip, also in a logged change."""
    found = len(row)
    for value in row.values():
        if type(value) is dict:
            found += _size(value)
        elif type(value) is list:
            found += len(value)
    return found


@dataclass(frozen=True, slots=True)
class Column:
    """`shown` reads it and `{}` is the table's alias; `absent` is the value that is stored as null; `json`: jsonb."""

    name: str
    shown: str = ""
    absent: str | None = None
    json: bool = False

    def read(self, alias: str) -> str:
        return self.shown.format(alias) if self.shown else f"{alias}.{self.name}"

    def value(self, value: Any) -> Any:
        """As JSON for the column."""
        return None if value == self.absent else value


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` are what changes may set, by the field's name on the wire; `extra` are expressions that only show.

    `parent`: what a row hangs on, `project` or `track`, by a column such as `track_id`. `sorted_by`: fields. `parts`:
    tables whose rows hang on a row of this one and are always shown with it, by the name of their list.
    """

    table: str
    columns: Mapping[str, Column]
    extra: Mapping[str, str]
    parent: str = "project"
    sorted_by: tuple[str, ...] = ("createdAt", "id")
    parts: Mapping[str, Table] = field(default_factory=dict)

    @property
    def fields(self) -> Collection[str]:
        return self.columns.keys()

    def json(self, alias: str) -> str:
        """An expression for a row as an object."""
        shown = [f"'{name}', {column.read(alias)}" for name, column in self.columns.items()]
        shown += [f"'{name}', {expression.format(alias)}" for name, expression in self.extra.items()]
        for name, part in self.parts.items():
            shown.append(f"'{name}', {part.array('part', f'part.{part.parent}_id = {alias}.id')}")
        return f"json_build_object({', '.join(shown)})"

    def order(self, alias: str) -> str:
        return ", ".join(f"{alias}.{_SORTED.get(name) or self.columns[name].name}" for name in self.sorted_by)

    def within(self, alias: str, project: str) -> str:
        """A condition: whether the row `alias` is in the project, which is an expression for its id."""
        if self.parent == "project":
            return f"{alias}.project_id = {project}"
        return f"{alias}.track_id IN (SELECT id FROM tracks WHERE project_id = {project})"

    def array(self, alias: str, where: str) -> str:
        """An expression for rows as a JSON array, sorted."""
        return f"""(SELECT coalesce(json_agg({self.json(alias)} ORDER BY {self.order(alias)}), '[]'::json)
            FROM {self.table} {alias} WHERE {where})"""

    def listed(self, project: str) -> str:
        """An expression for all rows of the project as a JSON array."""
        return self.array("x", self.within("x", project))

    def insert(self, batch: Batch, values: Mapping[str, Any]) -> None:
        names = ", ".join(self.columns[name].name for name in values)
        batch.add_row(f"INSERT INTO {self.table} ({names}) SELECT {names} FROM {self._rows}", self._row(values))

    def update(self, batch: Batch, id: str, values: Mapping[str, Any]) -> None:
        settings = ", ".join(f"{name} = new.{name}" for name in (self.columns[each].name for each in values))
        batch.add_row(
            f"UPDATE {self.table} SET {settings} FROM {self._rows} AS new WHERE {self.table}.id = new.id",
            {**self._row(values), "id": id},
        )

    def delete(self, batch: Batch, id: str) -> None:
        batch.add_row(f"DELETE FROM {self.table} USING {self._rows} AS old WHERE {self.table}.id = old.id", {"id": id})

    @property
    def _rows(self) -> str:
        return f"json_populate_recordset(NULL::{self.table}, %s::json)"

    def _row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {self.columns[name].name: self.columns[name].value(value) for name, value in values.items()}

    def reorder(self, batch: Batch, places: Iterable[Mapping[str, Any]]) -> None:
        """`places`: `{id, order}` of the rows that move."""
        pairs, column = list(places), self.columns["order"].name
        batch.add(
            f"""UPDATE {self.table} SET {column} = wanted.place
                FROM unnest(%s::uuid[], %s::integer[]) AS wanted (id, place) WHERE {self.table}.id = wanted.id""",
            [[pair["id"] for pair in pairs], [pair["order"] for pair in pairs]],
        )


TIMES = {"createdAt": moment("{0}.created_at"), "updatedAt": moment("{0}.updated_at")}
_SORTED = {"createdAt": "created_at"}


def plain(*names: str) -> dict[str, Column]:
    """Fields whose columns have the same name in snake_case."""
    return {name: Column("".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name)) for name in names}


async def select(
    database: Database | Connection,
    table: Table,
    where: str,
    values: Sequence[Any],
    *,
    limit: int | None = None,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """The rows `x` for which the condition is true, sorted."""
    rows = await database.fetch_all(
        f"""SELECT {table.json("x")} AS row FROM {table.table} x WHERE {where}
            ORDER BY {table.order("x")} LIMIT %s OFFSET %s""",
        (*values, limit, offset),
    )
    return [row["row"] for row in rows]


async def of_project(
    database: Database | Connection, table: Table, project_id: str, *, limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """Every row of a project, sorted."""
    return await select(database, table, table.within("x", "%s"), (project_id,), limit=limit, offset=offset)


async def get(
    database: Database | Connection, table: Table, project_id: str, ids: Iterable[str]
) -> list[dict[str, Any]]:
    """Those of the rows that exist in that project."""
    where = f"{table.within('x', '%s')} AND x.id = ANY(%s::uuid[])"
    return await select(database, table, where, (project_id, list(ids)))


async def naming(
    database: Database | Connection, table: Table, project_id: str, field: str, id: str
) -> list[dict[str, Any]]:
    """The rows of a project whose field is this id."""
    where = f"{table.within('x', '%s')} AND x.{table.columns[field].name} = %s::uuid"
    return await select(database, table, where, (project_id, id))


async def count(database: Database | Connection, table: Table, project_id: str) -> int:
    query = f"SELECT count(*) FROM {table.table} x WHERE {table.within('x', '%s')}"
    return int(await database.fetch_value(query, (project_id,)))


async def total(database: Database | Connection, table: Table, project_id: str, column: str) -> int:
    """The sum of a column."""
    query = f"SELECT coalesce(sum(x.{column}), 0) FROM {table.table} x WHERE {table.within('x', '%s')}"
    return int(await database.fetch_value(query, (project_id,)))


async def projects_of(database: Database, table: Table, ids: Iterable[str]) -> dict[str, str]:
    """The project of each row that exists."""
    project = "x.project_id" if table.parent == "project" else "(SELECT project_id FROM tracks WHERE id = x.track_id)"
    rows = await database.fetch_all(
        f"SELECT x.id, {project} AS project_id FROM {table.table} x WHERE x.id = ANY(%s::uuid[])", (list(ids),)
    )
    return {row["id"]: row["project_id"] for row in rows}
