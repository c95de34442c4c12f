"""What clients are answered about the types of devices and the instruments."""

from __future__ import annotations

from marshmallow import fields

from dawg_server.schema import Body


class DeviceTypeReply(Body):
    """A type; `parameters` is JSON Schema, and `presets` have all parameters each."""

    type = fields.String()
    kind = fields.String(metadata={"description": "effect, or instrument for notes"})
    help = fields.String()
    sidechain = fields.Boolean(metadata={"description": "whether it can listen to another track"})
    recording = fields.Boolean(metadata={"description": "whether it plays a recording"})
    parameters = fields.Dict()
    presets = fields.Dict()


class DeviceTypes(Body):
    """Every type of device."""

    success = fields.Boolean()
    types = fields.List(fields.Nested(DeviceTypeReply))


class InstrumentReply(Body):
    """A sound of the embedded engine."""

    name = fields.String()
    kind = fields.String(metadata={"description": "pitched, drums or noise"})
    program = fields.Integer(metadata={"description": "the closest General MIDI program, 0 to 127; 0 for drums"})


class Instruments(Body):
    """Every instrument."""

    success = fields.Boolean()
    instruments = fields.List(fields.Nested(InstrumentReply))
