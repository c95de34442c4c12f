from __future__ import annotations

import pytest

from dawg_server.music import arrangement

EVERY_FORM = pytest.mark.parametrize("form", arrangement.FORMS)


@EVERY_FORM
def test_every_number_of_bars_is_divided_without_rest(form: str) -> None:
    for bars in range(1, 260):
        divided = arrangement.divide(form, bars)
        assert sum(length for _, length in divided) == bars
        assert all(length > 0 for _, length in divided)


@EVERY_FORM
def test_a_long_piece_has_contrast_and_its_height_more_than_once(form: str) -> None:
    names = [name for name, _ in arrangement.divide(form, 96)]
    energies = [arrangement.ENERGY[name] for name in names]
    assert len(names) >= 6
    assert max(energies) - min(energies) >= 0.3
    assert sum(energy >= 0.85 for energy in energies) >= 2


@EVERY_FORM
def test_a_miniature_is_one_full_section(form: str) -> None:
    ((name, bars),) = arrangement.divide(form, 3)
    assert bars == 3
    assert arrangement.ENERGY[name] >= 0.75


def test_phrases_are_four_bars_wherever_possible() -> None:
    for bars in range(16, 200):
        for name, length in arrangement.divide("song", bars)[1:-1]:
            assert length % 2 == 0, (bars, name)


def test_whole_bars_with_an_ending_keep_their_last_bar_for_it() -> None:
    for bpm in (85, 90.5, 128, 140, 170):
        beats = (16 * 4 * 60 / bpm) * bpm / 60
        sections = arrangement.arrange("beat", beats, 4, bpm, 0)
        assert sections[-1].start_beat == 60
