"""What kind of section each block is: by its label, by the text it shares with others, by its place and its shape.

Confidence grows with the evidence: a written label, then words that come again, then place and shape, then nothing.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from dawg_server.lyrics import labels, repetition, syllables
from dawg_server.lyrics.blocks import LineBlock, line_key

LABELLED, LABELLED_AND_REPEATED = 0.95, 0.99
SAME_WORDS_AS_LABELLED = 0.9
REPEATED_OFTEN, REPEATED_TWICE = 0.88, 0.78
REPEATED_SIDE_PART = 0.65  # words that come again beside the chorus
SUGGESTED = 0.6
VERSE_AROUND_A_CHORUS = 0.72
PLACE_AND_SHAPE = 0.55
NO_EVIDENCE = 0.35
NOT_WORDS = 0.2
SAME_LINES = 0.34  # share of lines that a part which comes again keeps word for word
SHORT_SECTION_LINES = 2  # an intro or an outro is not longer when nothing else speaks for it
_VOCABLES = {
    "oh",
    "ooh",
    "ooo",
    "o",
    "ah",
    "aah",
    "la",
    "na",
    "nah",
    "da",
    "dum",
    "doo",
    "do",
    "hey",
    "yeah",
    "yea",
    "woah",
    "whoa",
    "mm",
    "mmm",
    "hmm",
    "uh",
    "huh",
    "ay",
    "eh",
    "ha",
}
_REPEATING_TYPES = {"chorus", "hook", "pre-chorus"}


@dataclass(frozen=True, slots=True)
class Guess:
    """`kind` is one of `labels.SECTION_TYPES`, `confidence` lies in 0..1, `reason` is a clause for people."""

    kind: str
    confidence: float
    reason: str


def settle(blocks: list[LineBlock]) -> tuple[list[LineBlock], list[int]]:
    """Give labels that stand alone the block below them, and let stanzas under one label be one section."""
    blocks, groups = _hand_labels_down(blocks, repetition.groups(blocks))
    sung = [block for block in blocks if block.sung]
    labelled_groups = {g for block, g in zip(blocks, groups, strict=True) if block.label and g != repetition.NO_GROUP}
    times = Counter(groups)
    if sum(1 for block in sung if block.label) * 2 <= len(sung):
        return blocks, groups
    settled: list[LineBlock] = []
    for block, group in zip(blocks, groups, strict=True):
        continues = settled and block.label is None and settled[-1].label is not None and settled[-1].sung
        if continues and group not in labelled_groups and (times[group] == 1 or group == repetition.NO_GROUP):
            settled[-1].end = block.end
            settled[-1].sung += block.sung
        else:
            settled.append(block)
    return settled, repetition.groups(settled)


def kinds(blocks: Sequence[LineBlock], groups: Sequence[int], suggested: Sequence[str]) -> list[Guess]:
    """A guess for each block, in order. `suggested` counts when it names as many sections as there are blocks."""
    guesses = _from_labels(blocks, groups)
    _spread_labels(guesses, groups)
    if len(suggested) == len(blocks):
        for at, guess in enumerate(guesses):
            guesses[at] = guess or Guess(suggested[at], SUGGESTED, "so says the structure that you suggested")
    _name_repeated(guesses, blocks, groups)
    _name_the_rest(guesses, blocks)
    return [guess or Guess(labels.UNKNOWN, NOT_WORDS, "there are no words to judge by") for guess in guesses]


def _hand_labels_down(blocks: list[LineBlock], groups: list[int]) -> tuple[list[LineBlock], list[int]]:
    with_words: dict[str | None, set[int]] = defaultdict(set)
    settled: list[LineBlock] = []
    settled_groups: list[int] = []
    for block, group in zip(blocks, groups, strict=True):
        above = settled[-1] if settled else None
        if above and above.label and not above.sung and block.label is None and block.sung:
            kind = above.label.section_type
            if kind not in _REPEATING_TYPES or not with_words[kind] or group in with_words[kind]:
                block = LineBlock(above.start, block.end, above.label, max(above.repeats, block.repeats), block.sung)
                settled.pop()
                settled_groups.pop()
        if block.label and block.sung:
            with_words[block.label.section_type].add(group)
        settled.append(block)
        settled_groups.append(group)
    return settled, settled_groups


def _from_labels(blocks: Sequence[LineBlock], groups: Sequence[int]) -> list[Guess | None]:
    twins = Counter((g, block.label.section_type) for block, g in zip(blocks, groups, strict=True) if block.label)
    guesses: list[Guess | None] = []
    for block, group in zip(blocks, groups, strict=True):
        kind = block.label.section_type if block.label else None
        if block.label is None or kind is None:
            guesses.append(None)
        elif not block.sung:
            guesses.append(Guess(kind, LABELLED, f"labelled “{block.label.text}”, without words of its own"))
        elif twins[group, kind] > 1:
            reason = f"labelled “{block.label.text}”, and its words come again"
            guesses.append(Guess(kind, LABELLED_AND_REPEATED, reason))
        else:
            guesses.append(Guess(kind, LABELLED, f"labelled “{block.label.text}”"))
    return guesses


def _spread_labels(guesses: list[Guess | None], groups: Sequence[int]) -> None:
    named = {g: guess for guess, g in zip(guesses, groups, strict=True) if guess and g != repetition.NO_GROUP}
    for at, group in enumerate(groups):
        if guesses[at] is None and group in named:
            kind = named[group].kind
            guesses[at] = Guess(kind, SAME_WORDS_AS_LABELLED, f"the words of the section labelled as {kind}")


def _name_repeated(guesses: list[Guess | None], blocks: Sequence[LineBlock], groups: Sequence[int]) -> None:
    places: dict[int, list[int]] = defaultdict(list)
    for at, group in enumerate(groups):
        if group != repetition.NO_GROUP and guesses[at] is None:
            places[group].append(at)
    repeated = {group: found for group, found in places.items() if _comes_again([blocks[at] for at in found])}
    if not repeated:
        return
    named_choruses = {at for at, guess in enumerate(guesses) if guess and guess.kind == "chorus"}
    chorus = named_choruses or set(_name_chorus(guesses, blocks, repeated))
    for found in repeated.values():
        if guesses[found[0]] is None:
            for at, guess in zip(found, _beside_chorus(found, blocks, chorus), strict=True):
                guesses[at] = guess


def _comes_again(alike: Sequence[LineBlock]) -> bool:
    """Stanzas that vary one pattern are alike too, but hardly a line of them is the same."""
    if len(alike) < 2 or not _has_letters(alike[0]):
        return False
    first, second = ({line_key(line) for line in block.words} for block in alike[:2])
    return len(first & second) >= SAME_LINES * min(len(first), len(second))


def _name_chorus(guesses: list[Guess | None], blocks: Sequence[LineBlock], repeated: dict[int, list[int]]) -> list[int]:
    def weight(group: int) -> tuple[float, int]:
        found = repeated[group]
        lines = statistics.fmean(len(blocks[at].sung) for at in found)
        return len(found) * (1 + min(lines, 8) / 8), found[-1]

    found = repeated[max(repeated, key=weight)]
    kind = "chorus" if max(len(blocks[at].sung) for at in found) > 1 else "hook"
    sure = REPEATED_OFTEN if len(found) > 2 else REPEATED_TWICE
    for at in found:
        guesses[at] = Guess(kind, sure, f"its words come {len(found)} times, more weightily than any others")
    return found


def _beside_chorus(found: list[int], blocks: Sequence[LineBlock], chorus: set[int]) -> list[Guess]:
    lines = max(len(blocks[at].sung) for at in found)
    if all(at + 1 in chorus for at in found):
        kind, reason = "pre-chorus", "the same words lead into every chorus that follows them"
    elif all(at - 1 in chorus for at in found):
        kind, reason = "hook", "the same words answer every chorus"
    elif lines <= SHORT_SECTION_LINES:
        kind, reason = "hook", "a short part that comes again"
    else:
        kind, reason = "verse", "its words come again, but less often than the chorus"
    return [Guess(kind, REPEATED_SIDE_PART, reason) for _ in found]


def _name_the_rest(guesses: list[Guess | None], blocks: Sequence[LineBlock]) -> None:
    chorus = [at for at, guess in enumerate(guesses) if guess and guess.kind in ("chorus", "hook")]
    rest = [at for at, guess in enumerate(guesses) if guess is None and _has_letters(blocks[at])]
    for at in rest:
        guesses[at] = _by_place(at, blocks, chorus)
    verses = [at for at in rest if (guess := guesses[at]) and guess.kind == "verse"]
    bridge = _find_bridge(blocks, chorus, verses)
    if bridge is not None:
        reason = "after the second chorus, new words in another shape than the verses"
        guesses[bridge] = Guess("bridge", PLACE_AND_SHAPE + 0.1, reason)
    is_verse, is_chorus = set(verses) - {bridge}, set(chorus)
    climbs = [
        at
        for at in verses
        if at in is_verse and at - 1 in is_verse and at + 1 in is_chorus and _is_climb(blocks[at], blocks[at - 1])
    ]
    if len(climbs) > 1 and len({len(blocks[at].sung) for at in climbs}) == 1:
        for at in climbs:
            reason = "a short part of the same length leads from each verse to the chorus"
            guesses[at] = Guess("pre-chorus", PLACE_AND_SHAPE, reason)


def _by_place(at: int, blocks: Sequence[LineBlock], chorus: list[int]) -> Guess:
    first, last, block = at == 0, at == len(blocks) - 1, blocks[at]
    if len(blocks) > 1 and _vocable_share(block) >= 0.7:
        kind = "intro" if first else "outro" if last else "hook"
        return Guess(kind, PLACE_AND_SHAPE, "sung syllables rather than words")
    short = len(block.sung) <= SHORT_SECTION_LINES and len(blocks) >= 4
    if short and (first or last):
        kind, place = ("intro", "start") if first else ("outro", "end")
        return Guess(kind, PLACE_AND_SHAPE, f"a short part at the {place}")
    if chorus:
        return Guess("verse", VERSE_AROUND_A_CHORUS, "new words around a part that comes again")
    return Guess("verse", NO_EVIDENCE, "nothing comes again that would tell a chorus from a verse")


def _find_bridge(blocks: Sequence[LineBlock], chorus: list[int], verses: list[int]) -> int | None:
    if len(chorus) < 3 or len(verses) < 3:
        return None
    for at in reversed(verses[2:]):
        if chorus[1] < at < chorus[-1]:
            earlier = [blocks[verse] for verse in verses if verse < at]
            return at if at - 1 in chorus and not _same_shape(blocks[at], earlier) else None
    return None


def _same_shape(block: LineBlock, verses: Sequence[LineBlock]) -> bool:
    typical = statistics.fmean(_mean_syllables(verse) for verse in verses)
    as_many_lines = len(block.sung) in {len(verse.sung) for verse in verses}
    return as_many_lines and abs(_mean_syllables(block) - typical) <= 0.15 * typical


def _is_climb(block: LineBlock, verse: LineBlock) -> bool:
    return len(block.sung) <= 4 and len(block.sung) < len(verse.sung)


def _mean_syllables(block: LineBlock) -> float:
    return statistics.fmean(syllables.count(line) for line in block.words)


def _vocable_share(block: LineBlock) -> float:
    words = " ".join(line_key(line) for line in block.words).split()
    return sum(1 for word in words if word in _VOCABLES) / len(words)


def _has_letters(block: LineBlock) -> bool:
    return any(c.isalpha() for line in block.words for c in line)
