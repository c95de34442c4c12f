"""The manual of devices, from their declarations and the laws that their classes tell.

python -m dawg_server.audio.devices.manual > docs/devices.md
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator

from dawg_server.audio.devices.catalogue import TYPES
from dawg_server.audio.devices.device_type import DeviceType, Parameter
from dawg_server.audio.mixing.envelopes import Curve
from dawg_server.schema import Choice, Flag

_HEAD = """# Devices

Effects, and instruments for notes, stand in an order on tracks, AUX tracks, groups and the master. A device is an
entity of the document: `POST /api/devices` with `trackId` and `type`; `GET /api/devices` lists the types with JSON
Schema. Sound goes through the chain before the fader; a bypassed device is not there. What a device is late by (its
latency) is made up for: everything that meets its sound waits as long. A side chain hears another track after its
devices and before its fader, muted or not.

The laws are meant to be built again, as with Web Audio: `rate` is the sample rate in Hz, t a time in samples or
seconds, n counts samples from the beginning of the project. Moved parameters (those that an envelope can move, and
does) count at every sample unless the law says otherwise. `python -m dawg_server.audio.devices.manual` makes this file.

## Faders, sends and envelopes

`volume` is a linear gain; `pan` gives the left side `sqrt(2) cos((pan + 1) pi / 4)` and the right one `sqrt(2) sin` of
the same. A mono track is folded to `(l + r) / 2` before. A send takes the sound before the fader, times `volume` if it
is not `preFader`, with a pan of its own. `mute` silences from 0.5 on, output and sends.
"""


def markdown() -> str:
    parts = [_HEAD, _law(Curve), *(_section(each) for each in TYPES.values())]
    return "\n".join(parts).rstrip() + "\n"


def _section(kind: DeviceType) -> str:
    module, _, name = kind.realised.partition(":")
    realised = getattr(importlib.import_module(f"{__package__}.{module}"), name)
    more = [
        "It can listen to another track (`sidechainTrackId`)." if kind.sidechain else "",
        "It needs a recording (`audioFileId`)." if kind.recording else "",
    ]
    lines = [f"## {kind.name}", "", " ".join([f"{kind.help[0].upper()}{kind.help[1:]}.", *filter(None, more)]), ""]
    lines += ["| parameter | unit | range | default | moves | |", "|---|---|---|---|---|---|"]
    lines += [_row(name, each) for name, each in kind.parameters.items()]
    lines += ["", _law(realised), f"Presets: {'; '.join(_presets(kind))}.", ""]
    return "\n".join(lines)


def _row(name: str, parameter: Parameter) -> str:
    field = parameter.field
    if parameter.range is not None:
        allowed = "{:g} to {:g}".format(*parameter.range)
    elif isinstance(field, Flag):
        allowed = "true, false"
    else:
        assert isinstance(field, Choice)
        allowed = ", ".join(dict.fromkeys(field.choices.values()))
    default = str(parameter.default).lower() if isinstance(parameter.default, bool) else parameter.default
    moves = "yes" if parameter.range is not None and not parameter.fixed else "no"
    help = field.metadata.get("description", "")
    return f"| `{name}` | {parameter.unit} | {allowed} | {default} | {moves} | {help} |"


def _presets(kind: DeviceType) -> Iterator[str]:
    for name, differs in kind.presets.items():
        yield f"{name} ({', '.join(f'`{each}` {value}' for each, value in differs.items()) or 'defaults'})"


def _law(told: type) -> str:
    return f"{inspect.getdoc(told)}\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
