from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest

from dawg_server import errors
from dawg_server.music import score as scores
from dawg_server.music import sound
from dawg_server.music.sound import profiles
from tests.music.songs import Songs
from tests.music.sound import pieces
from tests.sampling import sample

STEMS = ("drums", "bass", "chords", "melody")


Progress = list[tuple[float, str]]


@pytest.fixture(scope="module")
def progress() -> Progress:
    """What `house` told while it was rendered."""
    return []


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, progress: Progress) -> sound.Rendered:
    return sound.render(
        pieces.piece(),
        tmp_path_factory.mktemp("house"),
        keep_premaster=True,
        report=lambda fraction, stage: progress.append((fraction, stage)),
    )


@pytest.mark.parametrize("genre", sample(pieces.KITS, "trap", "lo-fi", "techno"))
def test_every_genre_is_as_loud_as_streaming_services_or_clubs_want_it(genre: str, songs: Songs) -> None:
    done = songs.rendered(pieces.heard(genre), "wav", "mp3")
    mix, mp3 = pieces.read(done.mix["wav"]), pieces.read(done.mix["mp3"])
    wanted, tolerance = profiles.loudness(genre), 1.3 if genre in profiles.CLUB_GENRES else 0.4
    assert pyloudnorm.Meter(44_100).integrated_loudness(mix) == pytest.approx(wanted, abs=tolerance)
    assert done.lufs == pytest.approx(pyloudnorm.Meter(44_100).integrated_loudness(mix), abs=0.1)
    assert pieces.true_peak_db(mix) <= -1.0
    assert pieces.true_peak_db(mp3) <= -1.0


def test_the_measured_true_peak_is_the_one_in_the_file(house: sound.Rendered) -> None:
    assert house.true_peak == pytest.approx(pieces.true_peak_db(pieces.read(house.mix["wav"])), abs=0.15)


def test_the_stems_sum_to_the_mix_before_its_limiter(house: sound.Rendered) -> None:
    assert house.premaster is not None
    mix = pieces.read(house.premaster)
    error = sum(pieces.read(house.stems[name]) for name in STEMS) - mix
    assert 10 * np.log10((error**2).mean() / (mix**2).mean()) < -60


def test_the_limiter_leaves_the_mix_almost_as_it_was(house: sound.Rendered) -> None:
    assert house.premaster is not None
    before, after = pieces.read(house.premaster), pieces.read(house.mix["wav"])
    assert np.corrcoef(before[:, 0], after[:, 0])[0, 1] > 0.999


def test_files_are_exactly_as_long_as_asked(tmp_path: Path) -> None:
    done = sound.render(pieces.piece(duration=5.3217), tmp_path, stem_format="flac", bit_depth=24)
    lengths = {len(pieces.read(path)) for path in (done.mix["wav"], done.mix["flac"], *done.stems.values())}
    assert lengths == {round(5.3217 * 44_100)}
    assert done.duration == pytest.approx(5.3217, abs=1e-4)


def test_other_sample_rates_keep_the_pitch_and_length(tmp_path: Path) -> None:
    done = sound.render(pieces.piece(duration=5.0), tmp_path, rate=48_000, formats=("wav",))
    bass = pieces.read(done.stems["bass"])
    assert len(bass) == 240_000
    note = bass[round(0.26 * 48_000) : round(0.44 * 48_000), 0]
    assert abs(pieces.cents_off(note, 440 * 2 ** ((33 - 69) / 12), 48_000)) < 15


def test_the_same_score_gives_the_same_bytes_in_every_file(house: sound.Rendered, tmp_path: Path) -> None:
    again = sound.render(pieces.piece(), tmp_path)
    for one, other in zip(
        (*house.mix.values(), *house.stems.values()), (*again.mix.values(), *again.stems.values()), strict=True
    ):
        assert one.read_bytes() == other.read_bytes()


def test_another_seed_sounds_different(house: sound.Rendered, tmp_path: Path) -> None:
    other = sound.render(pieces.piece(seed=2), tmp_path, formats=("wav",))
    for name in ("drums", "chords"):
        assert other.stems[name].read_bytes() != house.stems[name].read_bytes()


def test_nothing_clips_or_carries_a_constant_offset(house: sound.Rendered) -> None:
    for path in (house.mix["wav"], *house.stems.values()):
        samples = pieces.read(path)
        assert np.isfinite(samples).all()
        assert np.abs(samples).max() < 0.99
        assert np.abs(samples.mean(axis=0)).max() < 1e-3


