"""Chords for every bar, from the progressions that were drawn (`faces`); the tonic stays at the centre.

Every section begins on the tonic unless it is a contrast (bridge, breakdown, prechorus); sections end with a cadence
where the style has one, and the ending is the tonic chord.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Sequence

from dawg_server.music import bar_grid, moods, patterns, score, style, theory

_CONTRASTING = frozenset({"bridge", "prechorus"})
_LOUD = frozenset({"chorus", "hook", "drop", "head", "turnaround"})
_DOMINANTS = frozenset({"V", "v", "ii,V"})
_LAST_CADENCE = {True: "VII", False: "V"}
_COLOURED_EVERY_BARS = 8  # a colour tints one bar in eight, so that the key stays clear
_COLOURS = {
    ("phrygian", True): "bII",
    ("dorian", True): "IV",
    ("mixolydian", False): "bVII",
}


def lay(
    sections: Sequence[score.ScoreSection],
    *,
    key: theory.MusicalKey,
    style: style.GenreStyle,
    progressions: tuple[str, str],
    mood: moods.Mood,
    beats_per_bar: float,
    metre: patterns.Metre,
    rng: random.Random,
    loop: bool = False,
) -> list[bar_grid.Bar]:
    """All bars of the piece with their chords. The end of a `loop` leads to its beginning.

    `progressions`: of the loud sections, and of the others.
    """
    mode = 0 if key.minor else 1
    turnaround, contrast = style.turnarounds[mode], rng.choice(style.contrasts[mode])
    numerals: list[tuple[score.ScoreSection, int, int, float, str]] = []
    for index, section in enumerate(sections):
        if section.name == bar_grid.ENDING:
            numerals.append((section, 0, 0, section.beats, "i" if key.minor else "I"))
            continue
        progression = progressions[section.name not in _LOUD]
        if section.name == "outro":
            progression = style.farewells[mode]
        elif section.name == "turnaround":
            progression = turnaround or progressions[0]
        elif section.name in _CONTRASTING:
            progression = contrast
        count = round(section.beats / beats_per_bar)
        following = sections[(index + 1) % len(sections)].name if loop or index + 1 < len(sections) else ""
        for number, text in enumerate(_section(progression, count, key, style, mood, following)):
            numerals.append((section, number, count - 1 - number, beats_per_bar, text))
    return _bars(numerals, key, beats_per_bar, metre)


def replaced(bars: Sequence[bar_grid.Bar], chords: Sequence[score.ScoreChord]) -> list[bar_grid.Bar]:
    """The same bars with these chords (sorted) where they lie; elsewhere they keep their own."""
    found = []
    for bar in bars:
        given = [
            bar_grid.Span(begin, end - begin, theory.parse_chord(each.symbol)[1])
            for each in chords
            if (end := min(each.start_beat + each.beats, bar.end)) - (begin := max(each.start_beat, bar.start)) > 1e-6
        ]
        lines = sorted(
            {bar.start, *(span.start for span in (*bar.harmony, *given)), *(s.start + s.beats for s in given)}
        )
        places = [line for line in lines if line < bar.end - 1e-6]
        spans = []
        for begin, end in itertools.pairwise([*places, bar.end]):
            own = next((span for span in given if span.start - 1e-6 <= begin < span.start + span.beats - 1e-6), None)
            spans.append(bar_grid.Span(begin, end - begin, own.chord if own else bar.chord_at(begin)))
        found.append(dataclasses.replace(bar, harmony=tuple(spans)))
    following = [*found[1:], found[0]]
    return [dataclasses.replace(bar, ahead=after.harmony[0].chord) for bar, after in zip(found, following, strict=True)]


def symbols(bars: Sequence[bar_grid.Bar], key: theory.MusicalKey, size: int) -> tuple[score.ScoreChord, ...]:
    """The chords under the bars, of at most `size` notes, each until the next one."""
    found: list[score.ScoreChord] = []
    for span in (span for bar in bars for span in bar.harmony):
        symbol = span.chord.of_size(size).symbol(key)
        if found and found[-1].symbol == symbol:
            found[-1] = dataclasses.replace(found[-1], beats=found[-1].beats + span.beats)
        else:
            found.append(score.ScoreChord(symbol, span.start, span.beats))
    return tuple(found)


def _section(
    progression: str, count: int, key: theory.MusicalKey, style: style.GenreStyle, mood: moods.Mood, following: str
) -> list[str]:
    cycle = progression.split()
    texts = [cycle[number % len(cycle)] for number in range(count)]
    colour = _COLOURS.get((mood.colour, key.minor))
    if colour:
        # The bar before the last of each group: it then falls back to the tonic's side.
        for number in range(_COLOURED_EVERY_BARS - 2, count, _COLOURED_EVERY_BARS):
            texts[number] = colour
    cadence = style.cadences[0 if key.minor else 1] or (
        _LAST_CADENCE[key.minor] if following == bar_grid.ENDING else ""
    )
    if count >= 2 and following and cadence and texts[-1] not in _DOMINANTS:
        # Half a bar: the progression keeps its last chord, and the cadence leads out of it.
        texts[-1] = cadence if "," in cadence else f"{texts[-1].split(',')[0]},{cadence}"
    return texts


def _bars(
    numerals: list[tuple[score.ScoreSection, int, int, float, str]],
    key: theory.MusicalKey,
    beats_per_bar: float,
    metre: patterns.Metre,
) -> list[bar_grid.Bar]:
    chords = [[theory.chord(numeral, key, 5) for numeral in text.split(",")] for *_, text in numerals]
    bars = []
    for index, (section, number, left, beats, _) in enumerate(numerals):
        start = section.start_beat + number * beats_per_bar
        width = beats / len(chords[index])
        spans = tuple(bar_grid.Span(start + place * width, width, chord) for place, chord in enumerate(chords[index]))
        ahead = chords[(index + 1) % len(chords)][0]
        bars.append(bar_grid.Bar(start, beats, section, number, left, metre, spans, ahead))
    return bars
