"""Devices: effects, and instruments for notes, in a chain on a track, which its sound goes through in order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from dawg_server import errors
from dawg_server.audio.devices.catalogue import TYPES
from dawg_server.audio.devices.device_type import DeviceType
from dawg_server.daw.entity import Bulk, Entity, EntityType, Reference, needed, table_of, wrong
from dawg_server.schema import Choice, FieldError, Flag, Id, JsonValue, Number, Text

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

MAX_DEVICES = 2_000  # per project
MAX_PARAMETERS = 16 * 1024  # bytes of JSON

FIELDS = {
    "type": needed(Choice(tuple(TYPES), "what it is; it stays what it is")),
    "parameters": JsonValue(
        MAX_PARAMETERS, "those of its type that differ; the others stay, or get defaults", objects=True
    ),
    "preset": Text(1, 60, "of its type, from which its parameters are taken", allow_none=True, load_default=None),
    "bypassed": Flag("whether sound passes it as it came", load_default=False),
    "order": Number(0, MAX_DEVICES, "place in the chain, from 0", whole=True),
    "sidechainTrackId": Id(
        "track", "the track whose sound, before its fader, moves it", allow_none=True, load_default=None
    ),
    "audioFileId": Id("audioFile", "the recording that a sampler plays", allow_none=True, load_default=None),
}


async def judge(draft: Draft, device: Entity | None, changed: Entity) -> Collection[str]:
    """Parameters are held to those of the type; of what is not said, a preset's or the default is taken."""
    if device is not None and "type" in changed:
        raise wrong("type", "stays: delete the device and make another one")
    after = {**(device or {}), **changed}
    kind = TYPES[after["type"]]
    if device is None or "preset" in changed or "parameters" in changed:
        before = device["parameters"] if device else kind.defaults
        if after["preset"] is not None and "preset" in changed:
            before = _preset(kind, after["preset"])
        changed["parameters"] = before | _held(kind, changed.get("parameters") or {})
    check({**after, "parameters": changed.get("parameters", after["parameters"])})
    return ()


def check(device: Entity) -> None:
    """What has to be true of a device by itself; fills in what its type has learnt since. Raises ValidationError."""
    kind = TYPES[device["type"]]
    device["parameters"] = kind.defaults | _held(kind, device["parameters"])
    if device["sidechainTrackId"] is not None and not kind.sidechain:
        raise wrong("sidechainTrackId", f"is not for a device of the type {kind.name}")
    if (device["audioFileId"] is not None) != kind.recording:
        raise wrong(
            "audioFileId", f"{'is needed' if kind.recording else 'is not'} for a device of the type {kind.name}"
        )


def _held(kind: DeviceType, parameters: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return kind.changes.values(parameters, closed=True)
    except FieldError as error:
        raise FieldError({f"parameters.{path}": text for path, text in error.problems.items()}).refusal() from None


def _preset(kind: DeviceType, name: str) -> dict[str, Any]:
    if name not in kind.presets:
        names = ", ".join(kind.presets)
        raise errors.ValidationError(f"preset has to be one of {names}.", details={"preset": f"is one of {names}"})
    return kind.preset(name)


class KeyedParameters:
    """Parameters by their names (`entity.Keyed`)."""

    inner = ()

    def parts(self, value: Any) -> dict[str, Any]:
        return dict(value)

    def joined(self, value: Any, parts: Mapping[str, Any], then: Any) -> Any:
        return {name: each for name, each in {**value, **parts}.items() if each is not None}


DEVICE = EntityType(
    name="device",
    plural="devices",
    help="an effect, or an instrument, that the sound of a track goes through",
    table=table_of("devices", FIELDS, "track"),
    fields=FIELDS,
    parent="track",
    within="whole parent",
    references={"sidechainTrackId": Reference("track", "clear", None, heard=True)},
    recording="audioFileId",
    keyed={"parameters": KeyedParameters()},
    ordered=True,
    rule=judge,
    ruled=frozenset({"type", "parameters", "preset", "sidechainTrackId", "audioFileId"}),
    check=check,
    bulk=Bulk({"bypassed": FIELDS["bypassed"]}, 200),
    limit=MAX_DEVICES,
    about_deletion="With the envelopes of its parameters.",
    module=__name__,
)
