"""Sections: stretches of the time line with names, which can be arranged anew with everything in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dawg_server.daw import arranging, timing
from dawg_server.daw.commands import command
from dawg_server.daw.entities import project
from dawg_server.daw.entities.chord import CHORD, MAX_CHORDS
from dawg_server.daw.entity import EntityType, table_of, the, wrong
from dawg_server.daw.in_time import InBeats
from dawg_server.daw.notes import MAX_BEATS
from dawg_server.schema import Colour, Id, Items, Number, Record, Text, parameters

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

MAX_SECTIONS = 500  # of a project
_LINE = 1e-6  # beats; what differs by less lies at the same place

FIELDS = {
    "name": Text(1, 120, "such as Verse 1", required=True),
    "beat": Number(0, MAX_BEATS, "quarter notes from the beginning of the project", required=True),
    "length": Number(0, MAX_BEATS, "quarter notes", over=True, required=True),
    "color": Colour("such as #3b82f6", allow_none=True, load_default=None),
}

SECTION = EntityType(
    name="section",
    plural="sections",
    help="a named stretch of the time line",
    table=table_of("sections", FIELDS, sorted_by=("beat", "id")),
    fields=FIELDS,
    in_time=InBeats(length="length"),
    limit=MAX_SECTIONS,
    about_deletion="What lies in it stays.",
    module=__name__,
)


@command(
    "moveSection",
    "Moves a section with everything in it to another place; what was there makes room and closes the gap.",
    {
        "sectionId": the("section"),
        "beat": Number(0, MAX_BEATS, "where it begins afterwards, in quarter notes"),
        "bars": Number(-MAX_BEATS, MAX_BEATS, "instead of beat: how many bars later; negative is earlier"),
    },
)
async def move_section(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    """What crosses a line at which something else follows now is cut there, if it can be cut. Time signatures go along,
    and have to begin at a bar line afterwards."""
    section = await draft.get("section", values["sectionId"])
    beat, bars = values.get("beat"), values.get("bars")
    if (beat is None) == (bars is None):
        raise wrong("beat", "or bars is needed, and not both")
    begin, length = section["beat"], section["length"]
    tempo = timing.tempo_map(draft)
    target = beat if beat is not None else max(0.0, tempo.beat_of_bar(tempo.bar(begin) + (bars or 0)))
    if target + length > MAX_BEATS:
        raise wrong("beat" if bars is None else "bars", f"would move it beyond beat {MAX_BEATS}")
    await arranging.rearrange(draft, arranging.moving(begin, length, target))
    return {"section": draft.shown("section", section["id"]), "sections": await draft.all("section")}


@command(
    "arrangeSections",
    "Puts sections with everything in them into another order; what lies between them stays between them.",
    {"sectionIds": Items(Id("section"), 1, MAX_SECTIONS, "in the order in which they are to be played", required=True)},
)
async def arrange_sections(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    """Sections that are not named are what lies between. Time signatures go along, and have to begin at a bar line."""
    wanted = values["sectionIds"]
    found = await draft.several("section", wanted)
    if len(found) < len(wanted):
        raise wrong("sectionIds", "names a section twice")
    spans = [(each["beat"], each["length"]) for each in found]
    if arranging.overlap(spans):
        raise wrong("sectionIds", "names sections that overlap; change their lengths first")
    await arranging.rearrange(draft, arranging.ordering(spans))
    return {"sections": await draft.all("section")}


@command(
    "adoptMusic",
    "Gives a project the sections and chords of a piece where it has none; its tempo, metre and key if it is empty.",
    {
        **{name: project.FIELDS[name] for name in ("bpm", "key", "timeSignature")},
        "sections": Items(Record(parameters(FIELDS)), 0, MAX_SECTIONS, required=True),
        "chords": Items(Record(CHORD.create), 0, MAX_CHORDS, load_default=[]),
    },
)
async def adopt_music(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    lists = {name: values.pop(f"{name}s") for name in ("section", "chord")}
    if not await draft.count("clip"):
        draft.update("project", draft.id, values)
    for name, limit in (("section", MAX_SECTIONS), ("chord", MAX_CHORDS)):
        known = await draft.all(name)
        ends = [*(each["beat"] for each in known), None][1:]
        taken = [
            (each["beat"], each["beat"] + each["length"] if each["length"] is not None else end)
            for each, end in zip(known, ends, strict=True)
        ]
        new = [each for each in lists[name] if not any(_meets(each, begin, end) for begin, end in taken)]
        for each in new[: limit - len(known)]:
            draft.create(name, {"projectId": draft.id, **each})
    return {"project": draft.project}


def _meets(new: dict[str, Any], begin: float, end: float | None) -> bool:
    """Whether a stretch lies over another one; that one's end may be open."""
    return bool(new["beat"] + new["length"] > begin + _LINE and (end is None or new["beat"] < end - _LINE))
