"""The README is kept true by the code."""

from __future__ import annotations

import re
from pathlib import Path

from dawg_server import settings

README = Path(__file__).parents[1] / "README.md"


def table() -> str:
    rows = [
        f"| `{name}` | {f'`{default}`' if default else ''} | {help} |" for name, default, help in settings.describe()
    ]
    return "\n".join(["| Variable | Default | Meaning |", "| --- | --- | --- |", *rows])


def test_the_table_of_settings_is_that_of_the_code() -> None:
    match = re.search(r"<!-- settings -->\n(.*)<!-- /settings -->", README.read_text(), re.DOTALL)
    assert match is not None
    assert match[1].strip() == table(), "replace the table in README.md by this one:\n" + table()


def test_every_path_that_the_readme_names_in_the_house_exists() -> None:
    section = README.read_text().partition("## Structure")[2]
    for name in re.findall(r"`((?:\w+/)+|\w+\.py)`", section):
        assert (README.parent / name).exists() or list(README.parent.glob(f"*/{name}")), name


def test_the_commands_of_the_readme_exist() -> None:
    text = README.read_text()
    for script in re.findall(r"^sh (\w+\.sh)", text, re.MULTILINE):
        assert (README.parent / script).exists()
    for module in re.findall(r"python -m (tests\.\S+)", text):
        assert (README.parent / (module.replace(".", "/") + ".py")).exists()
