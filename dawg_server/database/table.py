"""How a kind of entities lies in its table, and how it looks as JSON: one list of fields for both ways.

What changes a table is gathered in a `Batch`, which reaches Postgres in one round trip.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dawg_server.database.pool import Connection, Database, Json

MAX_STATEMENTS = 500  # in one round trip, so that a statement timeout never meets a whole project at once


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


@dataclass(frozen=True, slots=True)
class Column:
    """`shown` reads it and `{}` is the table's alias; `stored` writes it; `json`: a jsonb column."""

    name: str
    shown: str = ""
    stored: str = "%s"
    json: bool = False

    def read(self, alias: str) -> str:
        return self.shown.format(alias) if self.shown else f"{alias}.{self.name}"

    def value(self, value: Any) -> Any:
        return Json(value) if self.json and value is not None else value


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
    def fields(self) -> tuple[str, ...]:
        return tuple(self.columns)

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
        columns = {name: self.columns[name] for name in values}
        names = ", ".join(column.name for column in columns.values())
        places = ", ".join(column.stored for column in columns.values())
        batch.add(
            f"INSERT INTO {self.table} ({names}) VALUES ({places})",
            [columns[name].value(value) for name, value in values.items()],
        )

    def update(self, batch: Batch, id: str, values: Mapping[str, Any]) -> None:
        columns = {name: self.columns[name] for name in values}
        settings = ", ".join(f"{column.name} = {column.stored}" for column in columns.values())
        batch.add(
            f"UPDATE {self.table} SET {settings} WHERE id = %s",
            [*(columns[name].value(value) for name, value in values.items()), id],
        )

    def delete(self, batch: Batch, id: str) -> None:
        batch.add(f"DELETE FROM {self.table} WHERE id = %s", [id])

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


async def projects_of(database: Database, table: Table, ids: Iterable[str]) -> dict[str, str]:
    """The project of each row that exists."""
    project = "x.project_id" if table.parent == "project" else "(SELECT project_id FROM tracks WHERE id = x.track_id)"
    rows = await database.fetch_all(
        f"SELECT x.id, {project} AS project_id FROM {table.table} x WHERE x.id = ANY(%s::uuid[])", (list(ids),)
    )
    return {row["id"]: row["project_id"] for row in rows}
