"""Advice on the words: line lengths, balance between verses, rhymes, and how the chorus stands out."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from dawg_server.lyrics import blocks, rhyme, structure, syllables
from dawg_server.lyrics.genres import GenreProfile
from dawg_server.lyrics.structure import LyricsSection

RAGGED = 0.4  # standard deviation of syllables per line over their mean
UNBALANCED = 0.25  # difference of two verses' mean syllables, as a share of the larger
WORDY_CHORUS = 1.25  # syllables per line, chorus over verse
RHYME_MIN_LINES = 4


@dataclass(frozen=True, slots=True)
class Recommendation:
    """As clients receive it. `section` is a title such as `Verse 2`, None for the whole song; `confidence`: 0..1."""

    type: Literal["suggestion", "warning", "info"]
    message: str
    section: str | None
    reasoning: str
    confidence: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def advise(sections: Sequence[LyricsSection], profile: GenreProfile) -> Iterator[Recommendation]:
    """What the words themselves suggest. Sections without words are passed over."""
    worded = [section for section in sections if section.lines]
    verses = [section for section in worded if section.kind == "verse"]
    yield from _ragged_lines(worded)
    yield from _verse_lengths(verses)
    yield from _verse_syllables(verses)
    yield from _rhymes(verses, profile)
    yield from _rhyme_schemes(verses)
    yield from _chorus_against_verse([s for s in worded if s.kind == "chorus"], verses)
    yield from _changed_repeats(worded)


def mean_syllables(sections: Sequence[LyricsSection]) -> float:
    """Syllables per sung line over some sections; 0 without lines."""
    counts = [syllables.count(line) for section in sections for line in section.lines]
    return statistics.fmean(counts) if counts else 0.0


def _ragged_lines(worded: Sequence[LyricsSection]) -> Iterator[Recommendation]:
    def spread(section: LyricsSection) -> float:
        counts = [syllables.count(line) for line in section.lines]
        return statistics.pstdev(counts) / statistics.fmean(counts) if any(counts) else 0.0

    long_enough = [section for section in worded if len(section.lines) >= 3]
    if not long_enough:
        return
    worst = max(long_enough, key=spread)
    if spread(worst) > RAGGED:
        counts = [syllables.count(line) for line in worst.lines]
        yield Recommendation(
            "suggestion",
            f"Bring the lines of {worst.title} closer together in length.",
            worst.title,
            f"They run from {min(counts)} to {max(counts)} syllables, which is hard to set to one melody.",
            0.7,
        )


def _verse_lengths(verses: Sequence[LyricsSection]) -> Iterator[Recommendation]:
    lengths = [len(verse.lines) for verse in verses]
    if len(set(lengths)) > 1:
        usual = statistics.mode(lengths)
        odd = next(verse for verse in verses if len(verse.lines) != usual)
        yield Recommendation(
            "suggestion",
            f"Give all verses the same number of lines: {odd.title} has {len(odd.lines)}, not {usual}.",
            odd.title,
            f"The verses have {_listed(lengths)} lines; equal ones can share a melody.",
            0.65,
        )


def _verse_syllables(verses: Sequence[LyricsSection]) -> Iterator[Recommendation]:
    if len(verses) < 2:
        return
    low = min(verses, key=lambda verse: mean_syllables([verse]))
    high = max(verses, key=lambda verse: mean_syllables([verse]))
    few, many = mean_syllables([low]), mean_syllables([high])
    if many and (many - few) / many > UNBALANCED:
        yield Recommendation(
            "suggestion",
            f"Even out {low.title} and {high.title}: one is much wordier than the other.",
            high.title,
            f"About {many:.0f} syllables a line against {few:.0f}.",
            0.65,
        )


def _rhymes(verses: Sequence[LyricsSection], profile: GenreProfile) -> Iterator[Recommendation]:
    for verse in verses:
        share = rhyme.rhymed_share(rhyme.scheme(verse.lines))
        if len(verse.lines) >= RHYME_MIN_LINES and share < profile.rhymed_share:
            yield Recommendation(
                "suggestion",
                f"Let more lines of {verse.title} rhyme, for example every second one.",
                verse.title,
                f"By their spelling {share:.0%} of its lines rhyme; in {profile.songs} at least "
                f"{profile.rhymed_share:.0%} usually do.",
                0.5,
            )
            return


def _rhyme_schemes(verses: Sequence[LyricsSection]) -> Iterator[Recommendation]:
    schemes = {verse.title: rhyme.scheme(verse.lines) for verse in verses if 4 <= len(verse.lines) <= 16}
    names = {title: rhyme.name(pattern) for title, pattern in schemes.items() if rhyme.rhymed_share(pattern) >= 0.5}
    if len(set(names.values())) > 1 and len({len(schemes[title]) for title in names}) == 1:
        listed = "; ".join(f"{title} {schemes[title]} ({name})" for title, name in list(names.items())[:4])
        yield Recommendation(
            "info", "The verses rhyme in different schemes.", next(iter(names)), f"{listed}. One scheme binds.", 0.5
        )


def _chorus_against_verse(
    choruses: Sequence[LyricsSection], verses: Sequence[LyricsSection]
) -> Iterator[Recommendation]:
    chorus, verse = mean_syllables(choruses), mean_syllables(verses)
    if verse and chorus > verse * WORDY_CHORUS:
        yield Recommendation(
            "suggestion",
            "Shorten the lines of the chorus, so that it opens up after the verses.",
            choruses[0].title,
            f"Its lines have about {chorus:.0f} syllables, those of the verses {verse:.0f}.",
            0.6,
        )


def _changed_repeats(worded: Sequence[LyricsSection]) -> Iterator[Recommendation]:
    for together in structure.repeated(worded):
        if together[0].kind not in ("chorus", "hook"):
            continue
        first = {blocks.line_key(line) for line in together[0].lines}
        for other in together[1:]:
            changed = [line for line in other.lines if blocks.line_key(line) not in first]
            if changed:
                yield Recommendation(
                    "info",
                    f"{other.title} has {_lines(len(changed))} that {together[0].title} has not.",
                    other.title,
                    f"New there: “{changed[0][:80]}”.",
                    0.8,
                )
                return


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:8])
    return f"{shown}…" if len(numbers) > 8 else shown


def _lines(number: int) -> str:
    return "one line" if number == 1 else f"{number} lines"
