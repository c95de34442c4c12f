"""A fixed panel of seeds of every genre: the statistics that tell composing from drawing lots. Scores only."""

from __future__ import annotations

import functools
import itertools
import operator
import random
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from dawg_server.generation import requests
from dawg_server.music import faces, genres, moods, score, styles
from tests.music.pieces import notes, parts, piece

SEEDS = range(40, 41)
# Shares of the moves between the notes of folk songs, and of those moves that turn back (percent).
SONGS = {"step": 57, "third": 12, "fourth": 12, "wide": 3}
TURNS = 48
TOLERANCE = 8


@functools.cache
def panel() -> tuple[score.Score, ...]:
    return tuple(
        piece(genre.name, seed=seed, key="Am" if seed % 2 else "C", mood=genre.moods[seed % 4], duration=40)
        for genre in genres.GENRES
        for seed in SEEDS
    )


def moves() -> Iterator[list[int]]:
    for written in panel():
        for part in parts(written):
            if part.stem == "melody":
                yield [later.pitch - earlier.pitch for earlier, later in pairwise(part.notes)]


def kind(move: int) -> str:
    size = abs(move)
    return "same" if not size else "step" if size <= 2 else "third" if size == 3 else "fourth" if size < 7 else "wide"


def test_melodies_move_as_songs_do() -> None:
    found = Counter(kind(move) for line in moves() for move in line)
    shares = {name: 100 * found[name] / found.total() for name in SONGS}
    assert all(abs(shares[name] - SONGS[name]) <= TOLERANCE for name in SONGS), shares
    going = [[move for move in line if move] for line in moves()]
    turns = [earlier * later < 0 for line in going for earlier, later in pairwise(line)]
    assert abs(100 * sum(turns) / len(turns) - TURNS) <= TOLERANCE, sum(turns) / len(turns)


def bars_of(written: score.Score, section: score.ScoreSection, stem: str) -> list[tuple[tuple[float, int], ...]]:
    """What each bar of a section plays, to the eighth of a beat."""
    bars: list[list[tuple[float, int]]] = [[] for _ in range(round(section.beats / written.beats_per_bar))]
    for note in notes(written, stem):
        at = round((note.start - section.start_beat) * 8) / 8
        if 0 <= at < section.beats:
            number, offset = divmod(at, written.beats_per_bar)
            bars[int(number)].append((offset, note.pitch))
    return [tuple(sorted(bar)) for bar in bars]


@pytest.mark.parametrize("genre", ["trap", "reggaeton"])
def test_a_hook_that_returns_repeats_its_drums(genre: str) -> None:
    shares = []
    for seed in range(6):
        written = piece(genre, seed=seed, duration=90)
        loud = [section for section in written.sections if section.name in ("hook", "chorus", "drop")]
        hooks = [bars_of(written, section, "drums") for section in loud]
        for first, again in pairwise(hooks):
            shares.append(sum(bar in first for bar in again) / len(again))
    assert len(shares) >= 4
    assert sum(shares) / len(shares) >= 0.8


@pytest.mark.parametrize("genre", genres.names())
def test_no_two_of_twenty_share_more_than_half_of_their_face(genre: str) -> None:
    found = genres.find(genre)
    assert found is not None
    for minor, first in ((True, 7), (False, 1000)):
        drawn = [
            faces.draw(
                styles.of(genre),
                minor=minor,
                mood=moods.read(found.moods[0]),
                seed=seed,
                rng=random.Random(f"{seed}/{genre}/face"),
            )
            for seed in range(first, first + 20)
        ]
        told = [[name for what, name in each.drawn() if what not in ("kit", "verseProgression")] for each in drawn]
        for one, other in itertools.combinations(told, 2):
            assert sum(map(operator.eq, one, other)) <= 2, (one, other)
        lead = next(iter(styles.of(genre).leads))
        assert len({each.lineup.instruments[lead] for each in drawn}) >= 4
        assert len({each.kit for each in drawn}) >= 3


