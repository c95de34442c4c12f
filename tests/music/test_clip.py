from __future__ import annotations

import pytest

from dawg_server.music import clip, genres, theory
from tests.sampling import sample

EVERY_GENRE = pytest.mark.parametrize(
    "genre", sample(genres.names(), "trap", "lo-fi", "jazz", "country", "funk", "ambient", "amapiano")
)


@EVERY_GENRE
@pytest.mark.parametrize("part", clip.PARTS)
def test_a_clip_fills_its_bars_and_never_leaves_them(genre: str, part: str) -> None:
    for bars, beats in ((1, 4.0), (4, 3.0), (8, 4.0), (64, 4.0), (3, 3.5), (2, 5.0)):
        notes = clip.part_notes(part, "Am", genre, bars, beats_per_bar=beats)
        assert notes
        assert [note.start for note in notes] == sorted(note.start for note in notes)
        assert all(note.start >= 0 and note.start + note.duration <= bars * beats + 1e-9 for note in notes)
        assert max(note.start for note in notes) >= (bars - 1) * beats - 4 * beats
        assert min(note.start for note in notes) < beats


@EVERY_GENRE
@pytest.mark.parametrize("part", ["chords", "melody"])
def test_a_clip_is_in_key_and_begins_on_the_tonic_chord(genre: str, part: str) -> None:
    for name in ("Cm", "F#"):
        key = theory.parse_key(name)
        notes = clip.part_notes(part, name, genre, 8)
        assert sum(note.pitch % 12 in key.scale for note in notes) >= (
            0.6 if genre in ("funk", "blues") else 0.8
        ) * len(notes)
        if part == "chords":
            first = {note.pitch % 12 for note in notes if note.start < 0.2} or {notes[0].pitch % 12}
            seventh = {(key.tonic + 10) % 12}  # of a blues
            assert first <= set(theory.chord("i" if key.minor else "I", key, 5).tones) | seventh


def test_complexity_adds_notes() -> None:
    def count(part: str, complexity: str) -> int:
        asked = [(name, seed) for name in genres.names()[::5] for seed in (1, 2, 3)]
        return sum(len(clip.part_notes(part, "Cm", name, 8, complexity, seed)) for name, seed in asked)

    for part in clip.PARTS:
        counts = [count(part, complexity) for complexity in ("simple", "medium", "complex")]
        assert counts[0] < counts[1] < counts[2], part


def test_chords_and_melody_of_one_seed_share_their_harmony() -> None:
    fitting = total = 0
    for seed in range(6):
        chords = clip.part_notes("chords", "G", "pop", 8, "simple", seed)
        for note in clip.part_notes("melody", "G", "pop", 8, "simple", seed):
            around = {c.pitch % 12 for c in chords if c.start <= note.start < c.start + c.duration + 0.2}
            if note.start % 4 == 0:
                total += 1
                fitting += note.pitch % 12 in around
    assert fitting > 0.85 * total > 10


def test_the_same_arguments_give_the_same_notes_and_another_seed_others() -> None:
    first, second = (clip.part_notes("melody", "Cm", "jazz", 8, "complex", 4) for _ in range(2))
    assert first == second
    assert len({clip.part_notes("melody", "Cm", "jazz", 8, "complex", seed) for seed in range(5)}) == 5


def test_straight_genres_are_on_the_grid() -> None:
    for part in ("chords", "melody"):
        for note in clip.part_notes(part, "Cm", "house" if part == "melody" else "pop", 4):
            assert note.start * 480 == pytest.approx(round(note.start * 480))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("flute", "Cm", "pop", 4), "part"),
        (("drums", "X", "pop", 4), "letter"),
        (("drums", "Cm", "polka", 4), "trap"),
        (("drums", "Cm", "pop", 65), "bars"),
        (("drums", "Cm", "pop", 4, "hard"), "Complexity"),
    ],
)
def test_wrong_arguments_are_refused_with_a_sentence(arguments: tuple[str, str, str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clip.part_notes(*arguments)
