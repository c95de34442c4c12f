"""Which blocks say the same: near-duplicates found by comparing text.

Blocks are compared by the sets of their character shingles, with the resemblance and containment of Broder, "On the
Resemblance and Containment of Documents" (1997). An index of shingles keeps the work linear.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from dawg_server.lyrics.blocks import LineBlock, line_key

SHINGLE_CHARS = 5
RESEMBLANCE = 0.6  # of all shingles in either, the share in both
CONTAINMENT = 0.85  # of the smaller one's shingles, the share that the other has too
CONTAINED_MIN_SHINGLES = 30  # a shorter text is "contained" by accident
_MAX_GROUPS_PER_SHINGLE = 16
_CANDIDATES = 3

NO_GROUP = -1


def groups(blocks: Sequence[LineBlock]) -> list[int]:
    """A group number per block, equal for blocks that say nearly the same; `NO_GROUP` for blocks without sung words."""
    index: dict[str, list[int]] = defaultdict(list)
    sizes: list[int] = []
    by_text: dict[str, int] = {}
    found: list[int] = []
    for block in blocks:
        text = text_key(block)
        if not text:
            found.append(NO_GROUP)
            continue
        if text not in by_text:
            by_text[text] = _group_of(_shingles(text), index, sizes)
        found.append(by_text[text])
    return found


def text_key(block: LineBlock) -> str:
    """The sung words of a block in a form that only other words change."""
    return "\n".join(line_key(line) for line in block.words)


def _group_of(shingles: set[str], index: dict[str, list[int]], sizes: list[int]) -> int:
    shared = Counter(group for shingle in shingles for group in index.get(shingle, ()))
    nearest = sorted(shared.items(), key=lambda item: (-item[1], item[0]))[:_CANDIDATES]
    for group, common in nearest:
        smaller = min(len(shingles), sizes[group])
        alike = common / (len(shingles) + sizes[group] - common)
        if alike >= RESEMBLANCE or (smaller >= CONTAINED_MIN_SHINGLES and common / smaller >= CONTAINMENT):
            return group
    sizes.append(len(shingles))
    for shingle in shingles:
        if len(index[shingle]) < _MAX_GROUPS_PER_SHINGLE:
            index[shingle].append(len(sizes) - 1)
    return len(sizes) - 1


def _shingles(text: str) -> set[str]:
    flat = f" {text} ".replace("\n", " ")
    return {flat[at : at + SHINGLE_CHARS] for at in range(max(1, len(flat) - SHINGLE_CHARS + 1))}
