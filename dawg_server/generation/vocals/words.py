"""Words for a melody: how a model's answer is read, and how well its lines fit the phrases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dawg_server.lyrics import blocks, labels, syllables
from dawg_server.schema import FieldError

MAX_LINE = 200  # characters
MAX_TOPIC = 120  # characters of a theme or a mood
TOLERANCE = 0.25  # of a phrase's syllables; a singer stretches or shortens that much
STANZA = 4  # lines between two blank ones


@dataclass(frozen=True, slots=True)
class Words:
    """`lines`: one for each phrase."""

    lines: tuple[str, ...]
    theme: str
    mood: str

    @property
    def text(self) -> str:
        """The lyrics as singing providers take them."""
        stanzas = [self.lines[at : at + STANZA] for at in range(0, len(self.lines), STANZA)]
        return "[Verse]\n" + "\n\n".join("\n".join(stanza) for stanza in stanzas)

    def misfits(self, wanted: Sequence[int]) -> list[str]:
        """A sentence for each line whose syllables are too many or too few for its phrase."""
        counts = [syllables.count(line) for line in self.lines]
        return [
            f"Line {number} has {count} syllables, its phrase has {phrase} notes."
            for number, (count, phrase) in enumerate(zip(counts, wanted, strict=True), 1)
            if abs(count - phrase) > max(1, round(phrase * TOLERANCE))
        ]


def read(answer: Mapping[str, Any], phrases: int) -> Words:
    """From a structured answer. Raises `FieldError`."""
    lines = answer["lines"]
    if len(lines) != phrases:
        raise FieldError({"lines": f"holds {len(lines)} lines for {phrases} phrases"})
    return Words(
        tuple(_line(line, number) for number, line in enumerate(lines, 1)),
        " ".join(answer["theme"].split()),
        " ".join(answer["mood"].split()),
    )


def sung(lyrics: str) -> list[str]:
    """The lines of a text that are sung: neither blank ones nor labels such as `[Chorus]`."""
    return [line for block in blocks.split(lyrics) for line in block.words]


def describe(lyrics: str | None) -> dict[str, int | None]:
    """How many lines and syllables are sung; None when the words are not known."""
    if lyrics is None:
        return {"numLines": None, "syllables": None}
    lines = sung(lyrics)
    return {"numLines": len(lines), "syllables": sum(syllables.count(line) for line in lines)}


def _line(line: str, number: int) -> str:
    words = " ".join(line.split())
    if not syllables.count(words) or labels.read(words)[0] is not None:
        raise FieldError({f"lines.{number - 1}": "is not a line to be sung"})
    return words
