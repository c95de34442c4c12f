"""Controllers and pitch bend of clips of notes, as they are heard."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dawg_server.audio.mixing import sources
from dawg_server.audio.mixing.arrangement import Clip, MidiControls
from dawg_server.daw.tempo_map import TempoMap
from dawg_server.music.expression import Steps, sustained
from dawg_server.music.score import Note

RATE = 22_050
TEMPO = TempoMap(120)  # two beats are a second
NOTE = (Note(0, 4, 69, 100),)


def heard(notes: tuple[Note, ...], **more: Any) -> np.ndarray:
    clip = Clip(1.0, 3.0, notes=notes, **{"instrument": "organ", **more})
    out = np.concatenate(list(sources.blocks(clip, RATE, TEMPO)))
    assert np.isfinite(out).all()
    return out


def loudest(sound: np.ndarray, begin: float, end: float) -> float:
    return float(np.abs(sound[round(begin * RATE) : round(end * RATE)]).max(initial=0))


def hertz(sound: np.ndarray, begin: float, end: float, near: float) -> float:
    """The frequency of the strongest partial around `near`."""
    piece = sound[round(begin * RATE) : round(end * RATE), 0]
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 2**17))
    scale = RATE / 2**17
    low, high = round(near * 0.8 / scale), round(near * 1.25 / scale)
    return float((low + np.argmax(spectrum[low:high])) * scale)


def test_a_note_is_bent_in_tune_and_let_go_when_its_key_is() -> None:
    plain = heard(NOTE)
    bent = heard(NOTE, controls=MidiControls(bends=((1.0, 2.0), (2.0, -1.0))))
    assert np.allclose(bent[: round(0.49 * RATE)], plain[: round(0.49 * RATE)], atol=1e-3)
    base = hertz(plain, 0.2, 0.9, 440)
    assert hertz(bent, 0.55, 0.95, 490) == pytest.approx(base * 2 ** (2 / 12), rel=0.003)
    assert hertz(bent, 1.1, 1.9, 415) == pytest.approx(base * 2 ** (-1 / 12), rel=0.003)
    for sound in (plain, bent):  # an organ is over soon after its key is up
        assert loudest(sound, 2.6, 2.9) < loudest(sound, 1.7, 1.9) * 0.1


def test_what_was_before_the_offset_of_a_clip_still_counts() -> None:
    late = (Note(4, 2, 57, 100),)
    bent = heard(late, controls=MidiControls(bends=((0.0, 12.0),)), offset=2.0)
    assert hertz(bent, 0.2, 0.8, 440) == pytest.approx(hertz(heard(late, offset=2.0), 0.2, 0.8, 220) * 2, rel=0.003)


def test_modulation_sways_the_pitch_and_nothing_else() -> None:
    swaying = heard(NOTE, controls=MidiControls(controllers=((0.0, 1, 127),)))
    assert hertz(swaying, 0.2, 1.8, 440) == pytest.approx(440, rel=0.04)
    assert not np.allclose(swaying[: RATE * 2], heard(NOTE)[: RATE * 2], atol=0.01)


def test_volume_and_expression_turn_a_clip_down() -> None:
    plain = heard(NOTE)
    quiet = heard(NOTE, controls=MidiControls(controllers=((0.0, 7, 64), (2.0, 11, 0))))
    half = slice(200, round(0.99 * RATE))
    assert np.allclose(quiet[half], plain[half] * (64 / 127) ** 2, atol=1e-4)
    assert not quiet[round(1.01 * RATE) :].any()


def test_the_pedal_holds_notes_until_it_comes_up_or_their_key_is_struck_again() -> None:
    notes = [Note(0, 0.5, 60, 90), Note(0, 2.5, 64, 90), Note(1, 0.5, 60, 90), Note(3.2, 0.2, 67, 90)]
    pedal = Steps.of([(0.2, 1.0), (2.0, 0.0), (3.3, 1.0)])
    assert [round(note.start + note.duration, 6) for note in sustained(notes, pedal, 4.0)] == [1, 2.5, 2, 4]
    short = (Note(0, 0.5, 69, 100),)
    held = heard(short, controls=MidiControls(controllers=((0.0, 64, 127), (4.0, 64, 0))))
    assert loudest(held, 1.5, 1.8) > 20 * loudest(heard(short), 1.5, 1.8)
