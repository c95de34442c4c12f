"""Imports point down: the API layer to the services, the services to the infrastructure, and SQL stays in one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
COMPOSITION_ROOT = {"dawg_server/app.py", "dawg_server/__main__.py"}


def imports(folder: str) -> Iterator[tuple[str, str]]:
    """(file, module that it imports)."""
    for path in (PROJECT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = str(path.relative_to(PROJECT))
            if isinstance(node, ast.Import):
                yield from ((name, each.name) for each in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from ((name, f"{node.module}.{each.name}") for each in node.names)


@pytest.mark.parametrize(
    ("folder", "never"),
    [("handlers", ("dawg_server.database",)), ("dawg_server", ("handlers",)), ("bus", ("dawg_server", "handlers"))],
)
def test_no_import_points_up_or_past_a_layer(folder: str, never: tuple[str, ...]) -> None:
    found = [
        (name, module)
        for name, module in imports(folder)
        if name not in COMPOSITION_ROOT and any(f"{module}.".startswith(f"{each}.") for each in never)
    ]
    assert found == []