def test_the_end_fades_and_no_block_border_clicks(house: sound.Rendered) -> None:
    chords = pieces.read(house.stems["chords"])
    assert np.abs(chords[-20:]).max() < 1e-3
    jumps = np.abs(np.diff(chords, n=2, axis=0)).max(axis=1)
    borders = [*range(131_072, len(chords), 131_072)]
    usual = np.quantile(jumps, 0.999)
    for border in borders:
        assert jumps[border - 4 : border + 4].max() < 3 * usual


def test_a_stem_that_plays_nothing_is_silent_and_the_others_are_not(tmp_path: Path) -> None:
    score = pieces.piece()
    score = dataclasses.replace(score, parts=tuple(part for part in score.parts if part.stem != "melody"))
    done = sound.render(score, tmp_path, formats=("wav",))
    assert not pieces.read(done.stems["melody"]).any()
    for name in ("drums", "bass", "chords"):
        seconds = pieces.read(done.stems[name])[: 5 * 44_100].reshape(5, -1)
        assert (np.abs(seconds).max(axis=1) > 0.01).all()


def test_an_empty_score_is_silence_of_the_right_length(tmp_path: Path) -> None:
    done = sound.render(dataclasses.replace(pieces.piece(), parts=()), tmp_path, formats=("wav",))
    mix = pieces.read(done.mix["wav"])
    assert len(mix) == 6 * 44_100
    assert not mix.any()
    assert done.lufs == -np.inf


def test_lows_are_mono(tmp_path: Path) -> None:
    done = sound.render(pieces.piece("dubstep", bass="reese bass"), tmp_path, formats=("wav",))
    mix = pieces.read(done.mix["wav"])
    spectrum = np.abs(np.fft.rfft(np.stack([mix.sum(axis=1), mix[:, 0] - mix[:, 1]], axis=1), axis=0)) ** 2
    below = np.fft.rfftfreq(len(mix), 1 / 44_100) < 90
    assert 10 * np.log10(spectrum[below, 1].sum() / spectrum[below, 0].sum()) < -20


def test_the_kick_ducks_the_chords_of_house_but_not_of_folk(tmp_path: Path) -> None:
    depth = {}
    for genre in ("house", "folk"):
        done = sound.render(pieces.piece(genre, chords="pad", space=0.0), tmp_path / genre, formats=("wav",))
        chords = pieces.read(done.stems["chords"])[:, 0]
        level = np.sqrt((chords[: 44_100 * 5].reshape(-1, 441) ** 2).mean(axis=1))
        during, between = level[103:107].mean(), level[160:190].mean()
        depth[genre] = 20 * np.log10(between / during)
    assert depth["house"] > 3
    assert depth["house"] - depth["folk"] > 3


@pytest.mark.usefixtures("house")
def test_progress_rises_to_one(progress: Progress) -> None:
    fractions = [fraction for fraction, _ in progress]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert {stage for _, stage in progress} == {"synthesis", "mixing", "writing"}


def test_only_the_files_that_were_asked_for_remain(tmp_path: Path) -> None:
    sound.render(pieces.piece(duration=2.0), tmp_path, formats=("flac",))
    assert {path.name for path in tmp_path.iterdir()} == {"mix.flac", *(f"{name}.wav" for name in STEMS)}


def test_a_piece_without_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.ValidationError):
        sound.render(dataclasses.replace(pieces.piece(), duration=0.0), tmp_path)


def test_unknown_instruments_fall_back_by_stem(tmp_path: Path) -> None:
    done = sound.render(pieces.piece(bass="theremin", chords="kazoo", melody="spoons"), tmp_path, formats=("wav",))
    assert all(np.abs(pieces.read(path)).max() > 0.02 for path in done.stems.values())


def test_an_808_slides_without_a_break(tmp_path: Path) -> None:
    part = scores.Part("bass", "808", (scores.Note(0, 4, 36, 110),), slides=(scores.Slide(1, 0.5, 36, 48),))
    score = dataclasses.replace(pieces.piece("drill", duration=4.0), parts=(part,))
    done = sound.render(score, tmp_path, formats=("wav",))
    bass = pieces.read(done.stems["bass"])[:, 0]
    before, after = bass[round(0.15 * 44_100) : round(0.48 * 44_100)], bass[round(0.9 * 44_100) : round(1.6 * 44_100)]
    assert abs(pieces.cents_off(before, 440 * 2 ** ((36 - 69) / 12))) < 15
    assert abs(pieces.cents_off(after, 440 * 2 ** ((48 - 69) / 12))) < 15
    glide = bass[round(0.45 * 44_100) : round(0.9 * 44_100)]
    assert np.abs(np.diff(glide)).max() < 0.05
