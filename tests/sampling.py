"""Which cases of a kind run always, and which are left to the endurance runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def sample(cases: Iterable[Any], *always: Any) -> list[Any]:
    """All of the cases for `parametrize`; those that are not among `always` run with `--long` alone.

    A case of several values is a tuple.
    """
    every = list(cases)
    unknown = [case for case in always if case not in every]
    assert not unknown, f"no such cases: {unknown}"
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=() if case in always else pytest.mark.long)
        for case in every
    ]
