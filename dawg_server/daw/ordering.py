"""An order that is put back although tracks came and went: what counts is who stands beside whom, not the number."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence

Places = Mapping[str, int]
"""Track ids with their places from 0, which may have gaps."""


def restored(places: Places, now: Places, then: Places) -> tuple[dict[str, int], list[str]]:
    """(new places, the tracks that somebody else has moved since) of a step that led from `then` to `now`.

    `places` are the present ones of all tracks; `now` and `then` have the same tracks, all of them in `places`.
    """
    if all(places[id] == place for id, place in now.items()):
        others = {place for id, place in places.items() if id not in now}
        if not others & set(then.values()):
            return dict(then), []
    was, target, present = _sorted(now), _sorted(then), _sorted(places)
    current = [id for id in present if id in now]
    if current == was:
        slots = [places[id] for id in current]
        return dict(zip(target, slots, strict=True)), []
    moved_since = []
    for id in [each for each in target if each not in _unmoved(was, target)]:
        if not _beside(current, id) & _beside(was, id):
            moved_since.append(id)
            continue
        present.remove(id)
        at = target.index(id)
        present.insert(present.index(target[at - 1]) + 1 if at else present.index(target[1]), id)
    return {id: place for place, id in enumerate(present)} if len(moved_since) < len(now) else {}, moved_since


def _sorted(places: Places) -> list[str]:
    return sorted(places, key=places.__getitem__)


def _beside(order: Sequence[str], id: str) -> set[tuple[str, str | None]]:
    at = order.index(id)
    return {
        ("after", order[at - 1] if at else None),
        ("before", order[at + 1] if at + 1 < len(order) else None),
    }


def _unmoved(was: Sequence[str], target: Sequence[str]) -> set[str]:
    """The longest run of tracks that are in the same order in both: the others are those that were moved."""
    rank = {id: place for place, id in enumerate(was)}
    tails: list[int] = []
    ends: list[str] = []
    before: dict[str, str | None] = {}
    for id in target:
        at = bisect.bisect_left(tails, rank[id])
        before[id] = ends[at - 1] if at else None
        tails[at : at + 1] = [rank[id]]
        ends[at : at + 1] = [id]
    kept, end = set(), ends[-1] if ends else None
    while end is not None:
        kept.add(end)
        end = before[end]
    return kept
