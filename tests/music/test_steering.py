"""Moods and prompts: the words that the composer understands."""

from __future__ import annotations

import pytest

from dawg_server.music import compose, genres, moods, steering
from tests.music.pieces import notes, parts, piece, without_mood


@pytest.mark.parametrize(
    ("prompt", "stem"), [("no drums please", "drums"), ("Without bass", "bass"), ("no melody", "melody")]
)
def test_a_refused_stem_is_left_out(prompt: str, stem: str) -> None:
    assert not notes(piece(prompt=prompt), stem)
    assert notes(piece(prompt=prompt), "chords")


def test_refusing_everything_still_leaves_music() -> None:
    assert parts(piece(prompt="no drums no bass no chords no melody"))


@pytest.mark.parametrize(
    ("prompt", "instrument"),
    [
        ("a slow piano", "grand piano"),
        ("warm Rhodes, rainy night", "electric piano"),
        ("soft guitar", "acoustic guitar"),
        ("an electric guitar riff", "clean guitar"),
        ("flute on top", "flute"),
        ("808s? yes, 808", "808"),
        ("jazzy sax", "saxophone"),
        ("double bass", "upright bass"),
    ],
)
def test_an_instrument_in_the_prompt_plays(prompt: str, instrument: str) -> None:
    for genre in ("house", "lo-fi"):
        assert instrument in {part.instrument for part in piece(genre, prompt=prompt, mood="").parts}


def test_a_refused_instrument_does_not_play() -> None:
    for seed in range(6):
        written = piece("lo-fi", prompt="no piano, no rhodes", seed=seed)
        assert not {"grand piano", "electric piano"} & {part.instrument for part in written.parts}
        assert notes(written, "chords")


def test_a_prompt_without_known_words_changes_nothing() -> None:
    assert without_mood(piece(prompt="for my cousin's barbecue")) == without_mood(piece())


def test_a_mood_word_in_the_prompt_works_like_a_mood() -> None:
    assert without_mood(piece(mood="", prompt="something dreamy")) == without_mood(piece(mood="dreamy"))


def test_sparse_has_fewer_notes_than_busy() -> None:
    for genre in genres.names():
        sparse, busy = (
            sum(len(part.notes) for seed in range(4) for part in piece(genre, mood="", prompt=word, seed=seed).parts)
            for word in ("sparse", "busy")
        )
        assert sparse < busy, genre


def test_soft_is_softer_than_powerful() -> None:
    def loudness(prompt: str) -> float:
        written = piece("pop", mood="", prompt=prompt, duration=60)
        velocities = [note.velocity for note in notes(written, "drums")]
        return sum(section.energy for section in written.sections) + sum(velocities) / len(velocities) / 100

    assert loudness("soft") < loudness("") < loudness("powerful")


def test_straight_and_swing_override_the_style() -> None:
    assert steering.read("straight beat").swing == 0.5
    assert steering.read("with a shuffle").swing == steering.SWUNG
    assert steering.read("fast").swing is None
    straight = piece("boom bap", prompt="straight")
    hats = [note.start * 4 for note in notes(straight, "drums") if note.pitch == 42]
    assert all(abs(hat - round(hat)) < 0.1 for hat in hats)


def test_moods_add_up_and_stay_within_bounds() -> None:
    both = moods.read("dark and menacing, very aggressive")
    assert both.valence == -1
    assert both.prefers[0] == moods.WORDS["dark"].prefers[0]
    assert moods.read("") == moods.Mood() == moods.read("darkroom")
    assert moods.read("GOLDEN-ERA") == moods.WORDS["golden era"]


def test_moods_shade_the_sound() -> None:
    assert piece("techno", mood="industrial").grit > piece("techno", mood="minimal").grit
    assert piece("pop", mood="bright").brightness > piece("pop", mood="dark").brightness
    assert piece("indie", mood="dreamy").space > piece("indie", mood="energetic").space
    for shade in ("brightness", "space", "grit"):
        assert 0 <= getattr(piece("dubstep", mood="aggressive heavy angry industrial"), shade) <= 1


def test_three_four_time_is_a_waltz() -> None:
    written = compose.compose(genre="folk", bpm=100, key="G", mood="", duration=30, seed=1, beats_per_bar=3)
    assert all(section.beats % 3 == 0 for section in written.sections[:-1])
    assert notes(written, "drums")
