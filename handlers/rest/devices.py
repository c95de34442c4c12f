"""`/devices`, `/instruments`: what there is to put on tracks; the devices of a project are entities (`changes`)."""

from __future__ import annotations

from dawg_server.audio.devices.catalogue import TYPES
from dawg_server.music import instruments
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Routes
from handlers.schemas import devices as schemas

routes = Routes("devices")


@routes.get("/devices", "The types of devices", reply=schemas.DeviceTypes)
async def list_device_types(call: RestCall) -> Answer:
    """Each with the JSON Schema of its parameters, in which `unit` is their unit and `automatable` tells whether an
    envelope can move them, and with its presets.

    Envelopes move numbers. Choices and switches are no numbers, and what a filter, a room, a grain or a played note is
    laid out by before it sounds (a reverb's decay, the corner of a cut, a sampler's attack) stays as it is set."""
    return {"success": True, "types": [each.described() for each in TYPES.values()]}


@routes.get("/instruments", "The instruments of tracks of notes", reply=schemas.Instruments)
async def list_instruments(call: RestCall) -> Answer:
    """`name` is what the field `instrument` of a track takes; besides these, a device of the type sampler plays notes
    with a recording."""
    shown = [
        {"name": name, "kind": instruments.kind(name), "program": instruments.program(name)}
        for name in instruments.NAMES
    ]
    return {"success": True, "instruments": shown}
