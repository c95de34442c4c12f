"""Fits the arguments that a client sent to the ones that a handler takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

Handler = Callable[..., Any]


class Arity:
    """How many positional arguments a handler needs and takes, looked up once per handler."""

    def __init__(self) -> None:
        self._known: dict[Handler, tuple[int, int | None]] = {}

    def fit(self, handler: Handler, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Fills up with `None` what a client left out and cuts off what the handler has no name for."""
        known = self._known.get(handler)
        if known is None:
            known = self._known[handler] = _arity(handler)
        least, most = known
        count = len(arguments)
        if count < least:
            return arguments + (None,) * (least - count)
        return arguments if most is None or count <= most else arguments[:most]


def _arity(handler: Handler) -> tuple[int, int | None]:
    parameters = inspect.signature(handler).parameters.values()
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    least = sum(each.default is each.empty for each in positional)
    open_ended = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    return least, None if open_ended else len(positional)
