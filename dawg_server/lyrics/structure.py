"""The sections of a song: where they begin and end, what they are, and which of them come again."""

from __future__ import annotations

import itertools
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from dawg_server.lyrics import blocks as blocks_module
from dawg_server.lyrics import inference, labels, repetition, rhyme, syllables
from dawg_server.lyrics.genres import GenreProfile

FASTEST_SYLLABLES_PER_SECOND = 6.0
BARS_WITHOUT_WORDS = 4  # an instrumental intro, solo or break
MAX_SUGGESTED = 200  # sections
_SCHEME_MAX_LINES = 16  # a longer scheme tells people nothing


@dataclass(frozen=True, slots=True)
class LyricsSection:
    """Lines `start` to `end` of the text, inclusive, the label's line with them. `lines` are the sung ones.

    `number` counts sections of one kind. `group` is equal for sections that say nearly the same words,
    `repetition.NO_GROUP` without words. `repeats` is what `x2` asks for.
    """

    start: int
    end: int
    kind: str
    number: int
    confidence: float
    reasoning: str
    lines: tuple[str, ...]
    group: int
    repeats: int = 1

    @property
    def title(self) -> str:
        """How the section is called in sentences, such as `Verse 2`."""
        return f"{title(self.kind)} {self.number}"


def read(lyrics: str, suggested: Sequence[str] = ()) -> list[LyricsSection]:
    """All sections in order, without overlap; every line that is neither blank nor drawn (`---`) lies in exactly one.

    Lines are split at "\\n" and numbered from 0, blank ones counted. `suggested` are section types in order.
    """
    blocks, groups = inference.settle(blocks_module.split(lyrics))
    guesses = inference.kinds(blocks, groups, suggested)
    counted: dict[str, int] = defaultdict(int)
    sections = []
    for block, group, guess in zip(blocks, groups, guesses, strict=True):
        number = _number(block, guess.kind, counted)
        words = tuple(block.words)
        sections.append(
            LyricsSection(
                block.start,
                block.end,
                guess.kind,
                number,
                guess.confidence,
                f"{_sentence(guess.reason)}{_shape(words)}",
                words,
                group,
                block.repeats,
            )
        )
    return sections


@dataclass(frozen=True, slots=True)
class LabelledRange:
    """What somebody says about the lines `start` to `end`, inclusive."""

    start: int
    end: int
    kind: str
    confidence: float
    reasoning: str


def place(lyrics: str, places: Sequence[LabelledRange], otherwise: str) -> list[LyricsSection]:
    """Sections where somebody has put them; `places` are ordered, do not overlap and lie inside the text.

    Blank lines at their ends do not count, and places without a line are passed over. Sung lines that nobody has put
    anywhere become sections of unknown kind, whose reasoning is `otherwise`.
    """
    lines = lyrics.split("\n")
    found = [(each, block) for each in places if (block := blocks_module.between(lines, each.start, each.end))]
    edges = [(-1, -1), *((block.start, block.end) for _, block in found), (len(lines), len(lines))]
    for (_, before), (after, _) in itertools.pairwise(edges):
        block = blocks_module.between(lines, before + 1, after - 1)
        if block is not None and block.sung:
            found.append((LabelledRange(block.start, block.end, labels.UNKNOWN, 0.0, otherwise), block))
    found.sort(key=lambda item: item[1].start)
    groups = repetition.groups([block for _, block in found])
    counted: dict[str, int] = defaultdict(int)
    sections = []
    for (said, block), group in zip(found, groups, strict=True):
        number = _number(block, said.kind, counted)
        sections.append(
            LyricsSection(
                block.start,
                block.end,
                said.kind,
                number,
                said.confidence,
                said.reasoning,
                tuple(block.words),
                group,
                block.repeats,
            )
        )
    return sections


def repeated(sections: Sequence[LyricsSection]) -> list[list[LyricsSection]]:
    """The sections that say nearly the same, together; only those with at least two, in order of their first."""
    together: dict[int, list[LyricsSection]] = defaultdict(list)
    for section in sections:
        if section.group != repetition.NO_GROUP:
            together[section.group].append(section)
    return [found for found in together.values() if len(found) > 1]


def form(sections: Sequence[LyricsSection]) -> str:
    """The order of the sections, as in `Intro-Verse-Chorus`."""
    return "-".join(title(section.kind) for section in sections)


def title(kind: str) -> str:
    """`pre-chorus` as people write it: `Pre-Chorus`."""
    return "-".join(part.capitalize() for part in kind.split("-"))


def parse_suggested(suggested: object) -> list[str]:
    """Section types from a text (`Verse-Chorus`), or from a list of names or of sections; anything else is nothing."""
    if isinstance(suggested, str):
        return labels.parse_structure(suggested)
    if isinstance(suggested, Sequence):
        names = [item.get("sectionType") if isinstance(item, dict) else item for item in suggested[:MAX_SUGGESTED]]
        return [kind for name in names if isinstance(name, str) for kind in labels.parse_structure(name)[:1]]
    return []


def _number(block: blocks_module.LineBlock, kind: str, counted: dict[str, int]) -> int:
    """As the label says, else one more than the last of that kind."""
    written = block.label.number if block.label and block.label.section_type == kind else None
    counted[kind] = written or counted[kind] + 1
    return counted[kind]


def _sentence(reason: str) -> str:
    return reason[:1].upper() + reason[1:]


def _shape(lines: tuple[str, ...]) -> str:
    if not lines:
        return "."
    mean = statistics.fmean(syllables.count(line) for line in lines)
    shape = f"; {len(lines)} line{'s' if len(lines) > 1 else ''} of about {mean:.0f} syllables"
    if 1 < len(lines) <= _SCHEME_MAX_LINES:
        pattern = rhyme.scheme(lines)
        shape += f", rhyming {pattern} ({rhyme.name(pattern)})" if rhyme.rhymed_share(pattern) else ", unrhymed"
    return shape + "."


def seconds(sections: Sequence[LyricsSection], profile: GenreProfile) -> int:
    """How long the whole song takes to sing, estimated from lines and syllables at a genre's usual tempo.

    A label alone counts like the last section of its kind with words.
    """
    total = 0.0
    latest: dict[str, float] = {}
    for section in sections:
        if section.lines:
            latest[section.kind] = sum(_line_seconds(line, profile) for line in section.lines)
            length = latest[section.kind]
        else:
            length = latest.get(section.kind, BARS_WITHOUT_WORDS * profile.bar_seconds)
        total += length * section.repeats
    return round(total)


def _line_seconds(line: str, profile: GenreProfile) -> float:
    return max(profile.bars_per_line * profile.bar_seconds, syllables.count(line) / FASTEST_SYLLABLES_PER_SECOND)
