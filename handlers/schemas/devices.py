"""What clients are answered about the types of devices."""

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
