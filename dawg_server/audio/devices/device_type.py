"""What a type of device declares: its parameters with units, ranges and defaults, and its presets."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dawg_server.schema import AnyField, Choice, Flag, Number, Parameters, parameters
from dawg_server.schema.parameters import json_schema


@dataclass(frozen=True, slots=True)
class Parameter:
    """`unit`: dB, Hz, ms, s, semitones, beats, or none for a bare number. `fixed`: an envelope cannot move it."""

    field: AnyField
    unit: str = ""
    fixed: bool = False

    @property
    def default(self) -> Any:
        return self.field.load_default

    @property
    def range(self) -> tuple[float, float] | None:
        """The lowest and the highest value of a number."""
        if isinstance(self.field, Number) and self.field.low is not None and self.field.high is not None:
            return self.field.low, self.field.high
        return None

    def described(self) -> dict[str, Any]:
        """JSON Schema of a value, with its unit, and whether an envelope can move it."""
        return {**json_schema(self.field), "unit": self.unit, "automatable": self.range is not None and not self.fixed}


def number(low: float, high: float, default: float, unit: str, help: str, *, fixed: bool = False) -> Parameter:
    return Parameter(Number(low, high, help, load_default=default), unit, fixed)


def choice(names: tuple[str, ...], default: str, help: str) -> Parameter:
    return Parameter(Choice(names, help, load_default=default), fixed=True)


def flag(default: bool, help: str) -> Parameter:
    return Parameter(Flag(help, load_default=default), fixed=True)


@dataclass(frozen=True, eq=False)
class DeviceType:
    """`sidechain`: it can listen to another track. `recording`: it plays one, named by the device's `audioFileId`.

    `presets` name what differs from the defaults. `realised`: the class, as `module:name`, below this package.
    """

    name: str
    help: str
    parameters: Mapping[str, Parameter]
    realised: str
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    kind: Literal["effect", "instrument"] = "effect"
    sidechain: bool = False
    recording: bool = False

    @functools.cached_property
    def schema(self) -> Parameters:
        return parameters({name: each.field for name, each in self.parameters.items()})

    @functools.cached_property
    def changes(self) -> Parameters:
        return parameters({name: each.field for name, each in self.parameters.items()}, changes=True)

    @property
    def defaults(self) -> dict[str, Any]:
        return {name: each.default for name, each in self.parameters.items()}

    def preset(self, name: str) -> dict[str, Any]:
        """All parameters of a preset."""
        return {**self.defaults, **self.presets[name]}

    def described(self) -> dict[str, Any]:
        return {
            "type": self.name,
            "kind": self.kind,
            "help": self.help,
            "sidechain": self.sidechain,
            "recording": self.recording,
            "parameters": {
                "type": "object",
                "properties": {name: each.described() for name, each in self.parameters.items()},
                "additionalProperties": False,
            },
            "presets": {name: self.preset(name) for name in self.presets},
        }


# -- what several types have -------------------------------------------------------------------------------------------
