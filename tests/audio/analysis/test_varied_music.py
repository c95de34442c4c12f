"""The honest exam: full mixes, bands without drums, drums alone, from 60 to 180 bpm, in all 24 keys."""

import dataclasses
import pathlib
from typing import Any

import pytest

from dawg_server.audio.analysis import track
from tests.audio.analysis import listening, material
from tests.music.songs import Songs

KINDS = {"mix": 24, "drums": 10, "chords": 16, "melody": 10}
SOME = 3  # of which one is heard when the run is a short one
Heard = list[tuple[material.Piece, dict[str, Any]]]


@pytest.fixture(
    scope="module", params=[pytest.param(SOME, id="some"), pytest.param(1, id="all", marks=pytest.mark.long)]
)
def heard(songs: Songs, request: pytest.FixtureRequest) -> Heard:
    return songs.once(
        f"varied music {request.param}",
        lambda folder: [
            _listen(material.varied(seed, kind, seconds=12.0), folder)
            for kind, count in KINDS.items()
            for seed in range(0, count, request.param)
        ],
    )


def _listen(piece: material.Piece, folder: pathlib.Path) -> tuple[material.Piece, dict[str, Any]]:
    """What the piece is, its sound left out, and what is measured of it."""
    path = listening.write(piece, folder)
    found = track.measure_tempo_and_key(path)
    path.unlink()
    return dataclasses.replace(piece, samples=piece.samples[:0]), found


def test_tempo_is_right_up_to_the_octave_in_95_percent(heard: Heard) -> None:
    wrong = [
        f"{piece.name} -> {found['bpm']}"
        for piece, found in heard
        if not any(_close(found["bpm"], (piece.bpm or 0) * octave) for octave in (0.5, 1, 2))
    ]
    assert len(wrong) <= 0.05 * len(heard), wrong


def test_the_beat_itself_is_found_rather_than_its_half_or_double_in_three_of_four(heard: Heard) -> None:
    assert sum(_close(found["bpm"], piece.bpm or 0) for piece, found in heard) >= 0.75 * len(heard)


def test_a_right_tempo_is_right_to_a_third_of_a_percent(heard: Heard) -> None:
    errors = [
        abs(found["bpm"] / (piece.bpm or 1) - 1) for piece, found in heard if _close(found["bpm"], piece.bpm or 0)
    ]
    assert sum(error <= 0.003 for error in errors) >= 0.95 * len(errors)


def test_key_is_right_in_85_percent_of_pitched_music(heard: Heard) -> None:
    pitched = [(piece, found) for piece, found in heard if piece.key]
    wrong = [
        f"{piece.name}: {piece.key} {piece.scale} -> {found['key']} {found['scale']}"
        for piece, found in pitched
        if not listening.same_key(piece, found["key"], found["scale"])
    ]
    assert len(wrong) <= 0.15 * len(pitched), wrong


def test_drums_alone_have_no_key(heard: Heard) -> None:
    drums = [found["key"] for piece, found in heard if piece.key is None]
    assert drums
    assert set(drums) == {None}


def test_confidence_is_higher_where_the_key_is_right(heard: Heard) -> None:
    judged = [
        (listening.same_key(piece, found["key"], found["scale"]), found["keyConfidence"])
        for piece, found in heard
        if piece.key and found["key"]
    ]
    right, wrong = ([confidence for good, confidence in judged if good is wanted] for wanted in (True, False))
    assert sum(right) / len(right) > sum(wrong) / max(len(wrong), 1) + 0.1


def _close(found: float | None, wanted: float) -> bool:
    return found is not None and abs(found / wanted - 1) <= 0.02
