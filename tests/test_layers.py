"""Imports point down only: `handlers` on `dawg_server` on `bus`; the API layer never asks the database itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# (layer, what it must not import). The composition root alone sits on top of everything.
LAYERS = (
    ("bus", ("dawg_server", "handlers")),
    ("dawg_server", ("handlers",)),
    ("dawg_server/database", ("dawg_server.daw", "dawg_server.audiofiles", "dawg_server.archives")),
    ("dawg_server/schema", ("dawg_server.database", "dawg_server.daw")),
    ("handlers", ("dawg_server.database",)),
)
COMPOSITION_ROOT = {"dawg_server/app.py", "dawg_server/serving.py", "dawg_server/__main__.py"}


def imported(path: Path) -> Iterator[str]:
    """Modules that are imported when the module runs; what is for type checkers alone does not count."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


@pytest.mark.parametrize(("layer", "above"), LAYERS)
def test_no_import_points_up_or_past_a_layer(layer: str, above: tuple[str, ...]) -> None:
    wrong = {
        f"{name} imports {module}"
        for path in sorted((ROOT / layer).rglob("*.py"))
        if (name := str(path.relative_to(ROOT))) not in COMPOSITION_ROOT
        for module in imported(path)
        if any(module == each or module.startswith(f"{each}.") for each in above)
    }
    assert wrong == set()


def test_the_process_that_serves_loads_nothing_that_computes_and_no_sdk() -> None:
    """Their work is done in worker processes, or they are loaded with their first use: a fresh server is small and
    starts at once."""
    heavy = ("numpy", "scipy", "av", "soundfile", "soxr", "anthropic", "openai", "replicate", "aiobotocore")
    script = f"import sys, dawg_server.serving; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("", "")
