"""Tempo events: from a beat on another tempo, at once or on the way to the next one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from dawg_server.daw import timing
from dawg_server.daw.entity import Entity, EntityType, table_of
from dawg_server.daw.in_time import InBeats
from dawg_server.daw.notes import MAX_BEATS
from dawg_server.schema import Choice, Number

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

FIELDS = {
    "beat": Number(0, MAX_BEATS, "quarter notes from the beginning of the project", required=True),
    "bpm": Number(20, 300, "quarter notes per minute from there on", required=True),
    "curve": Choice(
        ("jump", "linear"),
        "until the next event the tempo stays, or goes there in a straight line, in bpm over beats",
        load_default="jump",
    ),
}


async def judge(draft: Draft, event: Entity | None, changed: Entity) -> Collection[str]:
    """What keeps its beats stays within reach."""
    after = {"id": "", **(event or {}), **changed}
    await timing.check_reach(draft, "bpm" if event is None or "bpm" in changed else next(iter(changed)), event=after)
    return ()


class Tempi(InBeats):
    """Each holds until the next one. On the way to that one a line is crossed at the tempo that it is crossed at."""

    def spans(self, draft: Draft, entities: Sequence[Entity]) -> list[tuple[float, float]]:
        begins = [each["beat"] for each in entities]
        return list(itertools.zip_longest(begins, begins[1:], fillvalue=math.inf))

    def cut(self, draft: Draft, entity: Entity, beat: float) -> tuple[Entity, Entity]:
        return {}, {"beat": beat, "bpm": round(timing.tempo_map(draft).bpm(beat), 6)}


TEMPO_EVENT = EntityType(
    name="tempoEvent",
    plural="tempoEvents",
    help="another tempo from a beat on; one at beat 0 is the tempo of the project",
    table=table_of("tempo_events", FIELDS, sorted_by=("beat", "id")),
    fields=FIELDS,
    unique=("beat",),
    in_time=Tempi(divisible=True),
    rule=judge,
    ruled=frozenset(FIELDS),
    tempo=frozenset(FIELDS),
    limit=1000,
    module=__name__,
)
