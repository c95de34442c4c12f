"""The text cut into blocks: runs of lines between blank lines, drawn lines and labels.

Lines are what `text.split("\\n")` gives, numbered from 0, blank ones counted. A label belongs to the block that it
opens; a note in brackets (`[Ana]`, `(x2)`) belongs to the block around it. So every line that is neither blank nor
drawn lies in exactly one block.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from dawg_server.lyrics import labels

LONG_BLOCK_LINES = 8  # longer ones without a label are searched for a refrain inside


@dataclass(slots=True)
class LineBlock:
    """Lines `start` to `end`, inclusive. `sung` holds (line number, the words without the label)."""

    start: int
    end: int
    label: labels.Label | None = None
    repeats: int = 1
    sung: list[tuple[int, str]] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        """The sung lines alone."""
        return [text for _, text in self.sung]


def split(lyrics: str) -> list[LineBlock]:
    """Every block of the text, in order and without overlap."""
    found: list[LineBlock] = []
    current: LineBlock | None = None
    for number, line in enumerate(lyrics.split("\n")):
        if not line.strip() or labels.is_separator(line):
            if current is not None and (current.sung or current.label):
                current = None
            continue
        label, words = labels.read(line)
        if label is not None and label.section_type is not None:
            only_notes = current is not None and not current.sung and current.label is None
            current = _open(found, current if only_notes else None, number)
            current.label, current.repeats = label, label.repeats
        elif current is None:
            current = _open(found, None, number)
        if label is not None:
            current.repeats = max(current.repeats, label.repeats)
        if words:
            current.sung.append((number, words))
        current.end = number
    return [part for block in found for part in _split_at_refrain(block)]


def between(lines: Sequence[str], start: int, end: int) -> LineBlock | None:
    """One block of the lines `start` to `end`, without the blank and drawn ones at its ends; None without any line."""
    found: LineBlock | None = None
    for number in range(start, end + 1):
        line = lines[number]
        if not line.strip() or labels.is_separator(line):
            continue
        label, words = labels.read(line)
        found = found or LineBlock(number, number)
        if label is not None:
            if label.section_type is not None and found.label is None:
                found.label = label
            found.repeats = max(found.repeats, label.repeats)
        if words:
            found.sung.append((number, words))
        found.end = number
    return found


def line_key(line: str) -> str:
    """A line reduced to its letters and digits, so that only different words make a difference."""
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in line.casefold() if c not in "'’")
    return " ".join(kept.split()) or " ".join(line.split())


def _open(found: list[LineBlock], notes: LineBlock | None, number: int) -> LineBlock:
    if notes is not None:
        return notes
    found.append(LineBlock(number, number))
    return found[-1]


def _split_at_refrain(block: LineBlock) -> list[LineBlock]:
    """Part a long block without labels where lines begin or cease to come again."""
    if block.label is not None or len(block.sung) <= LONG_BLOCK_LINES:
        return [block]
    keys = [line_key(text) for text in block.words]
    again = _in_repeated_pairs(keys)
    cuts = [at for at in range(1, len(keys)) if again[at] != again[at - 1]]
    spans = list(itertools.pairwise([0, *cuts, len(keys)]))
    if not cuts or any(end - start < 2 for start, end in spans):
        return [block]
    parts = [LineBlock(block.sung[start][0], 0, sung=block.sung[start:end]) for start, end in spans]
    for part, following in itertools.pairwise(parts):
        part.end = following.start - 1
    parts[0].start, parts[-1].end = block.start, block.end
    return parts


def _in_repeated_pairs(keys: list[str]) -> list[bool]:
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, pair in enumerate(itertools.pairwise(keys)):
        places[pair].append(at)
    again = [False] * len(keys)
    for (first, second), found in places.items():
        if first != second and found[-1] - found[0] >= 2:
            for at in found:
                again[at] = again[at + 1] = True
    return again
