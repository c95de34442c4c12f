"""The drums of each genre, by what a listener would recognise."""

from __future__ import annotations

import statistics
from collections import Counter
from itertools import pairwise

import pytest

from dawg_server.music import rhythm, score
from tests.music.pieces import notes, piece

SWINGING = {"boom bap": 0.25, "lo-fi": 0.25, "hip hop": 0.25, "r&b": 0.25, "jazz": 0.5, "house": 0.25}
STRAIGHT = ("trap", "drill", "techno", "edm", "drum and bass", "dubstep", "pop", "rock", "indie", "country", "folk")


def offbeat(genre: str, grid: float) -> float:
    """Where the second note of each pair usually falls, as a share of the pair (0.5 is straight)."""
    phases = []
    for seed in range(5):
        for note in notes(piece(genre, seed=seed), "drums"):
            phase = note.start % (2 * grid) / (2 * grid)
            if note.pitch not in (37, 38, 39) and 0.4 < phase < 0.8:
                phases.append(phase)
    return statistics.median(phases)


@pytest.mark.parametrize("genre", SWINGING)
def test_swinging_genres_swing_measurably(genre: str) -> None:
    assert offbeat(genre, SWINGING[genre]) > (0.515 if genre == "house" else 0.54)


def test_jazz_swings_in_eighths_near_triplets_and_boom_bap_harder_than_hip_hop() -> None:
    assert 0.6 < offbeat("jazz", 0.5) < 0.68
    assert offbeat("boom bap", 0.25) > offbeat("hip hop", 0.25) > offbeat("house", 0.25)


@pytest.mark.parametrize("genre", STRAIGHT)
def test_other_genres_are_straight(genre: str) -> None:
    assert abs(offbeat(genre, 0.25) - 0.5) < 0.02


BACKBEATS = (rhythm.SNARE, rhythm.CLAP, rhythm.RIM)


def hits(written: score.Score, pitch: int | tuple[int, ...], names: tuple[str, ...]) -> Counter[float]:
    """How often a drum, or one of some, falls loudly on each sixteenth of the bar within sections of these names."""
    pitches = pitch if isinstance(pitch, tuple) else (pitch,)
    places: Counter[float] = Counter()
    for section in written.sections:
        if section.name in names:
            for note in notes(written, "drums"):
                if (
                    note.pitch in pitches
                    and section.start_beat - 0.1 <= note.start < section.start_beat + section.beats
                ):
                    places[round((note.start - section.start_beat) * 4) / 4 % 4] += note.velocity > 80
    return places


@pytest.mark.parametrize("genre", ["house", "techno", "edm"])
def test_club_music_kicks_on_every_beat(genre: str) -> None:
    written = piece(genre, duration=90)
    bars = sum(section.beats / 4 for section in written.sections if section.name == "drop")
    kicks = hits(written, rhythm.KICK, ("drop",))
    assert all(kicks[beat] == bars for beat in (0, 1, 2, 3))


def test_house_and_edm_open_the_hat_off_the_beat() -> None:
    for genre in ("house", "edm"):
        opened: Counter[float] = Counter()
        for seed in range(4):
            opened += hits(piece(genre, seed=seed, duration=60), rhythm.OPEN_HAT, ("drop",))
        assert sum(opened[beat + 0.5] for beat in range(4)) > 0.9 * sum(opened.values()) > 0


@pytest.mark.parametrize("genre", ["trap", "dubstep"])
def test_half_time_genres_put_the_snare_on_three(genre: str) -> None:
    for seed in range(4):
        snares = hits(piece(genre, seed=seed, duration=90), BACKBEATS, ("verse", "hook", "drop"))
        assert snares[2] == max(snares.values())
        assert snares[1] < 0.3 * snares[2]


def test_drill_moves_every_second_snare_late() -> None:
    for seed in range(4):
        snares = hits(piece("drill", seed=seed, duration=90), (rhythm.SNARE, rhythm.CLAP), ("verse", "hook"))
        assert snares[2] > 0 < snares[3]
        assert snares[2] + snares[3] > 0.6 * sum(snares.values())


@pytest.mark.parametrize("genre", ["boom bap", "hip hop", "drum and bass", "pop", "rock", "indie"])
def test_backbeat_genres_put_the_snare_on_two_and_four(genre: str) -> None:
    for seed in range(4):
        written = piece(genre, seed=seed, duration=90)
        if "half-time" not in dict(written.drawn)["groove"]:
            snares = hits(written, BACKBEATS, ("verse", "hook", "drop", "chorus"))
            assert min(snares[1], snares[3]) >= 0.8 * max(snares.values()), written.drawn


def test_trap_rolls_its_hats_in_triplets_and_thirty_seconds() -> None:
    gaps: Counter[float] = Counter()
    for seed in range(6):
        hats = [note.start for note in notes(piece("trap", seed=seed, duration=60), "drums") if note.pitch == 42]
        gaps.update(round(later - earlier, 2) for earlier, later in pairwise(hats))
    triplets = sum(count for gap, count in gaps.items() if 0.15 <= gap <= 0.18)
    fast = sum(count for gap, count in gaps.items() if 0.11 <= gap <= 0.14)
    assert triplets > 30
    assert fast > 30


def test_country_plays_a_train_beat_on_the_snare() -> None:
    trains = [written for seed in range(8) if "train" in dict((written := piece("country", seed=seed)).drawn)["groove"]]
    assert trains
    for written in trains:
        places = hits(written, rhythm.SNARE, ("verse", "chorus"))
        assert sum(places[beat + 0.5] for beat in range(4)) >= 0.6 * sum(places.values()) > 0


def test_jazz_keeps_time_on_the_ride_and_closes_the_hat_on_two_and_four() -> None:
    written = piece("jazz", duration=60)
    drums = notes(written, "drums")
    assert sum(note.pitch == rhythm.RIDE for note in drums) > 0.3 * len(drums)
    assert {round(note.start) % 4 for note in drums if note.pitch == rhythm.FOOT_HAT} == {1, 3}


def test_a_build_rolls_faster_and_louder_until_the_drop() -> None:
    written = piece("edm", duration=90)
    build = next(section for section in written.sections if section.name == "build")
    snares = [
        note
        for note in notes(written, "drums")
        if note.pitch == rhythm.SNARE and build.start_beat - 0.1 <= note.start < build.start_beat + build.beats - 0.1
    ]
    half = build.start_beat + build.beats / 2
    early, late = [n for n in snares if n.start < half], [n for n in snares if n.start >= half]
    assert len(late) > 1.8 * len(early)
    assert min(n.velocity for n in late[-4:]) > max(n.velocity for n in early)


def test_ghost_notes_are_softer_than_backbeats() -> None:
    velocities = [note.velocity for note in notes(piece("boom bap", duration=60), "drums") if note.pitch == 38]
    assert min(velocities) < 50
    assert max(velocities) > 105
    assert len(set(velocities)) > 8
