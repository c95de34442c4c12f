from __future__ import annotations

import numpy as np

from dawg_server.music import sound
from dawg_server.music.score import Note


def test_notes_start_at_their_second() -> None:
    samples = sound.synthesize([Note(1.5, 0.5, 60, 100)], "grand piano", 48_000)
    assert not samples[:72_000].any()
    assert np.abs(samples[72_000:74_400]).max() > 0.02


def test_a_clip_without_notes_has_no_frames() -> None:
    assert sound.synthesize([], "pad").shape == (0, 2)


def test_the_same_notes_give_the_same_samples() -> None:
    notes = [Note(k * 0.25, 0.2, 48 + k, 60 + 10 * k) for k in range(6)]
    assert np.array_equal(sound.synthesize(notes, "clean guitar"), sound.synthesize(notes, "clean guitar"))


def test_notes_beyond_one_block_are_seamless() -> None:
    late = sound.synthesize([Note(2.9, 0.3, 60, 100)], "organ", 44_100)
    early = sound.synthesize([Note(0.0, 0.3, 60, 100)], "organ", 44_100)
    shift = round(2.9 * 44_100)
    assert np.array_equal(late[shift : shift + len(early)], early)


def test_unknown_instruments_are_played_on_the_piano() -> None:
    notes = [Note(0, 0.5, 60, 100)]
    assert np.abs(sound.synthesize(notes, "theremin")).max() > 0.02


def test_a_very_long_note_sounds_until_its_end() -> None:
    samples = sound.synthesize([Note(0, 40, 60, 100)], "pad", 8_000)
    seconds = np.abs(samples[: 40 * 8_000]).reshape(40, -1).max(axis=1)
    assert (seconds > 0.01).all()
