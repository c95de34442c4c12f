"""Takes: other recordings of what a clip plays, chosen stretch by stretch (comping).

`ranges` are the stretches in which a take is heard instead of the clip's own recording, in seconds of that recording,
so that moving, trimming and cutting the clip changes nothing about them. Of two takes with the same stretch the newer
one is heard. Neighbours are joined by crossfades of equal power, as long as the newer one's `crossfade`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError

from dawg_server.daw.commands import change, command
from dawg_server.daw.entity import Entity, EntityType, Reference, needed, table_of, the, wrong
from dawg_server.daw.timing import MAX_SECONDS
from dawg_server.schema import Field, Id, Items, Number, Record, Text, parameters

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

MAX_TAKES = 2_000  # of a project
MAX_RANGES = 1_000  # of a take
CROSSFADE = 0.02  # seconds


class Ranges(Field):
    """`[{start, end}]` in seconds, kept sorted; those that touch or overlap become one."""

    json_type = "array"

    def check(self, value: Any) -> list[dict[str, float]]:
        if not isinstance(value, list) or len(value) > MAX_RANGES:
            raise ValidationError(f"has to be a list of at most {MAX_RANGES} stretches")
        found: list[dict[str, float]] = []
        for start, end in sorted(_range(number, each) for number, each in enumerate(value)):
            if found and start <= found[-1]["end"]:
                found[-1]["end"] = max(found[-1]["end"], end)
            else:
                found.append({"start": start, "end": end})
        return found

    def limits(self) -> dict[str, Any]:
        seconds = {"type": "number", "minimum": 0, "maximum": MAX_SECONDS, "description": "seconds"}
        stretch = {
            "type": "object",
            "properties": {"start": seconds, "end": seconds},
            "required": ["start", "end"],
            "additionalProperties": False,
        }
        return {"items": stretch, "maxItems": MAX_RANGES}


class KeyedRanges:
    """Stretches by their ends (`entity.Keyed`)."""

    inner = ()

    def parts(self, value: Any) -> dict[str, Any]:
        return {f"{float(each['start'])!r}-{float(each['end'])!r}": each for each in value}

    def joined(self, value: Any, parts: Mapping[str, Any], then: Any) -> Any:
        kept = [each for each in {**self.parts(value), **parts}.values() if each is not None]
        return Ranges().check(kept) if len(kept) <= MAX_RANGES else value


def _range(number: int, value: Any) -> tuple[float, float]:
    if not isinstance(value, dict):
        raise ValidationError({f"{number}": "has to be an object"})
    start: Any = value.get("start")
    end: Any = value.get("end")
    if not all(type(each) in (int, float) and 0 <= each <= MAX_SECONDS for each in (start, end)):
        raise ValidationError({f"{number}": f"has to have start and end, both between 0 and {MAX_SECONDS} seconds"})
    if not start < end:
        raise ValidationError({f"{number}.end": "has to lie after start"})
    return start, end


FIELDS = {
    "clipId": the("clip", "the clip that it may be heard in; it stays"),
    "audioFileId": needed(Id("audioFile", "its recording")),
    "name": Text(1, 120, "without it the name of the recording", allow_none=True, load_default=None),
    "shift": Number(
        -MAX_SECONDS, MAX_SECONDS, "seconds by which its recording began before the clip's own", load_default=0
    ),
    "gain": Number(-60, 24, "dB", load_default=0),
    "crossfade": Number(0, 1, "seconds", load_default=CROSSFADE),
    "ranges": Ranges("where it is heard, in seconds of the clip's own recording", load_default=[]),
}


async def judge(draft: Draft, take: Entity | None, changed: Entity) -> Collection[str]:
    """Takes are of a clip that plays a recording; a new one gets a name."""
    if take is not None and "clipId" in changed:
        raise wrong("clipId", "stays: delete the take and make another one")
    if take is None:
        clip = await draft.get("clip", changed["clipId"])
        if clip["audioFileId"] is None:
            raise wrong("clipId", "has to be a clip that plays a recording")
        recording = await draft.recording(changed["audioFileId"])
        if changed["name"] is None and recording is not None:
            changed["name"] = str(recording["original_name"] or recording["filename"])[:120]
    return ()


TAKE = EntityType(
    name="take",
    plural="takes",
    help="another recording of what a clip plays",
    table=table_of("takes", FIELDS),
    fields=FIELDS,
    recording="audioFileId",
    keyed={"ranges": KeyedRanges()},
    references={"clipId": Reference("clip")},
    rule=judge,
    ruled=frozenset({"clipId"}),
    limit=MAX_TAKES,
    about_deletion="Its recording stays.",
    module=__name__,
)


@command(
    "compTakes",
    "Chooses which take of a clip is heard when; where none is named it is the clip's own recording.",
    {
        "clipId": the("clip"),
        "ranges": Items(
            Record(
                parameters(
                    {
                        "takeId": the("take"),
                        "start": Number(0, MAX_SECONDS, "seconds of the clip's own recording", required=True),
                        "end": Number(0, MAX_SECONDS, "seconds", over=True, required=True),
                    }
                )
            ),
            0,
            MAX_RANGES,
            "of two that overlap, the part in both is of the later one",
            required=True,
        ),
    },
)
async def comp_takes(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    clip = await draft.get("clip", values["clipId"])
    takes = await draft.naming("take", "clipId", clip["id"])
    chosen: dict[str, list[tuple[float, float]]] = {take["id"]: [] for take in takes}
    for number, each in enumerate(values["ranges"]):
        if each["takeId"] not in chosen:
            raise wrong(f"ranges.{number}.takeId", "has to be a take of this clip")
        if each["end"] <= each["start"]:
            raise wrong(f"ranges.{number}.end", "has to lie after start")
        for id, ranges in chosen.items():
            chosen[id] = [piece for one in ranges for piece in _without(one, each["start"], each["end"])]
        chosen[each["takeId"]].append((each["start"], each["end"]))
    field = Ranges()
    for take in takes:
        wanted = [{"start": start, "end": end} for start, end in chosen[take["id"]]]
        await change(draft, TAKE, take, {"ranges": field.check(wanted)})
    return {"takes": [draft.shown("take", take["id"]) for take in takes]}


def _without(one: tuple[float, float], start: float, end: float) -> list[tuple[float, float]]:
    pieces = [(one[0], min(one[1], start)), (max(one[0], end), one[1])]
    return [piece for piece in pieces if piece[0] < piece[1]]