def test_sections_have_four_eight_or_sixteen_bars() -> None:
    for written in panel():
        for section in written.sections[:-1]:
            allowed = (1, 2, 4) if section.name in ("intro", "turnaround") else (4, 8, 16)
            assert section.beats / written.beats_per_bar in allowed, (written.genre, section)


def test_verse_and_chorus_are_kin() -> None:
    kin = []
    for genre in ("pop", "soul"):
        for seed in range(4):
            written = piece(genre, seed=seed, duration=90)
            openings = {}
            for section in written.sections:
                starts = [
                    (round(note.start - section.start_beat, 1), note.pitch)
                    for note in notes(written, "melody")
                    if -0.05 <= note.start - section.start_beat < 3.9
                ]
                if starts:
                    openings.setdefault(section.name, [at for at, _ in starts])
            if {"verse", "chorus"} <= set(openings):
                verse, chorus = set(openings["verse"]), set(openings["chorus"])
                kin.append(len(verse & chorus) / max(1, min(len(verse), len(chorus))))
    assert len(kin) >= 4
    assert sum(kin) / len(kin) >= 0.75


@pytest.mark.parametrize(
    ("quarters", "compound"), [(3.0, False), (3.0, True), (6.0, True), (5.0, False)], ids=["3/4", "6/8", "12/8", "5/4"]
)
def test_metres_are_composed(quarters: float, compound: bool) -> None:
    for genre in ("pop", "blues", "jazz", "orchestral", "trap"):
        written = piece(genre, beats_per_bar=quarters, compound=compound, seed=3)
        assert written.compound == compound
        assert all(section.beats % quarters == 0 for section in written.sections[:-1])
        places = Counter(round(note.start % quarters * 12) / 12 % quarters for note in notes(written, "bass"))
        assert places[0.0] > 0
        if compound:  # everything straight is on eighths
            drums = [note for note in notes(written, "drums") if note.pitch in (36, 37, 38, 39) and note.velocity > 85]
            on_eighths = [abs(note.start * 2 - round(note.start * 2)) < 0.15 for note in drums]
            assert sum(on_eighths) >= 0.85 * len(on_eighths) > 0, (genre, written.drawn)


def test_sad_and_upbeat_are_told_apart() -> None:
    """Where neither tempo nor key is asked for, mode, tempo, density, brightness and register tell in nine of ten."""
    told, majors = [], []
    for genre in genres.GENRES[::2]:
        sad, upbeat = (_asked(genre.name, mood) for mood in ("sad", "upbeat"))
        told.append(_valence(upbeat) > _valence(sad) + 0.5)
        majors.append((sad.key.endswith("m"), upbeat.key.endswith("m")))
        assert upbeat.bpm >= sad.bpm
    assert sum(told) >= 0.9 * len(told)
    assert set(majors) == {(True, False)}


def test_happy_is_major_and_dark_is_minor_in_every_genre() -> None:
    for genre in genres.names():
        assert not _settled(genre, "happy")["key"].endswith("m")
        assert _settled(genre, "dark")["key"].endswith("m")


def _settled(genre: str, mood: str) -> dict[str, Any]:
    asked = dict.fromkeys(("bpm", "key", "timeSignature", "duration", "bars", "ending", "project"))
    return requests.settle(asked | {"genre": genre, "mood": mood, "seed": 5, "usual": 30.0}, None).request


def _asked(genre: str, mood: str) -> score.Score:
    decided = _settled(genre, mood)
    return piece(genre, seed=5, mood=mood, bpm=decided["bpm"], key=decided["key"])


def _valence(written: score.Score) -> float:
    """What lets a listener guess a mood: mode, tempo, notes a second, brightness and how high the melody is."""
    melody = [note.pitch for note in notes(written, "melody")]
    return (
        1.0 * (not written.key.endswith("m"))
        + written.bpm / 60
        + 0.05 * sum(len(part.notes) for part in parts(written)) / written.duration
        + 2.0 * written.brightness
        + sum(melody) / len(melody) / 24
    )
