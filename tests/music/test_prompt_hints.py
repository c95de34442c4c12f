"""Moods and prompts: the words that the composer understands."""

from __future__ import annotations

import pytest

from dawg_server.music import compose, genres, moods, prompt_hints, score
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


@pytest.mark.parametrize(
    ("prompt", "refused"),
    [
        ("no drums and bass", {"drums", "bass"}),
        ("no drums, bass or piano", {"drums", "bass", "grand piano", "electric piano"}),
        ("without any melody", {"melody"}),
        ("I don't want drums", {"drums"}),
        ("please don’t use the bass", {"bass"}),
        ("leave out the bassline", {"bass"}),
        ("pads instead of a melody", {"melody"}),
        ("no more drums", {"drums"}),
        ("not any bass", {"bass"}),
        ("no drums at all", {"drums"}),
        ("no bass, not too dark", {"bass"}),
        ("no hats and not too much bass", {"hat"}),
        ("not a single drum", {"drums"}),
        ("drumless", {"drums"}),
        ("drum-free, please", {"drums"}),
        ("neither drums nor bass", {"drums", "bass"}),
        ("no need for drums", {"drums"}),
        ("no bass drum", {"bass drum"}),
        ("no hi-hats, no claps", {"hi hat", "clap"}),
        ("neither fast nor slow, no organ", {"organ"}),
        ("no guitars", {"acoustic guitar", "clean guitar", "overdriven guitar", "lead guitar", "steel guitar"}),
        ("no acoustic guitar", {"acoustic guitar"}),
        ("no beat drop", {"drop"}),
        ("no drum fills", {"fill"}),
        ("no drums but a warm piano", {"drums"}),
        ("no drums and soft piano", {"drums"}),
        ("no drums, piano and strings", {"drums"}),
        ("no vinyl noise", {"vinyl noise"}),
        # nothing of this leaves anything out
        ("not without drums", set()),
        ("don't leave out the bass", set()),
        ("nothing but drums", set()),
        ("not only piano", set()),
        ("no drum solo, no beat switch, no piano intro", set()),
        ("no heavy drums", set()),
        ("no crazy drums", set()),
        ("no drum and bass", set()),
        ("no vocals, drums", set()),
        ("I can't wait for the drums", set()),
        ("restless drums and endless bass", set()),
    ],
)
def test_a_negation_holds_for_its_phrase(prompt: str, refused: set[str]) -> None:
    assert {each.name for each in prompt_hints.read(prompt).refused if each.section is None} == refused


@pytest.mark.parametrize(
    ("prompt", "amounts"),
    [
        ("not too much bass", {("bass", -1)}),
        ("not too many drums", {("drums", -1)}),
        ("not so much drums", {("drums", -1)}),
        ("not much melody", {("melody", -1)}),
        ("not as many hats", {("hat", -1)}),
        ("not that much bass please", {("bass", -1)}),
        ("not many drums or hats", {("drums", -1), ("hat", -1)}),
        ("not a lot of bass", {("bass", -1)}),
        ("not very much bass", {("bass", -1)}),
        ("not overly loud drums", set()),
        ("don't use too much bass", {("bass", -1)}),
        ("I don't want too many drums", {("drums", -1)}),
        ("without too much bass", {("bass", -1)}),
        ("no more than a few hats", {("hat", -1)}),
        ("not more than a little bass", {("bass", -1)}),
        ("too much bass last time", {("bass", -1)}),
        ("too many hats", {("hat", -1)}),
        ("a lot of bass", {("bass", 1)}),
        ("no more than two hats", set()),
        ("go easy on the bass", {("bass", -1)}),
        ("light on drums, heavy on bass", {("drums", -1), ("bass", 1)}),
        ("not heavy on drums", {("drums", -1)}),
        ("lots of drums", {("drums", 1)}),
        ("plenty of bass", {("bass", 1)}),
        ("a little bass", {("bass", -1)}),
        ("a bit of bass", {("bass", -1)}),
        ("a few hats", {("hat", -1)}),
        ("little bass, few hats", {("bass", -1), ("hat", -1)}),
        ("hardly any drums", {("drums", -1)}),
        ("barely any bass", {("bass", -1)}),
        ("scarcely any melody", {("melody", -1)}),
        ("no shortage of bass", {("bass", 1)}),
        ("no lack of drums", {("drums", 1)}),
        ("can't have enough drums", {("drums", 1)}),
        ("can't get enough of that bass", {("bass", 1)}),
        ("not enough bass", {("bass", 1)}),
        ("not nearly enough bass", {("bass", 1)}),
        ("a little more bass", {("bass", 1)}),
        ("a bit less bass", {("bass", -1)}),
        ("not less bass", {("bass", 1)}),
        ("not too much bass and drums", {("bass", -1), ("drums", -1)}),
        ("not too much bass but more drums", {("bass", -1), ("drums", 1)}),
        # neither more nor less
        ("not only drums", set()),
        ("not just piano", set()),
        ("not only drums and bass", set()),
        ("enough bass", set()),
        ("bass and drums", set()),
        ("a piano too, drums", set()),
    ],
)
def test_a_degree_weighs_and_leaves_nothing_out(prompt: str, amounts: set[tuple[str, int]]) -> None:
    hints = prompt_hints.read(prompt)
    assert {(each.name, each.sign) for each in hints.amounts} == amounts
    assert not hints.refused


def test_not_too_much_of_a_stem_can_still_be_heard() -> None:
    for prompt in ("not too much bass", "hardly any bass", "not much bass"):
        written = piece("house", prompt=prompt)
        assert notes(written, "bass")
        assert written.trims == (("bass", -8.0),)


