import json
import multiprocessing
import pathlib
from typing import Any

import numpy as np
import pytest
import soundfile

from dawg_server import errors
from dawg_server.audio.analysis import track
from tests.audio.analysis import listening, material

RHYTHM = {"bpm", "confidence", "timeSignature", "key", "scale", "keyConfidence", "tempoStability", "swingAmount"}
VOCAL = {
    "timbre",
    "dynamicRange",
    "peakLevel",
    "spectralBalance",
    "hasClipping",
    "noiseFloor",
    "hasSibilance",
    "hasRoomTone",
    "breathNoise",
}
TIMBRE = {"brightness", "warmth", "roughness", "spectralCentroid", "spectralRolloff", "harmonicRichness"}
STYLE = {"genre", "subgenre", "mood", "energy", "danceability", "valence", "source"}


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    return [value]


def test_a_song_is_described_as_the_contract_says(tmp_path: pathlib.Path) -> None:
    band = material.Band(
        bpm=97.3, tonic=10, drums="rock", chords="piano", bass=True, melody="pluck", stereo=True, snr=35
    )
    found = listening.analyze(material.play(band, 1), tmp_path, analyzed_at="2026-01-01T00:00:00.000Z")
    assert set(found) == {
        "rhythmCharacteristics",
        "vocalCharacteristics",
        "style",
        "analyzedAt",
        "analyzerVersion",
    }
    rhythm, style = found["rhythmCharacteristics"], found["style"]
    assert set(rhythm) == RHYTHM
    assert set(style) == STYLE
    assert rhythm["bpm"] == pytest.approx(97.3, abs=0.3)
    assert (rhythm["key"], rhythm["scale"]) == ("Bb", "major")
    assert rhythm["timeSignature"] == {"numerator": 4, "denominator": 4}
    assert rhythm["swingAmount"] == pytest.approx(0, abs=0.1)
    assert found["vocalCharacteristics"] is None
    assert style["source"] == "measured"
    assert found["analyzedAt"] == "2026-01-01T00:00:00.000Z"
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_voice_is_described_when_it_is_one_or_said_to_be_one(tmp_path: pathlib.Path) -> None:
    sung = material.singing(7, seed=1)
    found = listening.analyze(sung, tmp_path)["vocalCharacteristics"]
    assert set(found) == VOCAL
    assert set(found["timbre"]) == TIMBRE
    assert None not in _leaves(found)
    assert listening.analyze(sung, tmp_path, track_type="instrument")["vocalCharacteristics"] is None
    drums = material.play(material.Band(drums="rock", seconds=6), 0)
    assert listening.analyze(drums, tmp_path)["vocalCharacteristics"] is None
    assert set(listening.analyze(drums, tmp_path, track_type="vocal")["vocalCharacteristics"]) == VOCAL


def test_a_damaged_recording_is_told_from_a_clean_one(tmp_path: pathlib.Path) -> None:
    clean = material.singing(7, seed=3, noise=1e-4, sibilance=0)
    damaged = material.Piece(np.clip(clean.samples * 3, -0.95, 0.95), clean.rate)
    before, after = (
        listening.analyze(piece, tmp_path, track_type="vocal")["vocalCharacteristics"] for piece in (clean, damaged)
    )
    assert (before["hasClipping"], after["hasClipping"]) == (False, True)
    assert before["peakLevel"] < after["peakLevel"] == pytest.approx(0.95, abs=0.001)
    assert after["noiseFloor"] > before["noiseFloor"] + 6
    assert after["dynamicRange"] < before["dynamicRange"]


@pytest.mark.parametrize(
    "piece",
    [
        listening.piece(np.zeros(44_100 * 4)),
        listening.piece(np.full(44_100 * 4, 0.5)),
        listening.piece(np.full(1, 0.3)),
    ],
    ids=["silence", "offset", "one sample"],
)
def test_nothing_is_claimed_about_nothing(piece: material.Piece, tmp_path: pathlib.Path) -> None:
    found = listening.analyze(piece, tmp_path, track_type="vocal")
    assert set(_leaves([found["rhythmCharacteristics"], found["vocalCharacteristics"]][0])) == {None}
    assert set(_leaves(found["vocalCharacteristics"])) == {None}
    assert set(_leaves(found["style"])) == {None, "measured"}


@pytest.mark.parametrize("channels", [1, 8])
def test_50_milliseconds_are_too_short_for_rhythm_and_harmony(channels: int, tmp_path: pathlib.Path) -> None:
    found = listening.analyze(listening.noise(0.05, channels=channels), tmp_path, track_type="vocal")
    assert set(_leaves(found["rhythmCharacteristics"])) == {None}
    assert found["vocalCharacteristics"]["dynamicRange"] is None
    json.dumps(found, allow_nan=False)


def test_eight_channels_are_heard_as_one_mix(tmp_path: pathlib.Path) -> None:
    mono = material.play(material.Band(bpm=104, drums="rock", chords="piano", seconds=12), 5)
    wide = material.Piece(np.repeat(mono.samples, 8, axis=1), mono.rate)
    assert listening.analyze(wide, tmp_path) == listening.analyze(mono, tmp_path)


def test_an_excerpt_is_all_that_is_heard(tmp_path: pathlib.Path) -> None:
    slow = material.play(material.Band(bpm=80, drums="rock", tonic=0, chords="piano", seconds=12), 1)
    fast = material.play(material.Band(bpm=132, drums="house", tonic=6, chords="piano", seconds=12), 1)
    joined = material.Piece(np.concatenate((slow.samples, fast.samples)), 44_100)
    first = listening.analyze(joined, tmp_path, seconds=12)["rhythmCharacteristics"]
    second = listening.analyze(joined, tmp_path, offset=12)["rhythmCharacteristics"]
    assert (first["key"], second["key"]) == ("C", "F#")
    assert first["bpm"] == pytest.approx(80, abs=0.5)
    assert second["bpm"] == pytest.approx(132, abs=0.5)
    assert listening.analyze(joined, tmp_path, offset=60)["style"]["energy"] is None


def test_a_lossy_copy_measures_the_same_music(tmp_path: pathlib.Path) -> None:
    piece = material.play(material.Band(bpm=118.5, tonic=9, scale="minor", drums="house", chords="saw", bass=True), 2)
    soundfile.write(tmp_path / "copy.mp3", piece.samples, piece.rate)
    found = track.measure_tempo_and_key(tmp_path / "copy.mp3")
    assert found["bpm"] == pytest.approx(118.5, abs=0.4)
    assert (found["key"], found["scale"]) == ("A", "minor")
    assert 0 < found["bpmConfidence"] <= 1
    assert 0 < found["keyConfidence"] <= 1


def test_what_is_no_audio_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "text.wav").write_text("certainly not a sound")
    with pytest.raises(errors.UnsupportedMediaType):
        track.analyze(tmp_path / "text.wav")


def test_three_minutes_take_little_memory(tmp_path: pathlib.Path) -> None:
    piece = material.play(material.Band(bpm=120, drums="rock", chords="saw", seconds=20, stereo=True), 1)
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", piece.rate, 2, "PCM_16") as file:
        for _ in range(9):
            file.write(piece.samples)
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(str(path), sender))
    process.start()
    assert receiver.poll(60)
    megabytes = receiver.recv()
    process.join(10)
    assert megabytes < 400


def _measure(path: str, sender: Any) -> None:
    track.analyze(path)
    sender.send(_peak_megabytes())


def _peak_megabytes() -> float:
    """Of this process alone: getrusage would also tell the peak of the process that started it."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
