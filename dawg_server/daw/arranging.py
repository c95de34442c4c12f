"""Stretches of the time line in another order, with everything that lies in them.

What a kind of entities has to do with it, it declares itself (`EntityType.in_time`): where it lies, how it is moved,
and whether it can be cut where it crosses a line at which something else follows afterwards.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dawg_server import errors
from dawg_server.daw import entity as registry
from dawg_server.daw import timing
from dawg_server.daw.commands import copy_parts
from dawg_server.daw.entity import Entity, EntityType
from dawg_server.daw.tempo_map import MetreChange

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

NEAR = 1e-6  # beats by which rounding may have moved something over a line

Span = tuple[float, float]
"""First beat and length in beats."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `begin` to `end`, everything moves by `shift`; all in beats."""

    begin: float
    end: float
    shift: float


def moving(begin: float, length: float, target: float) -> list[Stretch]:
    """One stretch comes to `target`, and what lies on its way fills the place where it was."""
    end = begin + length
    if target > begin:
        return [Stretch(begin, end, target - begin), Stretch(end, target + length, -length)]
    return [Stretch(target, begin, length), Stretch(begin, end, target - begin)]


def ordering(spans: Sequence[Span]) -> list[Stretch]:
    """The spans, which do not overlap, follow each other as they are given; gaps stay between the same places."""
    places = sorted(spans)
    gaps = [later[0] - (earlier[0] + earlier[1]) for earlier, later in itertools.pairwise(places)]
    found: list[Stretch] = []
    at = places[0][0]
    for place, (begin, length) in enumerate(spans):
        found.append(Stretch(begin, begin + length, at - begin))
        at += length
        if place < len(gaps):
            end = places[place][0] + places[place][1]
            found.append(Stretch(end, end + gaps[place], at - end))
            at += gaps[place]
    return sorted((each for each in found if each.end - each.begin > NEAR), key=lambda each: each.begin)


def overlap(spans: Sequence[Span]) -> bool:
    return any(later[0] < earlier[0] + earlier[1] - NEAR for earlier, later in itertools.pairwise(sorted(spans)))


async def rearrange(draft: Draft, stretches: Sequence[Stretch]) -> None:
    """`stretches` adjoin, sorted, and what they become takes up the same room."""
    stretches = [each for each in stretches if each.end - each.begin > NEAR]  # one that stays has nothing to pass
    lines = list(_lines(stretches)) if stretches else []
    if not lines:
        return
    await _rearrange_metre(draft, stretches, lines)
    await timing.say_tempo_at_start(draft)
    # Where everything is has to be known before the first of it moves: tempo is in time as well.
    found = []
    for kind in sorted(registry.every(), key=lambda kind: not kind.tempo):  # first what the seconds of others depend on
        if kind.in_time is not None:
            entities = await draft.all(kind.name)
            found.append((kind, list(zip(entities, kind.in_time.spans(draft, entities), strict=True))))
    for kind in registry.every():
        for entity in await draft.all(kind.name) if kind.along is not None else ():
            assert kind.along is not None
            draft.update(kind.name, entity["id"], kind.along(entity, stretches))
    # All of it is cut at the tempo at which it was played, before that moves.
    moves: list[tuple[EntityType, list[tuple[str, float]]]] = []
    for kind, placed in found:
        pieces: list[tuple[str, float]] = []
        for entity, (begin, end) in placed:
            crossed = [line for line in lines if begin + NEAR < line < end - NEAR]
            pieces += await _cut(draft, kind, entity, begin, crossed, stretches)
        moves.append((kind, pieces))
    for kind, pieces in moves:
        _move(draft, kind, pieces)
        if kind.tempo:
            timing.adopt_start(draft)


async def _rearrange_metre(draft: Draft, stretches: Sequence[Stretch], lines: Sequence[float]) -> None:
    """Bars keep their time signatures where they go. These begin at bars, whose numbers follow from all before them."""
    events = await draft.all("timeSignatureEvent")
    if not events:
        return
    tempo, start = timing.tempo_map(draft), draft.project["timeSignature"]
    begins = [tempo.beat_of_bar(each.bar) for each in tempo.metres]
    moved = sorted((beat + _shift(stretches, beat), tempo.signature(beat)) for beat in sorted({*begins, *lines}))
    found: list[MetreChange] = []
    at = 0.0
    for beat, signature in moved:
        if found and found[-1].signature == signature:
            continue
        bar = found[-1].bar + (beat - at) / found[-1].beats if found else 0.0
        if abs(bar - round(bar)) > NEAR:
            sentence = "would begin a time signature inside of a bar; let sections begin and end at bar lines"
            raise errors.ValidationError(f"That {sentence}.", details={"beat": sentence})
        found, at = [*found, MetreChange(round(bar), signature)], beat
    if found[0].signature == start and events[0]["bar"] > 0:
        del found[0]  # the project says it
    wanted = {each.bar: each.signature for each in found}
    gone = [each["id"] for each in events if wanted.get(each["bar"]) != each["timeSignature"]]
    for each in events:
        if each["id"] in gone:
            draft.delete("timeSignatureEvent", each["id"])
        else:
            del wanted[each["bar"]]
    for bar, signature in wanted.items():
        own = {"id": gone.pop(0)} if gone else {}
        draft.create("timeSignatureEvent", {**own, "projectId": draft.id, "bar": bar, "timeSignature": signature})
    timing.adopt_start(draft)


def _move(draft: Draft, kind: EntityType, moves: Sequence[tuple[str, float]]) -> None:
    """Entities to beats. Of what must not be at one place twice all are taken up before the first is put down."""
    assert kind.in_time is not None
    if not kind.unique:
        for id, beat in moves:
            draft.update(kind.name, id, kind.in_time.moved(draft, _known(draft, kind, id), beat))
        return
    taken = [(kind.stored(_known(draft, kind, id)), beat) for id, beat in moves]
    for entity, _ in taken:
        draft.delete(kind.name, entity["id"])
    for entity, beat in taken:
        draft.create(kind.name, {**entity, **kind.in_time.moved(draft, entity, beat)})


async def _cut(
    draft: Draft, kind: EntityType, entity: Entity, begin: float, crossed: Sequence[float], to: Sequence[Stretch]
) -> list[tuple[str, float]]:
    """Where an entity, or each of its pieces, has to go. `crossed`: the lines inside of it."""
    assert kind.in_time is not None
    pieces = [(entity["id"], begin)]
    for line in crossed if kind.in_time.divisible else ():
        piece = _known(draft, kind, pieces[-1][0])
        left, right = kind.in_time.cut(draft, piece, line)
        same = {name: value for name, value in kind.stored(piece).items() if name != "id"}
        draft.update(kind.name, piece["id"], left)
        pieces.append((draft.create(kind.name, {**same, **right})["id"], line))
        await copy_parts(draft, kind, piece["id"], pieces[-1][0])
    return [(id, start + shift) for id, start in pieces if (shift := _shift(to, start))]


def _known(draft: Draft, kind: EntityType, id: str) -> Entity:
    found = draft.find(kind.name, id)
    assert found is not None
    return found


def _lines(stretches: Sequence[Stretch]) -> Iterator[float]:
    """The beats at which something else follows afterwards."""
    around = [Stretch(0, stretches[0].begin, 0), *stretches, Stretch(stretches[-1].end, float("inf"), 0)]
    for earlier, later in itertools.pairwise(around):
        if abs(earlier.shift - later.shift) > NEAR:
            yield later.begin


def _shift(stretches: Sequence[Stretch], beat: float) -> float:
    return next((each.shift for each in stretches if each.begin - NEAR <= beat < each.end - NEAR), 0.0)