def test_a_little_of_an_instrument_asks_for_it() -> None:
    assert prompt_hints.read("a little piano").instrument("chords") == "grand piano"
    assert prompt_hints.read("not too much piano").instrument("chords") is None
    assert prompt_hints.read("a little dark").mood == moods.WORDS["dark"]


def test_no_beat_drop_keeps_the_drums_and_leaves_out_the_drop() -> None:
    for genre in ("trap", "edm", "house"):
        written = piece(genre, prompt="no beat drop", duration=60)
        assert notes(written, "drums")
        assert not {"drop", "build"} & {section.name for section in written.sections}
        assert not {"riser", "impact"} & {part.instrument for part in written.parts}


@pytest.mark.parametrize(
    "prompt",
    [
        "not too dark",
        "not so dark",
        "not that dark",
        "not very dark",
        "not much darkness",
        "not dark",
        "nothing dark",
        "don't make it dark",
        "less dark",
    ],
)
def test_a_mood_that_is_not_wanted_is_turned_around(prompt: str) -> None:
    for mood in ("dark", ""):
        plain, turned = piece("trap", mood=mood), piece("trap", mood=mood, prompt=prompt)
        assert turned.brightness > plain.brightness
    hints = prompt_hints.read(prompt)
    assert hints.mood.valence > 0
    assert hints.unwanted == {"dark"}
    assert not hints.mood.prefers
    assert prompt_hints.read("not not dark").mood == moods.WORDS["dark"]


def test_moods_and_other_leanings_are_negated_one_by_one() -> None:
    hints = prompt_hints.read("happy, not sad or angry, but not too busy")
    assert hints.unwanted == {"sad", "angry", "busy"}
    assert hints.mood.valence > 0.9
    assert -0.2 < hints.mood.density < 0.2
    assert prompt_hints.read("last time it was too dark").unwanted == {"dark"}
    assert not prompt_hints.read("with a piano too, dark").unwanted
    assert prompt_hints.read("no swing").swing == 0.5
    assert prompt_hints.read("not too much swing").swing == 0.5
    assert prompt_hints.read("a little swing").swing == prompt_hints.SWUNG
    assert prompt_hints.read("not straight").swing == prompt_hints.SWUNG
    assert prompt_hints.read("not trap, rather house").genres == ("house",)


def pitches(written: score.Score, name: str) -> set[int]:
    spans = [(each.start_beat, each.start_beat + each.beats) for each in written.sections if each.name == name]
    return {note.pitch for note in notes(written, "drums") for a, b in spans if a - 0.05 <= note.start < b - 0.1}


def test_pieces_of_the_kit_are_left_out_alone() -> None:
    for genre in ("house", "trap", "rock"):
        without_kick = piece(genre, prompt="no bass drum")
        assert notes(without_kick, "bass")
        assert not {35, 36} & {note.pitch for note in notes(without_kick, "drums")}
        assert {38, 39, 42} & {note.pitch for note in notes(without_kick, "drums")}
        hatless = piece(genre, prompt="no hi-hats")
        assert not {42, 44, 46} & {note.pitch for note in notes(hatless, "drums")}
        assert 36 in {note.pitch for note in notes(hatless, "drums")}


def test_what_is_left_out_of_a_section_plays_in_the_others() -> None:
    written = piece("pop", prompt="no kick in the verses, no bass in the intro", duration=90)
    assert 36 in pitches(piece("pop", duration=90), "verse")
    assert 36 not in pitches(written, "verse")
    assert 36 in pitches(written, "chorus")
    intro = written.sections[0]
    assert intro.name == "intro"
    assert notes(written, "bass")
    assert min(note.start for note in notes(written, "bass")) >= intro.beats - 0.1


def test_less_and_more_weigh_stems_instruments_and_drum_pieces() -> None:
    plain, less, more = (piece("house", prompt=prompt) for prompt in ("", "less hats", "more hats"))

    def loudness(written: score.Score, pitch: int) -> float:
        velocities = [note.velocity for note in notes(written, "drums") if note.pitch == pitch]
        return sum(velocities) / len(velocities)

    assert loudness(less, 42) < 0.6 * loudness(plain, 42)
    assert loudness(more, 42) > 1.1 * loudness(plain, 42)
    assert loudness(less, 36) == loudness(plain, 36)
    assert piece("house", prompt="less bass, more drums").trims == (("bass", -8.0), ("drums", 4.0))
    assert plain.trims == ()


def test_who_refuses_a_genres_only_bass_gets_another() -> None:
    for seed in range(4):
        (bass,) = {part.instrument for part in piece("trap", prompt="no 808", seed=seed).parts if part.stem == "bass"}
        assert bass != "808"


def test_a_prompt_without_known_words_changes_nothing() -> None:
    assert without_mood(piece(prompt="for my cousin's barbecue")) == without_mood(piece())


def test_a_mood_word_in_the_prompt_works_like_a_mood() -> None:
    assert without_mood(piece(mood="", prompt="something dreamy")) == without_mood(piece(mood="dreamy"))


def test_sparse_has_fewer_notes_than_busy() -> None:
    for genre in genres.names()[::3]:
        sparse, busy = (
            sum(len(part.notes) for seed in range(2) for part in piece(genre, mood="", prompt=word, seed=seed).parts)
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
    assert prompt_hints.read("straight beat").swing == 0.5
    assert prompt_hints.read("with a shuffle").swing == prompt_hints.SWUNG
    assert prompt_hints.read("fast").swing is None
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
