"""A loop: whole bars to the sample, without an ending, that go on into their own beginning."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import mido
import numpy as np
import pytest

from dawg_server.music import compose, genres, midi, score, sound
from dawg_server.music.sound import profiles
from tests.music.sound import pieces
from tests.sampling import sample

RATE = 44_100


def composed(genre: str, bars: int, **changes: float) -> score.Score:
    found = genres.find(genre)
    assert found is not None
    bpm = changes.pop("bpm", found.default_bpm)
    seconds = bars * changes.get("beats_per_bar", 4) * 60 / bpm
    return compose.compose(
        genre=genre, bpm=bpm, key="Cm", mood=found.moods[0], duration=seconds, seed=4, loop=True, **changes
    )


def level(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples)) + 1e-12))


@pytest.mark.parametrize("genre", sample(["trap", "lo-fi", "drum and bass", "rock"], "lo-fi"))
def test_four_bars_are_four_bars_and_level_at_their_seam(genre: str, tmp_path: Path) -> None:
    written = composed(genre, 4)
    done = sound.render(written, tmp_path, formats=("wav",))
    mix = pieces.read(done.mix["wav"])
    frames = round(4 * 240 / written.bpm * RATE)
    assert (len(mix), done.duration) == (frames, frames / RATE)
    assert all(len(pieces.read(path)) == frames for path in done.stems.values())
    assert done.lufs == pytest.approx(profiles.loudness(genre), abs=1.0 if genre in profiles.CLUB_GENRES else 0.3)
    assert done.true_peak <= -1
    twice = np.concatenate([mix, mix])
    bar = frames // 4
    around = (level(mix[:bar]) + level(mix[-bar:])) / 2
    assert level(twice[frames - bar // 2 : frames + bar // 2]) == pytest.approx(around, abs=1)
    # No edge: the samples on both sides of the seam bend no more than those around them usually do.
    bends = np.abs(np.diff(twice, 2, axis=0)).max(axis=1)
    assert bends[frames - 2 : frames + 1].max() < np.percentile(bends[frames - 2000 : frames + 2000], 99)
    # The last quarter second plays.
    assert level(mix[-RATE // 4 :]) > around - 12


@pytest.mark.parametrize(("genre", "bpm"), [("house", 125.0), ("dubstep", 137.31)])
def test_a_loop_repeated_is_what_twice_as_many_bars_would_be(genre: str, bpm: float, tmp_path: Path) -> None:
    """Room, echoes, ducking, compressor and limiter all come round: bars in the middle have no seam to hide."""
    once = dataclasses.replace(pieces.piece(genre, duration=4 * 60 / bpm, bpm=bpm), loop=True)
    beats, drums = 4.0, once.parts[0]
    parts = [
        dataclasses.replace(part, notes=tuple(note for note in part.notes if note.start < beats)) for part in once.parts
    ]
    # Drum hits are played in three recordings by turns: with a number that three divides, each bar has the same.
    hits = [note for note in drums.notes if note.start < beats]
    parts[0] = dataclasses.replace(drums, notes=tuple(hits[: len(hits) // 3 * 3]))
    once = dataclasses.replace(once, parts=tuple(parts))
    doubled = [
        dataclasses.replace(
            part,
            notes=(*part.notes, *(dataclasses.replace(note, start=note.start + beats) for note in part.notes)),
        )
        for part in parts
    ]
    twice = dataclasses.replace(once, parts=tuple(doubled), duration=2 * once.duration)
    one, two = (
        sound.render(each, tmp_path / name, formats=("wav",), bit_depth=24)
        for each, name in ((once, "once"), (twice, "twice"))
    )
    short, long = pieces.read(one.mix["wav"]), pieces.read(two.mix["wav"])
    assert abs(2 * len(short) - len(long)) <= 1
    repeated = np.concatenate([short, short])[: len(long)]
    repeated, long = repeated[: len(long)], long[: len(repeated)]
    repeated *= (repeated * long).sum() / np.square(repeated).sum()
    # Not silence: the stems are balanced, and their gains planned, by what each piece has in its blocks and frames.
    difference = repeated - long
    seam = slice(len(short) - RATE // 4, len(short) + RATE // 4)
    assert level(difference) < level(long) - 25
    assert level(difference[seam]) < level(difference) + 3
    edge = np.abs(np.diff(difference[len(short) - 3 : len(short) + 3], axis=0)).max()
    assert 20 * np.log10(edge + 1e-9) < -60


def test_every_format_of_a_bar_holds_the_bar(tmp_path: Path) -> None:
    done = sound.render(composed("house", 1, bpm=200), tmp_path, formats=("wav", "flac", "mp3"), stem_format="flac")
    assert len(pieces.read(done.mix["wav"])) == len(pieces.read(done.mix["flac"])) == round(1.2 * RATE)
    assert len(pieces.read(done.mix["mp3"])) == pytest.approx(1.2 * RATE, abs=2 * 1152)


@pytest.mark.parametrize(("genre", "beats_per_bar"), [("folk", 3), ("trap", 4), ("jazz", 3.5)])
def test_midi_is_as_long_as_the_sound(genre: str, beats_per_bar: float, tmp_path: Path) -> None:
    written = composed(genre, 4, beats_per_bar=beats_per_bar)
    midi.write_midi(written, tmp_path / "loop.mid")
    read = mido.MidiFile(tmp_path / "loop.mid")
    ticks = round(4 * beats_per_bar * midi.TICKS_PER_BEAT)
    assert {sum(message.time for message in track) for track in read.tracks} == {ticks}
    signature = next(message for message in read.tracks[0] if message.type == "time_signature")
    assert signature.numerator * 4 / signature.denominator == beats_per_bar
    assert written.duration == pytest.approx(4 * beats_per_bar * 60 / written.bpm)


@pytest.mark.parametrize("genre", sample(genres.names(), "trap", "jazz"))
def test_a_score_of_any_number_of_bars_has_exactly_these_and_no_ending(genre: str) -> None:
    for bars in (1, 2, 4, 7, 16, 24, 64):
        written = composed(genre, bars)
        assert sum(section.beats for section in written.sections) == 4 * bars
        assert "ending" not in {section.name for section in written.sections}
        assert written.sections[0].energy == written.sections[-1].energy
        assert bars > 16 or len({section.energy for section in written.sections}) == 1
        for part in written.parts:
            assert all(note.start >= 0 and note.start + note.duration <= 4 * bars + 1e-6 for note in part.notes)
        assert [note for part in written.parts for note in part.notes if note.start >= 4 * (bars - 1)]
