"""What a function of the catalogue is: something that an assistant may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dawg_server.daw import commands
from dawg_server.schema import Parameters

Run = Literal["server", "client", "job"]
Kind = Literal["read", "write"]


@dataclass(frozen=True, slots=True)
class Function:
    """`run`: at once on the server, in the caller's browser, or as a job. `undo`: it is a step of the history.

    `aliases` are other names, each with the arguments that it stands for; they are understood, never offered.
    `voice_only`: makes sense in a voice session alone. `legacy_names`: what earlier browsers call a client's function,
    by the value of the argument `legacy_by` (or by "" where that does not matter).
    """

    name: str
    help: str
    parameters: Parameters
    run: Run = "server"
    kind: Kind = "write"
    undo: bool = False
    aliases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    voice_only: bool = False
    legacy_by: str = ""
    legacy_names: Mapping[str, str] = field(default_factory=dict)

    def legacy_name(self, arguments: Mapping[str, Any]) -> str:
        """The alias that earlier browsers know; the function's own name where they know none."""
        chosen = str(arguments.get(self.legacy_by, "")) if self.legacy_by else ""
        return self.legacy_names.get(chosen, self.name)


def known_as(*names: str, **presets: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Aliases: plain ones by name, and those that stand for arguments too."""
    return {**{name: {} for name in names}, **presets}


def of_command(name: str, help: str = "", **options: Any) -> Function:
    """A function that is a command of the document, by the same name and with its parameters."""
    spec = commands.find(name)
    return Function(name, help or spec.help, spec.parameters, **{"undo": True, **options})
