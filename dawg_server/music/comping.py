"""How chords are played: blocks, strums, arpeggios and fingerpicking, in smooth voicings.

Symbols in chord patterns: `x` block, `X` accented, `o` soft; `d` and `u` a strum down and up; a digit is one note of
the voicing from the lowest (0), counting on into the next octave; `n` anticipates the next chord.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence

from dawg_server.music import bar_grid, moods, patterns, score, style, theory, voicing

_VELOCITIES = {"X": 100, "x": 86, "o": 62, "d": 92, "u": 70, "n": 84}
_PICKED_VELOCITY = 80
_WEIGHTS = {  # of the velocity, by semitones above the tonic
    True: {2: 1.18, 3: 1.2, 7: 1.12, 8: 0.86, 10: 0.9, 11: 1.15},  # minor
    False: {0: 1.1, 4: 1.08, 9: 0.94, 10: 0.9},
}
_STRING_GAP_BEATS = 0.025
_STRUMMED = frozenset("du0123456789")


def layer(
    bars: Sequence[bar_grid.Bar], layer: style.ChordLayer, key: theory.MusicalKey, mood: moods.Mood, rng: random.Random
) -> list[score.Note]:
    """One layer's notes, straight and unhumanised, leaning on the key's third and fifth."""
    calm, loud = patterns.pick(layer.patterns, mood.density, rng)
    voiced = _Voices(layer)
    notes: list[score.Note] = []
    for bar in bars:
        if not _plays(layer, bar):
            continue
        pattern = loud if bar.section.energy >= 0.8 else calm
        loudness = 0.8 + 0.2 * bar.section.energy
        if bar.ending:
            notes += _final(voiced.of(bar.harmony[0].chord), bar, bool(_STRUMMED & set(pattern)))
            continue
        for event in patterns.read(pattern, bar.number, bar.metre):
            if event.offset < bar.beats:
                notes += _event(event, bar, voiced, loudness)
    return [_weighed(note, key) for note in notes]


def _weighed(note: score.Note, key: theory.MusicalKey) -> score.Note:
    # The bass sounds the tonic; which key it is the tonic of is said by the notes above it.
    weight = _WEIGHTS[key.minor].get((note.pitch - key.tonic) % 12, 1.0)
    return dataclasses.replace(note, velocity=max(1, min(127, round(note.velocity * weight))))


class _Voices:
    """The voicing of each chord in turn, led from the one before."""

    def __init__(self, layer: style.ChordLayer) -> None:
        self._layer = layer
        self._chord: theory.Chord | None = None
        self._pitches: tuple[int, ...] = ()

    def of(self, chord: theory.Chord) -> tuple[int, ...]:
        if chord != self._chord:
            layer = self._layer
            self._pitches = voicing.voice(
                chord.of_size(layer.size), layer.voicing, layer.low, layer.high, self._pitches
            )
            self._chord = chord
        return self._pitches


def _plays(layer: style.ChordLayer, bar: bar_grid.Bar) -> bool:
    if bar.ending:
        return layer.until > 1
    return layer.energy <= bar.section.energy < layer.until or (layer.until > 1 and bar.section.energy >= layer.energy)


def _event(event: patterns.Stroke, bar: bar_grid.Bar, voiced: _Voices, loudness: float) -> list[score.Note]:
    start = bar.start + event.offset
    end = min(start + event.beats, bar.end)
    if event.symbol == "n":
        return _block(voiced.of(bar.ahead), start, end - start, _VELOCITIES["n"] * loudness)
    notes: list[score.Note] = []
    while start < end - 1e-6:  # a held chord is played anew when the harmony changes under it
        stop = min(end, bar.boundary_after(start))
        pitches = voiced.of(bar.chord_at(start))
        length = (stop - start) * 0.97
        if event.symbol.isdigit():
            octave, index = divmod(int(event.symbol), len(pitches))
            velocity = _PICKED_VELOCITY + (8 if event.offset % 1 == 0 else 0)
            notes.append(score.Note(start, length, pitches[index] + 12 * octave, round(velocity * loudness)))
        elif event.symbol in "du":
            notes += _strum(pitches, start, length, _VELOCITIES[event.symbol] * loudness, event.symbol == "d")
        else:
            notes += _block(pitches, start, length, _VELOCITIES[event.symbol] * loudness)
        start = stop
    return notes


def _block(pitches: tuple[int, ...], start: float, length: float, velocity: float) -> list[score.Note]:
    return [score.Note(start, length, pitch, round(velocity)) for pitch in pitches]


def _strum(pitches: tuple[int, ...], start: float, length: float, velocity: float, down: bool) -> list[score.Note]:
    # An up-stroke catches the higher strings only.
    strings = pitches if down else tuple(reversed(pitches[-3:]))
    return [
        score.Note(
            start + place * _STRING_GAP_BEATS,
            max(0.1, length - place * _STRING_GAP_BEATS),
            pitch,
            round(velocity * (1 - 0.03 * place)),
        )
        for place, pitch in enumerate(strings)
    ]


def _final(pitches: tuple[int, ...], bar: bar_grid.Bar, strummed: bool) -> list[score.Note]:
    if strummed:
        return _strum(pitches, bar.start, bar.beats, 84, True)
    return _block(pitches, bar.start, bar.beats, 84)
