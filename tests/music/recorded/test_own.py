"""`SOUND_DIR`: the operator's own sounds, and what is said when they cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dawg_server.music import sound
from dawg_server.music.recorded import bank, own
from dawg_server.music.score import Note
from tests.music.recorded import fonts
from tests.music.recorded.fonts import Recording, Zone
from tests.music.sound import pieces


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "font.sf2").write_bytes(
        fonts.written([Recording(fonts.tone(60), 60)], {(0, 0): [Zone(0)], (0, 73): [Zone(0)]})
    )
    samples = tmp_path / "samples"
    samples.mkdir()
    soundfile.write(samples / "high.wav", fonts.tone(72), fonts.RATE)
    (tmp_path / "flute.sfz").write_text(
        "// mine\n<global> ampeg_release=0.1\n<control> default_path=samples/\n"
        "<group> lovel=1\n<region> sample=high.wav lokey=c4 hikey=c6 pitch_keycenter=c5 tune=0\n"
    )
    samples.rename(tmp_path / ".samples")
    (tmp_path / "flute.sfz").write_text((tmp_path / "flute.sfz").read_text().replace("samples/", ".samples/"))
    for name, files in (("vibraphone", {"C4": 60, "64": 64}), ("kit jazz", {"Kick": 40, "38": 70})):
        (tmp_path / name).mkdir()
        for file, key in files.items():
            soundfile.write(tmp_path / name / f"{file}.flac", fonts.tone(key, 0.4), fonts.RATE)
    monkeypatch.setenv(own.VARIABLE, str(tmp_path))
    return tmp_path


def heard(instrument: str, pitch: int) -> np.ndarray:
    return sound.synthesize([Note(0, 0.9, pitch, 127)], instrument, 44_100).sum(axis=1)


def test_own_sounds_are_played_before_all_others(folder: Path) -> None:
    found = own.read(folder)
    assert {"grand piano", "flute", "vibraphone", "kit jazz"} <= set(found)
    for instrument, pitch in (("grand piano", 62), ("flute", 74), ("vibraphone", 63)):
        steady = heard(instrument, pitch)[3000:16_000]
        frequency = 440 * 2 ** ((pitch - 69) / 12)
        assert abs(pieces.cents_off(steady, frequency)) < 8
        spectrum = np.abs(np.fft.rfft(steady * np.hanning(len(steady)), 1 << 17))
        partials = [spectrum[round(frequency * n * (1 << 17) / 44_100)] for n in (1, 2, 5)]
        assert partials[0] / partials[1] == pytest.approx(2, rel=0.4)  # as the tone is that was put there
        assert partials[2] < 0.02 * partials[0]
    kick = heard("kit jazz", 36)
    assert abs(pieces.cents_off(kick[2000:12_000], 440 * 2 ** ((40 + 1.0 - 69) / 12))) < 20  # tuned as the kit is


def test_what_cannot_be_used_is_told_in_words_and_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = {
        "theremin": ({"C4.wav": b""}, "there is no instrument of that name"),
        "organ": ({"first.wav": b"RIFF"}, "'first' is no name for a recording"),
        "choir": ({"C4.wav": b"no audio"}, "C4.wav cannot be read as audio"),
        "brass": ({}, "there is no recording in it"),
    }
    for name, (files, said) in cases.items():
        (folder / name).mkdir()
        for file, data in files.items():
            (folder / name / file).write_bytes(data)
        with pytest.raises(own.SoundFolderError, match=rf"SOUND_DIR: {name} cannot be used: .*{said}"):
            own.read(folder)
        for file in files:
            (folder / name / file).unlink()
        (folder / name).rmdir()
    (folder / "broken.sf2").write_bytes(b"RIFF")
    with pytest.raises(own.SoundFolderError, match=r"broken\.sf2"):
        own.read(folder)
    monkeypatch.setenv(own.VARIABLE, str(folder / "nowhere"))
    with pytest.raises(own.SoundFolderError, match="not a folder"):
        own.read(folder / "nowhere")
    assert bank.current() is None or "theremin" not in bank.current().instruments  # type: ignore[union-attr]
    assert np.abs(heard("grand piano", 60)).max() > 0.01
