"""Bass lines, chords and melodies, by what their genres are known for."""

from __future__ import annotations

import random
import re
from collections import Counter
from itertools import pairwise

from dawg_server.music import bar_grid, genres, harmony, melody, moods, patterns, score, styles, theory, voicing
from tests.music.pieces import notes, parts, piece


def laid(
    sections: list[score.ScoreSection], key: theory.MusicalKey, genre: str, mood: moods.Mood = moods.NEUTRAL
) -> list[bar_grid.Bar]:
    """Bars of 4/4 over the brightest progression of a genre."""
    style = styles.of(genre)
    return harmony.lay(
        sections,
        key=key,
        style=style,
        progressions=(style.progressions(key.minor)[-1],) * 2,
        mood=mood,
        beats_per_bar=4,
        metre=patterns.FOUR_FOUR,
        rng=random.Random(1),
    )


def test_jazz_walks_in_quarters_and_mostly_by_step() -> None:
    walking = (written for seed in range(40) if dict((written := piece("jazz", seed=seed)).drawn)["bass"] == "walking")
    line = notes(next(walking), "bass")[:-1]
    gaps = Counter(round(later.start - earlier.start) for earlier, later in pairwise(line))
    assert gaps[1] > 0.85 * sum(gaps.values())
    moves = [abs(later.pitch - earlier.pitch) for earlier, later in pairwise(line)]
    assert sum(move <= 4 for move in moves) > 0.55 * len(moves)
    assert sum(move == 0 for move in moves) < 0.1 * len(moves)
    assert max(moves) <= 12


def test_country_bass_alternates_root_and_fifth() -> None:
    fifths = bars = 0
    for seed in range(8):
        written = notes(piece("country", seed=seed, duration=60), "bass")
        by_beat = {round(note.start * 2) / 2: note.pitch for note in written}
        for beat, pitch in by_beat.items():
            if beat % 4 == 0 and beat + 2 in by_beat:
                bars += 1
                fifths += (by_beat[beat + 2] - pitch) % 12 == 7
    assert fifths > 0.5 * bars > 40


def test_rock_plays_power_chords() -> None:
    guitar = [part for part in parts(piece("rock", duration=60)) if part.instrument == "overdriven guitar"]
    together = Counter(round(note.start * 4) for part in guitar[:1] for note in part.notes)
    assert guitar
    assert set(together.values()) == {3}
    by_place: dict[int, list[int]] = {}
    for note in guitar[0].notes:
        by_place.setdefault(round(note.start * 4), []).append(note.pitch)
    assert all(sorted(pitch - min(chord) for pitch in chord) == [0, 7, 12] for chord in by_place.values())


def test_jazz_and_r_and_b_chords_are_richer_than_rock() -> None:
    def tones(genre: str) -> float:
        by_place: dict[int, set[int]] = {}
        first = next(part for part in parts(piece(genre, duration=60)) if part.stem == "chords")
        for note in first.notes:
            by_place.setdefault(round(note.start * 4), set()).add(note.pitch % 12)
        return sum(map(len, by_place.values())) / len(by_place)

    assert tones("r&b") > 4
    assert tones("jazz") >= 2.9  # rootless: third, seventh and ninth
    assert tones("rock") <= 2.1


def test_folk_guitar_is_picked_note_by_note() -> None:
    guitar = next(part for part in parts(piece("folk", duration=60)) if part.stem == "chords")
    places = Counter(round(note.start * 8) for note in guitar.notes[:-5])
    assert sum(count == 1 for count in places.values()) > 0.9 * len(places)


def test_voices_move_little_from_chord_to_chord() -> None:
    key = theory.parse_key("Cm")
    before: tuple[int, ...] = ()
    for numeral in ("i", "VI", "III", "VII", "iv", "v", "i", "iv", "VII", "III"):
        pitches = voicing.voice(theory.chord(numeral, key), "close", 53, 76, before)
        assert 53 <= pitches[0] < pitches[-1] <= 76
        if before:
            moves = [min(abs(pitch - other) for other in before) for pitch in pitches]
            assert max(moves) <= 4
        before = pitches


