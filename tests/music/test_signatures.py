"""What each scene calls its own, in every piece of it."""

from __future__ import annotations

from collections import Counter

import pytest

from dawg_server.music import rhythm, score
from tests.music.pieces import notes, parts, piece

SEEDS = range(3)
LOUD = ("hook", "chorus", "drop", "groove", "verse", "head", "solo")
SIXTEENTHS = 16


def places(written: score.Score, pitches: tuple[int, ...], least: int = 60) -> Counter[int]:
    """How often drums fall on each sixteenth of the bar, in bars that are not the last of a section."""
    found: Counter[int] = Counter()
    for section in written.sections:
        if section.name in LOUD:
            end = section.start_beat + section.beats - 4
            for note in notes(written, "drums"):
                if note.pitch in pitches and section.start_beat - 0.1 <= note.start < end and note.velocity >= least:
                    found[round((note.start - section.start_beat) * 4) % SIXTEENTHS] += 1
    return found


def share(found: Counter[int], *wanted: int) -> float:
    return sum(found[place] for place in wanted) / max(1, found.total())


@pytest.mark.parametrize(
    ("genre", "pitches", "wanted"),
    [
        ("reggaeton", (rhythm.SNARE,), (3, 6, 11, 14)),  # the dembow
        ("dancehall", (rhythm.KICK,), (0, 3, 8, 11)),  # three, three, two
        ("jersey club", (rhythm.KICK,), (0, 4, 8, 11, 14)),  # five kicks
        ("afrobeats", (rhythm.RIM,), (0, 3, 6, 10, 12)),  # the clave
        ("reggae", (rhythm.SNARE, rhythm.RIM), (8,)),  # the one drop
        ("synthwave", (rhythm.SNARE,), (4, 12)),
        ("gospel", (rhythm.CLAP,), (4, 12, 2, 6, 10, 14)),
    ],
)
def test_a_scenes_beat_is_its_own(genre: str, pitches: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    for seed in SEEDS:
        written = piece(genre, seed=seed, prompt="straight", duration=60)
        assert share(places(written, pitches, 85), *wanted) >= 0.8, written.drawn


def test_two_step_leaves_out_the_third_beat() -> None:
    written = [piece("garage", seed=seed, prompt="straight", duration=60) for seed in range(8)]
    stepping = [each for each in written if dict(each.drawn)["groove"] != "four by four"]
    for each in stepping:
        kicks = places(each, (rhythm.KICK,), 85)
        assert kicks[8] == 0 < kicks[10]
    assert len(stepping) >= 5


def test_amapiano_has_a_log_drum_and_shakers_in_sixteenths() -> None:
    for seed in SEEDS:
        written = piece("amapiano", seed=seed, prompt="straight", duration=60)
        assert [part.instrument for part in parts(written) if part.stem == "bass"] == ["log drum"]
        assert len(places(written, (rhythm.SHAKER,), 30)) >= 12


def test_a_reggae_skank_is_off_the_beat() -> None:
    for seed in SEEDS:
        written = piece("reggae", seed=seed, prompt="straight", duration=60)
        skank = next(part for part in parts(written) if part.stem == "chords")
        off = [round(note.start * 4) % 4 in (2, 3) for note in skank.notes[:-6]]
        assert sum(off) >= 0.9 * len(off) > 0


def test_bossa_has_its_clave_on_the_rim_and_a_heartbeat_below() -> None:
    for seed in SEEDS:
        written = piece("bossa nova", seed=seed, duration=60)
        assert share(places(written, (rhythm.KICK,)), 0, 3, 4, 7, 8, 11, 12, 15) >= 0.9
        assert places(written, (rhythm.RIM,)).total() > 0


def test_metal_has_power_chords_and_many_kicks() -> None:
    for seed in SEEDS:
        written = piece("metal", seed=seed, duration=60)
        assert "overdriven guitar" in {part.instrument for part in parts(written)}
    assert max(places(piece("metal", seed=seed), (rhythm.KICK,)).total() for seed in range(5)) >= 60


def test_funk_is_on_the_one_and_ghosts_its_snare() -> None:
    for seed in SEEDS:
        written = piece("funk", seed=seed, prompt="straight", duration=60)
        kicks = places(written, (rhythm.KICK,), 100)
        assert kicks[0] == max(kicks.values())
        ghosts = [note.velocity < 55 for note in notes(written, "drums") if note.pitch == rhythm.SNARE]
        assert sum(ghosts) >= 0.2 * len(ghosts)


def test_a_blues_shuffles_over_dominant_sevenths() -> None:
    for seed in SEEDS:
        written = piece("blues", seed=seed, key="E", duration=60)
        chords = [each.symbol for each in written.chords]
        assert {"E7", "A7"} <= set(chords) or {"E7", "B7"} <= set(chords)


def test_ambient_has_no_backbeat_and_an_orchestra_no_kit() -> None:
    for seed in SEEDS:
        for genre in ("ambient", "orchestral"):
            drums = notes(piece(genre, seed=seed, duration=60), "drums")
            assert not [note for note in drums if note.pitch in (rhythm.CLAP, rhythm.CLOSED_HAT)]
    assert any(note.pitch == 41 for seed in SEEDS for note in notes(piece("orchestral", seed=seed), "drums"))
