"""What a command is: a name, who may use it, its parameters, and what it does to the working copy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dawg_server.daw.draft import Draft
from dawg_server.schema import AnyField, Parameters, parameters

Plan = Callable[[Draft, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Changes the draft; returns what the caller is told, such as `{"track": …}`. Raises before the first change."""


@dataclass(frozen=True, slots=True)
class Command:
    """A request to change a project. `parameters` are JSON as they came, and are checked when it is executed, unless
    they are `checked`: then they are what fields of the command's own declaration made of them.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Spec:
    """`help` is a sentence that tells people and models what the command does."""

    name: str
    help: str
    parameters: Parameters
    plan: Plan
    role: Literal["viewer", "editor", "owner"]


class Specs(dict[str, Spec]):
    """The commands of one module."""

    def add(
        self, name: str, help: str, parameters: Parameters, role: Literal["viewer", "editor", "owner"] = "editor"
    ) -> Callable[[Plan], Plan]:
        def declare(plan: Plan) -> Plan:
            self[name] = Spec(name, help, parameters, plan, role)
            return plan

        return declare


def changing(fields: Mapping[str, AnyField], **options: Any) -> Parameters:
    """The same fields, any subset of them."""
    return parameters(fields, changes=True, **options)
