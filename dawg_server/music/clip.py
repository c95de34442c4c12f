"""One part alone, for a MIDI clip: chords, bass, a melody or drums in key and metre, on the grid, ready to loop."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence

from dawg_server.music import (
    bar_grid,
    bass,
    comping,
    faces,
    genres,
    groove,
    harmony,
    melody,
    moods,
    rhythm,
    score,
    styles,
    theory,
)
from dawg_server.music.style import ChordLayer, GenreStyle

PARTS = ("chords", "bass", "melody", "drums")
COMPLEXITIES = {"simple": -0.7, "medium": 0.0, "complex": 0.7}  # as density (see `moods.Mood`)
MOST_BARS = 64
_ENERGY = 0.78  # of a section where everybody plays
_ENERGY_PER_DENSITY = 0.24
_PLAIN_CHORDS = "x--- ---- ---- ----"


def part_notes(
    part: str,
    key: str,
    genre: str,
    bars: int,
    complexity: str = "medium",
    seed: int = 0,
    beats_per_bar: float = 4.0,
    mood: moods.Mood = moods.NEUTRAL,
    chords: Sequence[score.ScoreChord] = (),
    swing: tuple[float, float] | None = None,
) -> tuple[score.Note, ...]:
    """Notes of "chords", "bass", "melody" or "drums" over `bars` (1..64), all within `bars * beats_per_bar` beats.

    `complexity` is simple, medium or complex, and how dense the notes are whatever the mood; `beats_per_bar` counts
    quarter notes (6/8 is 3). `chords` (sorted) are those that are there already, `swing` and its grid (see
    `groove.Timing`) those of drums that are there. The same arguments give the same
    notes. Raises ValueError with a sentence for people.
    """
    found = genres.find(genre)
    if found is None:
        raise ValueError(f"Unknown genre. Choose one of: {', '.join(genres.names())}.")
    if part not in PARTS:
        raise ValueError(f"A part is one of: {', '.join(PARTS)}.")
    if complexity not in COMPLEXITIES:
        raise ValueError(f"Complexity is one of: {', '.join(COMPLEXITIES)}.")
    if not 1 <= bars <= MOST_BARS:
        raise ValueError(f"bars has to be between 1 and {MOST_BARS}.")
    style, parsed, density = styles.of(found.name), theory.parse_key(key), COMPLEXITIES[complexity]
    mood = dataclasses.replace(mood, density=density)
    face = _face(style, parsed, mood, seed)
    frames = harmony.replaced(_frames(style, parsed, mood, bars, beats_per_bar, face, seed), chords)
    rng = random.Random(f"{seed}/{found.name}/{part}/{complexity}")
    if part == "drums":
        notes = rhythm.drums(frames, _with_fills(style, bars, complexity), face.groove, mood, rng)
    elif part == "bass":
        notes, _ = bass.line(frames, dataclasses.replace(style.bass, energy=0.0), face.bass, parsed, mood, rng)
    elif part == "melody":
        lead = dataclasses.replace(next(iter(style.leads.values())), energy=0.0)
        notes = melody.lead(frames, lead, parsed, mood, rng)
    else:
        notes = comping.layer(frames, _chord_layer(style, complexity), parsed, mood, rng)
    swung, grid = swing or (style.swing, style.swing_grid)
    on_grid = groove.Timing(swung, grid, 0.0, 0.0, bars * beats_per_bar)
    return tuple(groove.perform(notes, on_grid, rng, drums=part == "drums"))


def chord_symbols(
    key: str, genre: str, bars: int, complexity: str = "medium", seed: int = 0, beats_per_bar: float = 4.0
) -> tuple[score.ScoreChord, ...]:
    """The chords that the parts of these arguments play."""
    found = genres.find(genre)
    assert found is not None
    style, parsed = styles.of(found.name), theory.parse_key(key)
    mood = dataclasses.replace(moods.NEUTRAL, density=COMPLEXITIES[complexity])
    frames = _frames(style, parsed, mood, bars, beats_per_bar, _face(style, parsed, mood, seed), seed)
    return harmony.symbols(frames, parsed, _chord_layer(style, complexity).size)


def instrument(part: str, key: str, genre: str, seed: int = 0) -> str:
    """What plays a part in the line-up of these arguments."""
    found = genres.find(genre)
    assert found is not None
    style = styles.of(found.name)
    face = _face(style, theory.parse_key(key), moods.NEUTRAL, seed)
    if part == "drums":
        return face.kit
    roles = {"bass": ("bass",), "chords": tuple(style.layers), "melody": tuple(style.leads)}[part]
    return next(name for name in (face.lineup.instruments.get(role) for role in roles) if name)


def _face(style: GenreStyle, key: theory.MusicalKey, mood: moods.Mood, seed: int) -> faces.Face:
    # The same for every part and complexity of a seed, so that they belong together.
    return faces.draw(style, minor=key.minor, mood=mood, seed=seed, rng=random.Random(f"{seed}/{style.genre}/face"))


def _frames(
    style: GenreStyle,
    key: theory.MusicalKey,
    mood: moods.Mood,
    bars: int,
    beats_per_bar: float,
    face: faces.Face,
    seed: int,
) -> list[bar_grid.Bar]:
    energy = _ENERGY + _ENERGY_PER_DENSITY * mood.density
    section = score.ScoreSection("verse", 0.0, bars * beats_per_bar, energy)
    return harmony.lay(
        [section],
        key=key,
        style=style,
        progressions=(face.progressions[0],) * 2,
        mood=moods.Mood(),
        beats_per_bar=beats_per_bar,
        metre=bar_grid.metre(beats_per_bar),
        rng=random.Random(f"{seed}/{style.genre}/harmony"),
    )


def _with_fills(style: GenreStyle, bars: int, complexity: str) -> GenreStyle:
    return style if bars > 1 and complexity != "simple" else dataclasses.replace(style, fills=((),))


def _chord_layer(style: GenreStyle, complexity: str) -> ChordLayer:
    """The layer that plays whole chords rather than single notes."""
    whole = (
        layer for layer in style.layers.values() if not any(sign.isdigit() for text in layer.patterns for sign in text)
    )
    layer = dataclasses.replace(next(whole), energy=0.0, until=1.01)
    if complexity == "simple":
        return dataclasses.replace(layer, patterns=(_PLAIN_CHORDS,), size=3)
    return dataclasses.replace(layer, size=min(5, layer.size + 1)) if complexity == "complex" else layer
