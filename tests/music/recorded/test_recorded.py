"""From a SoundFont to notes: read, cut, decoded, played."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dawg_server.music.recorded import bank, cut
from dawg_server.music.recorded.soundfont import NotASoundFont, SoundFont
from dawg_server.music.sound import recordings
from dawg_server.music.sound.tone import Tone
from tests.music.recorded import fonts
from tests.music.recorded.fonts import Recording, Zone
from tests.music.sound import pieces

PIANO, STRINGS, KIT = (0, 0), (0, 48), (128, 0)
PRESETS = {"grand piano": PIANO, "strings": STRINGS, "kit acoustic": KIT}
RECORDINGS = (
    Recording(fonts.tone(48.2), 48, (11_025, 11_025 + 2666)),
    Recording(fonts.tone(60, level=0.2), 60),
    Recording(fonts.tone(60, level=0.9), 60),
    Recording(fonts.tone(69), 69, (2205, 20_005)),
    Recording(-fonts.tone(69), 69, (2205, 20_005)),
    Recording(np.random.default_rng(1).normal(0, 0.2, 4000) * np.exp(-np.arange(4000) / 900), 36),
)
ZONES = {
    PIANO: [
        Zone(0, {fonts.KEYS: (0, 54), fonts.LOOPS: 1, fonts.FINE: -20, fonts.RELEASE: -1200}),
        Zone(1, {fonts.KEYS: (55, 127), fonts.VELOCITIES: (0, 80)}),
        Zone(2, {fonts.KEYS: (55, 127), fonts.VELOCITIES: (81, 127)}),
    ],
    STRINGS: [
        Zone(3, {fonts.PAN: -500, fonts.LOOPS: 1, fonts.ATTACK: -2400}),
        Zone(4, {fonts.PAN: 500, fonts.LOOPS: 1}),
    ],
    KIT: [Zone(5, {fonts.KEYS: (36, 36)}), Zone(5, {fonts.KEYS: (38, 38), fonts.ROOT: 38})],
}


@pytest.fixture(scope="module", params=["SF2", "SF3"])
def font(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("font") / "small.sf2"
    path.write_bytes(fonts.written(RECORDINGS, ZONES, vorbis=request.param == "SF3"))
    path.with_name("small.copyright").write_text("Do as you like.")
    return path


@pytest.fixture(scope="module")
def cut_bank(font: Path) -> bank.Bank:
    folder = font.parent / "cut"
    cut.cut(font, font.with_name("small.copyright"), folder, PRESETS)
    assert (folder / cut.LICENCE).read_text() == "Do as you like."
    return bank.of_folder(folder)


def play(
    found: bank.Bank, pitch: float, seconds: float = 1.0, velocity: float = 0.9, name: str = "grand piano", **more
) -> np.ndarray:  # type: ignore[no-untyped-def]
    tone = Tone(pitch, seconds, velocity, 44_100, 0.5, np.random.default_rng(0), **more)
    return recordings.play(tone, found, found.regions(name), 0, recordings.Manner())


def test_zones_come_with_their_ranges_tuning_loops_and_times(font: Path) -> None:
    with SoundFont(font) as source:
        low, soft, hard = source.regions(*PIANO)
        (pair,) = source.regions(*STRINGS)
        assert source.presets == {PIANO: "p0", STRINGS: "p1", KIT: "p2"}
    assert (low.keys, low.velocities, low.root, low.loop) == ((0, 54), (0, 127), 48.2, (11_025, 13_691))
    assert (low.release, low.attack, low.decay) == (0.5, 0.0, 0.0)
    assert (soft.velocities, hard.velocities, soft.loop) == ((0, 80), (81, 127), None)
    assert pair.other is not None
    assert (pair.attack, pair.other_loop) == (0.25, (2205, 20_005))


def test_notes_have_their_pitch_and_their_length_whatever_the_recording(cut_bank: bank.Bank) -> None:
    for pitch in (43, 48.2, 57, 64):
        sound = play(cut_bank, pitch)
        assert abs(pieces.cents_off(sound[4000:36_000], 440 * 2 ** ((pitch - 69) / 12))) < 3
    held = play(cut_bank, 46, seconds=3.0)  # longer than the recording, which is looped
    assert len(held) == pytest.approx(3.33 * 44_100, abs=100)
    assert np.abs(held[-2000:]).max() < 0.01 < 0.05 < np.abs(held[120_000:130_000]).max()
    middle = held[40_000:130_000]
    assert np.abs(np.diff(middle, 2)).max() < 4 * np.percentile(np.abs(np.diff(middle, 2)), 99)  # no edge in the loop


def test_every_recording_is_as_loud_and_harder_ones_are_brighter(cut_bank: bank.Bank) -> None:
    level = [
        np.sqrt(np.mean(play(cut_bank, pitch, velocity=v)[4000:16_000] ** 2))
        for pitch, v in ((48, 0.9), (60, 0.9), (60, 0.5))
    ]
    assert max(level) < 1.5 * min(level)


def test_stereo_is_kept_and_drums_are_struck_as_recorded(cut_bank: bank.Bank) -> None:
    strings = play(cut_bank, 69, name="strings")
    assert strings.shape[1] == 2
    assert np.corrcoef(strings[20_000:40_000].T)[0, 1] < -0.99
    region = next(each for each in cut_bank.regions("kit acoustic") if each.keys == (38, 38))
    hits = [
        recordings.hit(Tone(38, 0.1, 0.9, 44_100, 0.5, np.random.default_rng(0)), cut_bank, region, take, 0.0)
        for take in (0, 1)
    ]
    assert [round(float(np.abs(each).max()), 2) for each in hits] == [1.0, 1.0]
    assert not np.array_equal(hits[0][:4000], hits[1][:4000])


def test_a_bound_note_glides_in_without_a_new_attack(cut_bank: bank.Bank) -> None:
    bound = play(cut_bank, 50, came_from=48.0)
    assert abs(pieces.cents_off(bound[8000:36_000], 440 * 2 ** ((50 - 69) / 12))) < 3
    assert pieces.cents_off(bound[:2500], 440 * 2 ** ((50 - 69) / 12)) < -20


def test_damaged_files_say_what_is_wrong(font: Path, tmp_path: Path) -> None:
    whole = font.read_bytes()
    wrong = tmp_path / "wrong.sf2"
    for data in (b"", b"RIFF", whole[:100], whole[:-30], b"RIFX" + whole[4:], whole.replace(b"smpl", b"sxpl")):
        wrong.write_bytes(data)
        with pytest.raises(NotASoundFont, match=r"wrong\.sf2"):
            SoundFont(wrong)


@pytest.mark.usefixtures("studio")  # built with it
def test_the_cut_of_the_real_soundfont_is_small_and_names_its_licence() -> None:
    assert cut.is_made()
    found = bank.current()
    assert found is not None
    assert all(found.regions(name) for name in cut.PRESETS)
    assert (cut.FOLDER / cut.SAMPLES).stat().st_size < 25 * 2**20
    assert "Permission is hereby granted" in (cut.FOLDER / cut.LICENCE).read_text()
    assert len({each.velocities for each in found.regions("grand piano")}) >= 2
