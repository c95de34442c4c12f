"""A clip with takes as the parts that are heard one after another, joined by crossfades of equal power."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from dawg_server.audio.mixing.arrangement import Clip

_OWN = -1  # the place of the clip's own recording among the takes


@dataclass(frozen=True, slots=True)
class TakeRanges:
    """`ranges`: (start, end) in seconds of the clip's own recording, `shift` seconds of which this one is ahead."""

    path: str
    ranges: tuple[tuple[float, float], ...]
    shift: float = 0.0
    gain_db: float = 0.0
    crossfade: float = 0.02


def parts(path: str, offset: float, duration: float, takes: Sequence[TakeRanges]) -> tuple[Clip, ...]:
    """Of a clip of the recording `path`; of takes that want the same stretch the last one gets it. Empty when all of
    the clip is its own recording."""
    pieces = _pieces(offset, offset + duration, takes)
    if all(place == _OWN for _, _, place in pieces):
        return ()
    joints = [0.0]
    for one, other in itertools.pairwise(pieces):
        newer = takes[max(one[2], other[2])]
        joints.append(min(newer.crossfade, one[1] - one[0], other[1] - other[0]))
    joints.append(0.0)
    found = []
    for number, (begin, end, place) in enumerate(pieces):
        lead, tail = joints[number] / 2, joints[number + 1] / 2
        take = TakeRanges(path, ()) if place == _OWN else takes[place]
        source = begin - lead + take.shift
        late = max(0.0, -source)  # it begins in the middle of its stretch
        length = end + tail - (begin - lead) - late
        if length > 0:
            fade_in = 2 * lead if not late else 0.0
            found.append(
                Clip(
                    begin - lead - offset + late,
                    length,
                    source + late,
                    min(fade_in, length),
                    min(2 * tail, length),
                    take.gain_db,
                    take.path,
                    equal_power=True,
                )
            )
    return tuple(found)


def _pieces(begin: float, end: float, takes: Sequence[TakeRanges]) -> list[tuple[float, float, int]]:
    """(start, end, place of the take) without gaps."""
    inner = {line for take in takes for stretch in take.ranges for line in stretch if begin < line < end}
    lines = [begin, *sorted(inner), end]
    found: list[tuple[float, float, int]] = []
    for start, stop in itertools.pairwise(lines):
        middle = (start + stop) / 2
        wanted = (
            place for place, take in enumerate(takes) if any(first < middle < last for first, last in take.ranges)
        )
        place = max(wanted, default=_OWN)
        if found and found[-1][2] == place:
            found[-1] = (found[-1][0], stop, place)
        else:
            found.append((start, stop, place))
    return found
