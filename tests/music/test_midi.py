from __future__ import annotations

import io
from pathlib import Path

import mido  # type: ignore[import-untyped]
import pytest

from dawg_server.music import genres, midi, score, theory
from tests.music.pieces import parts, piece

EVERY_GENRE = pytest.mark.parametrize("genre", genres.names())


def written(piece_: score.Score, tmp_path: Path) -> mido.MidiFile:
    path = tmp_path / "score.mid"
    midi.write_midi(piece_, path)
    return mido.MidiFile(file=io.BytesIO(path.read_bytes()))


def read_notes(track: mido.MidiTrack) -> list[tuple[int, int, int, int, int]]:
    """Start tick, end tick, pitch, velocity and channel of each note."""
    now = 0
    open_notes: dict[int, tuple[int, int]] = {}
    found = []
    for message in track:
        now += message.time
        if message.type == "note_on" and message.velocity:
            assert message.note not in open_notes
            open_notes[message.note] = (now, message.velocity)
        elif message.type in ("note_off", "note_on"):
            start, velocity = open_notes.pop(message.note)
            found.append((start, now, message.note, velocity, message.channel))
    assert not open_notes
    return sorted(found)


@EVERY_GENRE
def test_a_reader_finds_exactly_the_notes_of_the_score(genre: str, tmp_path: Path) -> None:
    original = piece(genre)
    file = written(original, tmp_path)
    assert len(file.tracks) == 1 + len(parts(original))
    for part, track in zip(parts(original), file.tracks[1:], strict=True):
        assert track.name == f"{part.stem}: {part.instrument}"
        found = read_notes(track)
        assert sorted((start, pitch, velocity) for start, _, pitch, velocity, _ in found) == sorted(
            (midi.ticks(note.start), note.pitch, note.velocity) for note in part.notes
        )
        assert sorted(end for _, end, *_ in found) == sorted(midi.ticks(n.start + n.duration) for n in part.notes)
        assert {channel for *_, channel in found} == ({9} if part.stem == "drums" else {found[0][4]})
        assert part.stem == "drums" or found[0][4] != 9


def test_the_first_track_carries_tempo_key_metre_and_sections(tmp_path: Path) -> None:
    original = piece("r&b", bpm=87.5, key="A# minor")
    meta = {message.type: message for message in written(original, tmp_path).tracks[0]}
    assert mido.tempo2bpm(meta["set_tempo"].tempo) == pytest.approx(87.5, rel=1e-5)
    assert meta["key_signature"].key == "Bbm"
    assert (meta["time_signature"].numerator, meta["time_signature"].denominator) == (4, 4)
    now, markers = 0, []
    for message in written(original, tmp_path).tracks[0]:
        now += message.time
        if message.type == "marker":
            markers.append((now, message.text))
    assert markers == [(midi.ticks(section.start_beat), section.name) for section in original.sections]


def test_the_same_score_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.mid", "two.mid"):
        midi.write_midi(piece("drill"), tmp_path / name)
    assert (tmp_path / "one.mid").read_bytes() == (tmp_path / "two.mid").read_bytes()


def test_glides_become_pitch_bends_that_reach_their_note_and_return(tmp_path: Path) -> None:
    original = piece("drill", duration=60)
    bass = next(part for part in original.parts if part.slides)
    track = written(original, tmp_path).tracks[1 + parts(original).index(bass)]
    bends = [message.pitch for message in track if message.type == "pitchwheel"]
    peaks = {round((slide.to_pitch - slide.from_pitch) / midi.BEND_RANGE_SEMITONES * 8192) for slide in bass.slides}
    assert peaks <= set(bends)
    assert bends[-1] == 0
    assert bends.count(0) >= len(bass.slides)


@pytest.mark.parametrize("letter", "CDEFGAB")
@pytest.mark.parametrize("accidental", ["", "#", "b"])
def test_every_key_has_a_signature_that_a_reader_accepts(letter: str, accidental: str, tmp_path: Path) -> None:
    for mode in ("", "m"):
        key = theory.parse_key(letter + accidental + mode)
        signature = midi.key_signature(key)
        assert theory.parse_key(signature).tonic == key.tonic
        mido.MetaMessage("key_signature", key=signature)
