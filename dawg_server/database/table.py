"""How a kind of entities lies in its table, and how it looks as JSON: one list of fields for both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dawg_server.database.batch import Batch
from dawg_server.database.values import Json


def moment(expression: str) -> str:
    """A timestamptz as ISO-8601 in UTC with milliseconds and `Z`."""
    return f"""to_char({expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""


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

    `parent`: what a row hangs on, `project` or `track`, by a column such as `track_id`.
    """

    table: str
    columns: Mapping[str, Column]
    extra: Mapping[str, str]
    parent: str = "project"

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.columns)

    def json(self, alias: str, more: Iterable[str] = ()) -> str:
        """An expression for a row as an object; `more` are further pairs, as `'name', expression`."""
        shown = [f"'{name}', {column.read(alias)}" for name, column in self.columns.items()]
        shown += [f"'{name}', {expression.format(alias)}" for name, expression in self.extra.items()]
        return f"json_build_object({', '.join([*shown, *more])})"

    def within(self, alias: str, project: str) -> str:
        """A condition: whether the row `alias` is in the project, which is an expression for its id."""
        if self.parent == "project":
            return f"{alias}.project_id = {project}"
        return f"{alias}.track_id IN (SELECT id FROM tracks WHERE project_id = {project})"

    def listed(self, project: str) -> str:
        """An expression for all rows of the project as a JSON array, oldest first."""
        return f"""(SELECT coalesce(json_agg({self.json("x")} ORDER BY x.created_at, x.id), '[]'::json)
            FROM {self.table} x WHERE {self.within("x", project)})"""

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


TIMES = {"createdAt": moment("{0}.created_at"), "updatedAt": moment("{0}.updated_at")}


def plain(*names: str) -> dict[str, Column]:
    """Fields whose columns have the same name in snake_case."""
    return {name: Column("".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name)) for name in names}