def test_every_voicing_keeps_to_the_chord() -> None:
    for kind in voicing.KINDS:
        for numeral in ("i", "iv", "VII"):
            chord = theory.chord(numeral, theory.parse_key("F#m"), 5)
            pitches = voicing.voice(chord, kind, 48, 76)
            assert list(pitches) == sorted(set(pitches))
            assert {pitch % 12 for pitch in pitches} <= set(chord.tones)


def test_progressions_begin_on_the_tonic() -> None:
    for style in map(styles.of, genres.names()):
        assert all(re.split("[ ,]", text)[0] == "i" for text in style.minor), style.genre
        assert all(re.split("[ ,7]", text)[0] == "I" for text in style.major), style.genre


def test_a_phrygian_mood_tints_now_and_then_only() -> None:
    key = theory.parse_key("Cm")
    section = [score.ScoreSection("verse", 0, 64, 0.7)]
    bars = laid(section, key, "trap", moods.read("dark"))
    tinted = [bar.number for bar in bars if any(span.chord.root == 1 for span in bar.harmony)]
    assert tinted == [6, 14]


def test_melodies_repeat_their_motifs_and_rest() -> None:
    for genre in ("trap", "pop", "folk", "house", "indie", "lo-fi"):
        written = piece(genre, duration=120, seed=2)
        lead = max((part for part in parts(written) if part.stem == "melody"), key=lambda part: len(part.notes))
        bars: dict[int, list[float]] = {}
        for note in lead.notes:
            bars.setdefault(round(note.start * 4) // 16, []).append(round(note.start * 4) % 16)
        rhythms = Counter(map(tuple, bars.values()))
        assert rhythms.most_common(1)[0][1] >= 3, genre
        assert 1 < len(rhythms) < len(bars), genre


def test_melodies_stand_on_chord_tones_on_the_downbeat() -> None:
    key = theory.parse_key("G")
    section = [score.ScoreSection("chorus", 0, 128, 0.9)]
    for genre in ("pop", "rock", "country", "jazz"):
        style = styles.of(genre)
        rng = random.Random(3)
        bars = laid(section, key, genre)
        strong = [
            n for n in melody.lead(bars, next(iter(style.leads.values())), key, moods.Mood(), rng) if n.start % 4 == 0
        ]
        tones = [bars[int(note.start // 4)].chord_at(note.start).of_size(4).tones for note in strong]
        assert len(strong) > 12
        assert all(note.pitch % 12 in chord for note, chord in zip(strong, tones, strict=True)), genre


def test_no_melody_sticks_to_one_note() -> None:
    for genre in genres.names()[::3]:
        for part in (part for part in parts(piece(genre, duration=60)) if part.stem == "melody"):
            pitches = [note.pitch for note in part.notes]
            stuck = sum(len(set(pitches[index : index + 5])) == 1 for index in range(len(pitches) - 4))
            assert stuck <= 0.05 * len(pitches), genre
            assert len(set(pitches)) >= 4, genre


def test_a_melody_sings_within_reach() -> None:
    for genre in ("pop", "jazz", "folk"):
        lead = next(part for part in parts(piece(genre, duration=120)) if part.stem == "melody")
        moves = [abs(later.pitch - earlier.pitch) for earlier, later in pairwise(lead.notes)]
        assert sum(move <= 5 for move in moves) > 0.7 * len(moves), genre
        assert max(moves) <= 24, genre


def test_metres_borrow_beats_from_four() -> None:
    assert bar_grid.metre(4) == patterns.FOUR_FOUR
    assert bar_grid.metre(3).borrowed == (0, 1, 3)
    assert bar_grid.metre(5).borrowed == (0, 1, 3, 0, 1)
    assert bar_grid.metre(3.5).borrowed == (0, 1, 2, 3)
    assert bar_grid.metre(7).borrowed == (0, 1, 2, 3, 0, 1, 3)
