from __future__ import annotations

import pytest

from dawg_server.music import arrangement

FAMILIES = ("song", "beat", "club", "floor", "jazz", "blues", "drift")
EVERY_FORM = pytest.mark.parametrize(
    ("family", "form"), [(family, form) for family in FAMILIES for form in arrangement.forms(family)]
)
SHORT = ("intro", "turnaround")


@EVERY_FORM
def test_every_number_of_bars_is_divided_into_sections_of_four_eight_or_sixteen(family: str, form: str) -> None:
    for bars in (*range(1, 50), 64, 95, 127, 225):
        divided = arrangement.divide(family, form, bars)
        assert sum(length for _, length in divided) == bars
        for name, length in divided:
            assert length in ((1, 2, 4) if name in SHORT else (4, 8, 16)), (bars, divided)


@EVERY_FORM
def test_a_long_piece_has_contrast_and_its_height_more_than_once(family: str, form: str) -> None:
    energies = [arrangement.ENERGY[name] for name, _ in arrangement.divide(family, form, 96)]
    assert len(energies) >= 5
    assert max(energies) - min(energies) >= (0.05 if family in ("jazz", "blues") else 0.3)
    assert sum(energy >= max(energies) - 0.1 for energy in energies) >= 2


@pytest.mark.parametrize("family", FAMILIES)
def test_the_forms_of_a_family_differ_in_half_a_minute(family: str) -> None:
    names = list(arrangement.forms(family))
    assert len({tuple(arrangement.divide(family, name, 15)) for name in names}) == len(names) >= 7


@pytest.mark.parametrize("family", FAMILIES)
def test_a_loop_begins_and_ends_at_one_height_and_has_whole_sections(family: str) -> None:
    for bars in (*range(1, 50), 64, 95, 127, 128):
        sections = arrangement.arrange_loop(family, bars, 4, 0)
        assert sum(section.beats for section in sections) == 4 * bars
        for section in sections:
            assert section.beats / 4 in ((1, 2, 4) if section.name in SHORT else (4, 8, 16))
        assert sections[0].energy == sections[-1].energy


def test_whole_bars_with_an_ending_keep_their_last_bar_for_it() -> None:
    for bpm in (85, 90.5, 128, 140, 170):
        beats = (16 * 4 * 60 / bpm) * bpm / 60
        sections = arrangement.arrange("beat", "verse first", beats, 4, bpm, 0)
        assert sections[-1].start_beat == 60
