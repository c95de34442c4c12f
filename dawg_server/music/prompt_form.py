"""The sections of a piece as a prompt wants them: their order, where they begin, how long and how loud they are."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

from dawg_server.music import arrangement, bar_grid, prompt_words, score
from dawg_server.music.prompt_record import Exclusion, FormStep, PromptHints

AUDIBLE = 0.7  # energy at which every part plays: of a section that a few of them play alone
PHRASE_BARS = 4
_BUILDING = ("build", "breakdown")
_LOUD = frozenset({"drop", "chorus", "hook"})
_OPENING, _CLOSING = "intro", ("outro", bar_grid.ENDING)
_COURSES = {"rising": (0.45, 1.0), "falling": (1.0, 0.4)}  # energy at the beginning and at the end
_ARCH = (0.45, 1.0)  # at both ends, and in the middle


@dataclasses.dataclass
class _Stretch:
    name: str
    bars: int


def formed(
    sections: tuple[score.ScoreSection, ...], hints: PromptHints, beats_per_bar: float, energy: float
) -> tuple[score.ScoreSection, ...]:
    """The same bars with the sections that are wanted; `energy` -1..1 lifts or lowers those that are new.

    A last chord keeps its place and its length.
    """
    if "drop" in hints.without("event"):
        sections = arrangement.without_drop(sections, energy)
    ending = sections[-1:] if sections[-1].name == bar_grid.ENDING else ()
    whole = sections[: len(sections) - len(ending)]
    stretches = [_Stretch(each.name, round(each.beats / beats_per_bar)) for each in whole]
    wanted = _wanted(hints)
    refused = hints.without("section")
    if not whole or not (wanted or refused or hints.form.sequence or hints.form.curve):
        return sections
    bars = sum(each.bars for each in stretches)
    if hints.form.sequence:
        stretches = _in_order(hints.form.sequence, bars)
    if refused:
        stretches = _without(stretches, refused)
    lengths = [step for step in wanted if step.bars and step.bar is None and step.name != "outro"]
    if len(lengths) > 1:
        said = [_Stretch(step.name, step.bars or 0) for step in lengths]
        stretches = _cut([*said, *_cut(stretches, sum(each.bars for each in said), bars)], 0, bars)
        wanted = [step for step in wanted if step not in lengths]
    for step in wanted:
        stretches = _placed(stretches, step)
    if hints.form.curve:
        stretches = _phrases(stretches)
    known = {each.name: each.energy for each in sections}
    made = []
    start = 0.0
    for each in stretches:
        beats = each.bars * beats_per_bar
        made.append(
            score.ScoreSection(each.name, start, beats, known.get(each.name, arrangement.energy_of(each.name, energy)))
        )
        start += beats
    return (*_heard(_course(made, hints.form.curve), hints.only, beats_per_bar), *ending)


def spans(name: str | None, sections: Sequence[score.ScoreSection], beats_per_bar: float) -> list[tuple[float, float]]:
    """(first beat, beat after the last) of what a name stands for: sections, bars, or everything (None)."""
    end = sections[-1].start_beat + sections[-1].beats
    if name is None:
        return [(0.0, end)]
    if span := prompt_words.SPAN.fullmatch(name):
        return [((int(span[1]) - 1) * beats_per_bar, min(end, int(span[2]) * beats_per_bar))]
    names = _CLOSING if name == "outro" else (name,)
    return [(each.start_beat, each.start_beat + each.beats) for each in sections if each.name in names]


def _wanted(hints: PromptHints) -> list[FormStep]:
    """The steps, and a section for everything that is to be only there."""
    steps = list(dict.fromkeys(hints.form.steps))
    named = {each.name for each in steps}
    for each in (*hints.only, *hints.refused):
        if each.section in ("intro", "outro", "breakdown", "bridge") and each.section not in named:
            steps.append(FormStep(each.section))
            named.add(each.section)
    # Lengths first, from the beginning on; then what begins at a bar, so that this is where it is.
    return sorted(steps, key=lambda step: step.bar is not None)


def _in_order(names: Sequence[str], bars: int) -> list[_Stretch]:
    names = list(names)[:bars]
    whole, spare = divmod(bars // PHRASE_BARS, len(names))
    lengths = [
        whole * PHRASE_BARS + (PHRASE_BARS if number >= len(names) - spare else 0) for number in range(len(names))
    ]
    if not whole:
        whole, spare = divmod(bars, len(names))
        lengths = [whole + (number >= len(names) - spare) for number in range(len(names))]
    lengths[-1] += bars - sum(lengths)
    return [_Stretch(name, length) for name, length in zip(names, lengths, strict=True)]


def _without(stretches: list[_Stretch], refused: frozenset[str]) -> list[_Stretch]:
    """What follows begins earlier; at the end, what was before goes on."""
    kept: list[_Stretch] = []
    spare = 0
    for each in stretches:
        if each.name in refused:
            spare += each.bars
        else:
            kept.append(_Stretch(each.name, each.bars + spare))
            spare = 0
    if not kept:
        return [_Stretch("verse" if "verse" not in refused else "groove", spare)]
    kept[-1].bars += spare
    return kept


def _placed(stretches: list[_Stretch], step: FormStep) -> list[_Stretch]:
    bars = sum(each.bars for each in stretches)
    names = [each.name for each in stretches]
    if step.bar is not None:
        return _from_bar(stretches, step.name, step.bar - 1, step.bars) if step.bar <= bars else stretches
    if step.name in names and (step.bars is None or len(stretches) == 1):
        return stretches
    if step.name in names:
        return _resized(stretches, names.index(step.name), step.bars or 0)
    length = min(step.bars or (PHRASE_BARS if bars >= 2 * PHRASE_BARS else max(1, bars // 2)), max(1, bars - 1))
    if bars == 1:
        return stretches
    if step.name == _OPENING:
        return [_Stretch(step.name, length), *_cut(stretches, length, bars)]
    if step.name == "outro":
        return [*_cut(stretches, 0, bars - length), _Stretch(step.name, length)]
    if step.bars is not None:  # after the sections that were given a length before
        return _from_bar(stretches, step.name, min(bars - length, stretches[0].bars), length)
    middle = bars // 2 // PHRASE_BARS * PHRASE_BARS or bars // 2
    return _from_bar(stretches, step.name, middle, None if step.name in _LOUD else length)


def _from_bar(stretches: list[_Stretch], name: str, first: int, length: int | None) -> list[_Stretch]:
    """With a section from bar `first` (from 0) on: for `length` bars, or until the next one that has four bars."""
    bars = sum(each.bars for each in stretches)
    lines = [0, *itertools.accumulate(each.bars for each in stretches)]
    end = first + length if length else next((line for line in lines if line >= first + PHRASE_BARS), bars)
    before = _cut(stretches, 0, first)
    for each in before:
        if each.name == name:
            each.name = "verse" if name in ("chorus", "hook") else "groove"
    if name == "drop" and before and before[-1].name not in _BUILDING and first >= 2:
        build = min(PHRASE_BARS, max(1, first // 2), before[-1].bars)
        before[-1].bars -= build
        before = [*(each for each in before if each.bars), _Stretch("build", build)]
    after = _cut(stretches, min(end, bars), bars)
    return [*before, _Stretch(name, min(end, bars) - first), *after]


def _resized(stretches: list[_Stretch], place: int, bars: int) -> list[_Stretch]:
    """The neighbour (the next one, or the one before the last) gets what is over and gives what is missing."""
    made = [_Stretch(each.name, each.bars) for each in stretches]
    other = place + 1 if place + 1 < len(made) else place - 1
    bars = min(bars, made[place].bars + made[other].bars - 1)
    made[other].bars += made[place].bars - bars
    made[place].bars = bars
    return made


def _cut(stretches: Sequence[_Stretch], first: int, end: int) -> list[_Stretch]:
    """What lies from bar `first` to before bar `end`."""
    found = []
    start = 0
    for each in stretches:
        length = min(end, start + each.bars) - max(first, start)
        if length > 0:
            found.append(_Stretch(each.name, length))
        start += each.bars
    return found


def _phrases(stretches: Sequence[_Stretch]) -> list[_Stretch]:
    """Long sections in parts, so that their energy can change."""
    found = []
    for each in stretches:
        left = each.bars
        while left >= 2 * PHRASE_BARS:
            found.append(_Stretch(each.name, PHRASE_BARS))
            left -= PHRASE_BARS
        found.append(_Stretch(each.name, left))
    return found


def _course(sections: Sequence[score.ScoreSection], curve: str) -> list[score.ScoreSection]:
    if not curve:
        return list(sections)
    length = sum(each.beats for each in sections)
    mean = sum(each.energy * each.beats for each in sections) / length
    found = []
    for each in sections:
        place = (each.start_beat + each.beats / 2) / length
        if curve == "steady":
            wanted = mean
        elif curve == "arch":
            wanted = _ARCH[0] + (_ARCH[1] - _ARCH[0]) * (1 - abs(2 * place - 1))
        else:
            begin, end = _COURSES[curve]
            wanted = begin + (end - begin) * place
        found.append(dataclasses.replace(each, energy=round(wanted, 3)))
    return found


def _heard(
    sections: Sequence[score.ScoreSection], only: Sequence[Exclusion], beats_per_bar: float
) -> list[score.ScoreSection]:
    """Who plays alone plays, however calm the section is."""
    places = [span for each in only if each.section for span in spans(each.section, sections, beats_per_bar)]
    return [
        dataclasses.replace(each, energy=max(each.energy, AUDIBLE))
        if any(begin < each.start_beat + each.beats and each.start_beat < end for begin, end in places)
        else each
        for each in sections
    ]
