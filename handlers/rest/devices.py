"""`/devices`: the types of devices that there are; the devices of a project are entities like others (`changes`)."""

from __future__ import annotations

from dawg_server.audio.devices.catalogue import TYPES
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Routes
from handlers.schemas import devices as schemas

routes = Routes("devices")


@routes.get("/devices", "The types of devices", reply=schemas.DeviceTypes)
async def list_device_types(call: RestCall) -> Answer:
    """Each with the JSON Schema of its parameters, in which `unit` is their unit and `automatable` tells whether an
    envelope can move them, and with its presets."""
    return {"success": True, "types": [each.described() for each in TYPES.values()]}
