"""What must be true of every piece, whatever the genre."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from dawg_server.music import compose, genres, instruments, score, theory
from tests.music.pieces import compose_anew, notes, parts, piece, without_mood
from tests.sampling import sample

ROOT = Path(__file__).parents[2]
PITCH_RANGE = {"bass": (24, 67), "chords": (36, 96), "melody": (40, 108)}
WITH_NINTHS = {"jazz", "r&b", "lo-fi", "boom bap", "hip hop", "amapiano", "ambient", "garage", "bossa nova", "soul"}
SEVENTH_ON_EVERY_CHORD = {"funk", "blues"}  # a minor one, also on the tonic
EVERY_GENRE = pytest.mark.parametrize("genre", sample(genres.names(), "trap", "lo-fi", "jazz", "techno"))


@EVERY_GENRE
@pytest.mark.parametrize("duration", [5, 30, 300])
def test_notes_are_playable_sorted_and_inside_the_duration(genre: str, duration: int) -> None:
    for bpm, key in ((200, "Em"), (60, "F#m"), (117.3, "Bb"))[: 1 if duration == 300 else 3]:
        found = piece(genre, duration=duration, key=key, bpm=bpm)
        total = duration * found.bpm / 60
        assert found.parts
        for part in found.parts:
            starts = [note.start for note in part.notes]
            assert starts == sorted(starts)
            assert part.stem in score.STEMS
            for note in part.notes:
                assert 0 <= note.start < total
                assert note.duration > 0
                assert note.start + note.duration <= total + 1e-6
                assert 1 <= note.velocity <= 127
        for part in parts(found):
            low, high = PITCH_RANGE.get(part.stem, (27, 87))
            assert all(low <= note.pitch <= high for note in part.notes), part.instrument


@EVERY_GENRE
def test_no_pitch_of_a_part_sounds_twice_at_once(genre: str) -> None:
    for part in piece(genre, duration=60).parts:
        ends: dict[int, float] = {}
        for note in part.notes:
            assert note.start >= ends.get(note.pitch, 0.0) - 1e-9
            ends[note.pitch] = note.start + note.duration


@EVERY_GENRE
def test_every_stem_has_something_to_play(genre: str) -> None:
    for seed in range(5):
        assert {part.stem for part in parts(piece(genre, seed=seed))} == set(score.STEMS)


@EVERY_GENRE
@pytest.mark.parametrize("key", ["Cm", "D"])
def test_pitches_stay_in_the_key(genre: str, key: str) -> None:
    scale = theory.parse_key(key).scale
    found = genres.find(genre)
    assert found is not None
    for mood in found.moods:
        written = piece(genre, key=key, mood=mood)
        pitched = [note for part in parts(written) if part.stem != "drums" for note in part.notes]
        share = sum(note.pitch % 12 in scale for note in pitched) / len(pitched)
        assert share >= (0.65 if genre in SEVENTH_ON_EVERY_CHORD else 0.8 if genre in ("jazz", "r&b") else 0.87), mood


@EVERY_GENRE
@pytest.mark.parametrize("key", ["Am", "F"])
def test_the_piece_ends_on_the_tonic_chord_that_rings_within_the_duration(genre: str, key: str) -> None:
    for duration in (5, 21.3, 60):
        written = piece(genre, key=key, duration=duration)
        tonic = theory.parse_key(key)
        triad = {tonic.tonic, (tonic.tonic + (3 if tonic.minor else 4)) % 12, (tonic.tonic + 7) % 12}
        ending = written.sections[-1]
        assert ending.name == "ending"
        last = [note for note in notes(written, "chords") if note.start >= ending.start_beat - 0.1]
        assert triad & {note.pitch % 12 for note in last}
        if genre not in WITH_NINTHS | SEVENTH_ON_EVERY_CHORD:
            assert {note.pitch % 12 for note in last} <= triad | {tonic.scale[6]}
        low = min(notes(written, "bass")[-1:] or last, key=lambda note: note.pitch)
        assert low.pitch % 12 == tonic.tonic
        seconds = 60 / written.bpm
        assert max(note.start + note.duration for note in last) * seconds <= duration
        assert ending.beats * seconds >= min(1.5, duration / 6) - 1e-6


@EVERY_GENRE
def test_the_bass_stands_on_the_tonic_more_than_on_any_other_note(genre: str) -> None:
    for key in ("Cm", "G"):
        beats: Counter[int] = Counter()
        for seed in range(6):
            for note in notes(piece(genre, key=key, seed=seed), "bass"):
                beats[note.pitch % 12] += round(note.duration * 96)
        often = [tone for tone, _ in beats.most_common(2 if genre == "bossa nova" else 1)]  # which plays as many fifths
        assert theory.parse_key(key).tonic in often


@EVERY_GENRE
def test_the_same_seed_writes_the_same_score_and_another_seed_another(genre: str) -> None:
    assert compose_anew(genre, seed=7) == compose_anew(genre, seed=7)
    assert len({piece(genre, seed=seed).parts for seed in range(4)}) == 4


def test_scores_do_not_depend_on_the_process_or_its_hash_seed() -> None:
    code = (
        "from tests.music.pieces import piece; from dawg_server.music import genres;"
        "print(*(piece(name, duration=20, seed=42) for name in genres.names()[::5]))"
    )
    printed = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    ]
    assert printed[0] == printed[1]
    assert printed[0].decode().strip() == " ".join(
        str(piece(name, duration=20, seed=42)) for name in genres.names()[::5]
    )


@EVERY_GENRE
def test_each_of_a_genres_moods_makes_another_piece(genre: str) -> None:
    found = genres.find(genre)
    assert found is not None
    written = [without_mood(piece(genre, mood=mood)) for mood in (*found.moods, "")]
    for first, second in itertools.combinations(written, 2):
        assert first != second


def test_an_unknown_mood_changes_nothing() -> None:
    assert without_mood(piece(mood="zxqw")) == without_mood(piece(mood=""))


@EVERY_GENRE
def test_a_fill_leads_out_of_every_section_that_has_drums(genre: str) -> None:
    for seed in range(3):
        written = piece(genre, seed=seed, duration=90)
        drums = notes(written, "drums")
        for section in written.sections[:-1]:
            if section.name == "build":  # all of it is one roll
                continue
            bars = [
                sorted((round(n.start - start, 1), n.pitch) for n in drums if start - 0.1 <= n.start < start + 3.9)
                for start in _bar_starts(section)
            ]
            strokes = [pitch for offset, pitch in bars[-1] if offset >= 2 and pitch != 36]
            assert strokes, section.name
            if len(bars) >= 4:
                assert bars[-1] != bars[-3], section.name


def _bar_starts(section: score.ScoreSection) -> list[float]:
    return [section.start_beat + 4 * bar for bar in range(round(section.beats / 4))]


@EVERY_GENRE
def test_sections_are_whole_bars_without_gaps(genre: str) -> None:
    for duration in (5, 17, 64):
        written = piece(genre, duration=duration, key="Em", bpm=200)
        at = 0.0
        for section in written.sections:
            assert section.start_beat == pytest.approx(at)
            assert 0 < section.energy <= 1
            at += section.beats
        assert at == pytest.approx(duration * written.bpm / 60)
        assert all(section.beats % 4 == 0 for section in written.sections[:-1])


def test_any_two_genres_differ_in_drums_bass_and_chords() -> None:
    written = {
        genre: piece(genre, bpm=120, mood="", prompt="straight", duration=20, seed=3) for genre in genres.names()
    }
    for stem in ("drums", "bass", "chords"):
        rhythms = {genre: _rhythm(each, stem) for genre, each in written.items()}
        for first, second in itertools.combinations(rhythms, 2):
            assert rhythms[first] != rhythms[second], (first, second, stem)


def _rhythm(written: score.Score, stem: str) -> list[tuple[float, int]]:
    return [(round(note.start * 4) / 4, note.pitch) for note in notes(written, stem)]


@EVERY_GENRE
def test_instruments_have_a_midi_program_or_are_a_kit(genre: str) -> None:
    for seed in range(5):
        for part in piece(genre, seed=seed).parts:
            assert part.instrument in instruments.PROGRAMS or part.instrument.startswith("kit ")


def test_808_glides_begin_in_a_sounding_note_of_their_pitch() -> None:
    for genre in ("drill", "trap"):
        glides = 0
        for seed in range(8):
            for part in piece(genre, seed=seed, duration=60, prompt="swing").parts:
                for slide in part.slides:
                    glides += 1
                    assert slide.duration > 0
                    assert slide.from_pitch != slide.to_pitch
                    assert any(
                        note.pitch == slide.from_pitch
                        and note.start <= slide.start
                        and slide.start + slide.duration <= note.start + note.duration + 1e-6
                        for note in part.notes
                    )
        assert glides >= (40 if genre == "drill" else 10)


def test_five_minutes_are_composed_in_half_a_second() -> None:
    compose_anew("drum and bass")  # reads its patterns once
    began = time.process_time()
    compose_anew("drum and bass", duration=300, bpm=180)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [({"key": "H"}, "letter A to G"), ({"bpm": 10}, "bpm"), ({"duration": 301}, "duration"), ({"duration": 4}, "dur")],
)
def test_wrong_values_are_refused_with_a_sentence(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        piece(**change)
    with pytest.raises(ValueError, match="trap, lo-fi"):
        compose.compose(genre="polka", bpm=120, key="C", mood="", duration=30, seed=1)
