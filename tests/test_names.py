"""A name means one thing, and what needs many parts to be built has a part without a name of its own."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1]
FOLDERS = ("bus", "dawg_server", "handlers")
MOST_ARGUMENTS = 7  # of a constructor


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    """(path, class) of every class at the top of a module."""
    for folder in FOLDERS:
        for path in sorted((PROJECT / folder).rglob("*.py")):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef):
                    yield str(path.relative_to(PROJECT)), node


def test_a_class_name_means_one_thing() -> None:
    places = defaultdict(list)
    for path, found in classes():
        places[found.name].append(path)
    assert not {name: paths for name, paths in places.items() if len(paths) > 1}


def test_no_constructor_takes_more_than_seven_arguments() -> None:
    large = [
        (path, found.name)
        for path, found in classes()
        for made in found.body
        if isinstance(made, ast.FunctionDef) and made.name == "__init__"
        if len(made.args.args) + len(made.args.kwonlyargs) - 1 > MOST_ARGUMENTS
    ]
    assert not large
