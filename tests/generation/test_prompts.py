"""Sixty prompts, each with an end that can be counted in the score, and what they are told to have come to."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile

from dawg_server.generation import requests
from dawg_server.music import compose, moods, prompt_hints, prompt_words, score, sound, theory

HATS, SNARES, KICKS = {42, 44, 46}, {38, 40}, {35, 36}
EFFECTS = ("riser", "impact", "vinyl noise")


class Made(NamedTuple):
    """A piece, and what its request came to."""

    score: score.Score
    settled: requests.Settled

    @property
    def stems(self) -> set[str]:
        return {part.stem for part in self.parts}

    @property
    def parts(self) -> list[score.Part]:
        return [part for part in self.score.parts if part.instrument not in EFFECTS]

    @property
    def instruments(self) -> set[str]:
        return {part.instrument for part in self.parts}

    def notes(self, stem: str, first: int = 1, last: int = 999) -> list[score.Note]:
        """Those of a stem that begin in these bars."""
        bar = self.score.beats_per_bar
        return [
            note
            for part in self.parts
            if part.stem == stem
            for note in part.notes
            if (first - 1) * bar - 0.05 <= note.start < last * bar - 0.1
        ]

    def drums(self, first: int = 1, last: int = 999) -> set[int]:
        return {note.pitch for note in self.notes("drums", first, last)}

    def playing(self, first: int, last: int) -> set[str]:
        return {stem for stem in score.STEMS if self.notes(stem, first, last)}

    @property
    def minor(self) -> bool:
        return theory.parse_key(self.score.key).minor

    def section(self, name: str) -> tuple[int, int]:
        """(first bar counted from 1, bars) of the first one of that name."""
        each = next(each for each in self.score.sections if each.name == name)
        return round(each.start_beat / self.score.beats_per_bar) + 1, round(each.beats / self.score.beats_per_bar)

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.score.sections]

    @property
    def energies(self) -> list[float]:
        return [each.energy for each in self.score.sections if each.name != "ending"]

    @property
    def loudness(self) -> float:
        """Sum of the velocities of hats."""
        return sum(note.velocity for note in self.notes("drums") if note.pitch in HATS)


@functools.lru_cache(maxsize=128)
def made(prompt: str = "", genre: str = "house", seed: int = 3, **fields: Any) -> Made:
    asked: dict[str, Any] = dict.fromkeys(
        ("bpm", "key", "timeSignature", "duration", "bars", "ending", "mood", "project")
    )
    asked |= {"genre": genre, "seed": seed, "usual": 30.0, **fields}
    hints = prompt_hints.read(prompt)
    settled = requests.settle(asked, hints)
    request = settled.request
    written = compose.compose(
        genre=genre,
        bpm=request["bpm"],
        key=request["key"],
        mood=request["mood"],
        duration=request["duration"],
        seed=seed,
        prompt=hints,
        beats_per_bar=request["beatsPerBar"],
        loop=not request["ending"],
    )
    return Made(written, settled)


PLAIN = made()
PROMPTS: tuple[tuple[str, Callable[[Made], bool]], ...] = (
    # only, without
    ("drums only", lambda it: it.stems == {"drums"}),
    ("Only drums, please!", lambda it: it.stems == {"drums"}),
    ("just bass and drums", lambda it: it.stems == {"drums", "bass"}),
    ("nothing but drums and bass", lambda it: it.stems == {"drums", "bass"}),
    ("piano only", lambda it: it.instruments == {"grand piano"}),
    ("solo piano", lambda it: it.instruments == {"grand piano"}),
    ("only a soft organ", lambda it: it.instruments == {"organ"}),
    ("only kick and snare", lambda it: it.stems == {"drums"} and it.drums() <= KICKS | SNARES),
    ("no drums", lambda it: "drums" not in it.stems),
    ("without a melody, no bass", lambda it: it.stems == {"drums", "chords"}),
    ("drumless", lambda it: "drums" not in it.stems),
    ("not only piano", lambda it: it.stems == PLAIN.stems),
    ("just a dark beat", lambda it: it.stems == PLAIN.stems),
    # pieces of the kit
    ("no hi-hats", lambda it: not it.drums() & HATS and bool(it.drums() & KICKS)),
    ("no bass drum", lambda it: not it.drums() & KICKS and "bass" in it.stems),
    ("no hats in the intro", lambda it: not it.drums(1, it.section("intro")[1]) & HATS and bool(it.drums() & HATS)),
    ("less hi-hat", lambda it: 0 < it.loudness <= 0.55 * PLAIN.loudness),
    ("more hats", lambda it: it.loudness > 1.1 * PLAIN.loudness),
    ("less bass", lambda it: dict(it.score.trims) == {"bass": -8.0}),
    (
        "more drums and less melody",
        lambda it: dict(it.score.trims).get("drums", 0) > 0 > dict(it.score.trims)["melody"],
    ),
    # instruments
    ("with a flute", lambda it: "flute" in it.instruments),
    ("piano and strings", lambda it: {"grand piano", "strings"} <= it.instruments),
    ("a choir, an organ and an upright bass", lambda it: {"choir", "organ", "upright bass"} <= it.instruments),
    ("banjo", lambda it: bool({"banjo", "acoustic guitar"} & it.instruments)),
    ("no piano, no trumpet", lambda it: not {"grand piano", "electric piano", "trumpet"} & it.instruments),
    # tempo
    ("70 bpm in A major", lambda it: (it.score.bpm, it.score.key) == (70, "A")),
    ("tempo: 133", lambda it: it.score.bpm == 133),
    ("at around 95", lambda it: it.score.bpm == 95),
    ("between 90 and 100 bpm", lambda it: it.score.bpm == 95),
    ("slow", lambda it: it.score.bpm < PLAIN.score.bpm),
    ("really fast", lambda it: it.score.bpm > PLAIN.score.bpm),
    ("not too fast", lambda it: it.score.bpm < PLAIN.score.bpm),
    # key and mode
    ("in F# minor", lambda it: it.score.key == "F#m"),
    ("b flat major", lambda it: it.score.key in ("Bb", "A#")),
    ("Ebm please", lambda it: it.score.key in ("Ebm", "D#m")),
    ("in a minor key", lambda it: it.minor),
    ("in a major key", lambda it: not it.minor),
    ("D dorian", lambda it: it.score.key == "Dm"),
    ("happy", lambda it: not it.minor),
    ("sad", lambda it: it.minor and it.score.bpm < PLAIN.score.bpm),
    # metre and length
    ("waltz in 3/4", lambda it: it.score.beats_per_bar == 3),
    ("a waltz", lambda it: it.score.beats_per_bar == 3),
    ("in 6/8 time", lambda it: it.settled.request["timeSignature"] == "6/8"),
    ("five four", lambda it: it.score.beats_per_bar == 5),
    ("8 bars", lambda it: it.score.loop and it.score.duration == pytest.approx(32 * 60 / it.score.bpm)),
    ("a sixteen bar loop at 120 bpm", lambda it: it.score.loop and it.score.duration == pytest.approx(32)),
    ("20 seconds with an ending", lambda it: it.score.duration == 20 and it.names[-1] == "ending"),
    # form
    (
        "start with just piano, drop at bar 9",
        lambda it: it.playing(1, it.section("intro")[1]) == {"chords"} and it.section("drop")[0] == 9,
    ),
    ("the drums come in at bar 5", lambda it: "drums" not in it.playing(1, 4) and "drums" in it.playing(5, 8)),
    ("no bass until bar 9", lambda it: "bass" not in it.playing(1, 8) and "bass" in it.playing(9, 16)),
    ("bars 1-4 only drums", lambda it: it.playing(1, 4) == {"drums"} and len(it.playing(5, 12)) > 2),
    (
        "4 bar intro, 8 bar verse, 8 bar chorus",
        lambda it: (it.section("verse"), it.section("chorus")) == ((5, 8), (13, 8)),
    ),
    ("verse, chorus, verse, chorus", lambda it: [n for n in it.names if n != "ending"] == ["verse", "chorus"] * 2),
    ("no intro", lambda it: "intro" not in it.names),
    ("breakdown at bar 9", lambda it: it.section("breakdown")[0] == 9),
    ("ends with just strings", lambda it: it.playing(it.section("outro")[0], 999) == {"chords"}),
    # the course of the energy
    ("builds up slowly", lambda it: it.energies == sorted(it.energies) and it.energies[0] < it.energies[-1] - 0.2),
    ("starts calm and gets more intense", lambda it: it.energies == sorted(it.energies)),
    ("fades out", lambda it: it.energies == sorted(it.energies, reverse=True)),
    ("rises and falls", lambda it: max(it.energies) not in (it.energies[0], it.energies[-1])),
    ("same energy throughout", lambda it: len(set(it.energies)) == 1),
    # moods
    ("not too dark", lambda it: not it.minor),
    ("busy", lambda it: len(it.notes("drums")) / it.score.duration > len(made("sparse").notes("drums")) / 30),
    ("lots of reverb", lambda it: it.score.space > PLAIN.score.space),
    ("no reverb, no distortion", lambda it: it.score.space < PLAIN.score.space and it.score.grit < PLAIN.score.grit),
    ("80s", lambda it: it.score.space > PLAIN.score.space),
    ("like Hans Zimmer", lambda it: bool({"strings", "choir"} & it.instruments) or it.score.space > PLAIN.score.space),
)


@pytest.mark.parametrize(("prompt", "end"), PROMPTS)
def test_a_prompt_is_done(prompt: str, end: Callable[[Made], bool]) -> None:
    found = made(prompt)
    assert end(found), (found.settled, found.names, found.instruments)
    assert found.settled.understood
    assert not found.settled.ignored


def test_no_two_of_them_make_the_same() -> None:
    alike = [
        # other words for the same
        {"drums only", "Only drums, please!"},
        {"just bass and drums", "nothing but drums and bass"},
        {"piano only", "solo piano"},
        {"no drums", "drumless"},
        {"waltz in 3/4", "a waltz", "in 6/8 time"},
        {"at around 95", "between 90 and 100 bpm"},
        {"builds up slowly", "starts calm and gets more intense"},
    ]
    seen: dict[tuple[Any, ...], str] = {}
    for prompt, end in PROMPTS:
        with contextlib.suppress(StopIteration):
            if end(PLAIN):
                continue  # asks for what is there
        written = made(prompt).score
        told = (
            written.sections,
            written.parts,
            written.trims,
            written.bpm,
            written.space,
            written.grit,
            written.brightness,
        )
        other = seen.setdefault(told, prompt)
        assert other == prompt or any({other, prompt} <= names for names in alike), (other, prompt)


def test_what_is_not_understood_or_cannot_be_done_is_named() -> None:
    for prompt, ignored in (
        ("kazoo for my grandma", ["kazoo", "grandma"]),
        ("dark, with female vocals", ["female", "vocals: nobody sings in a beat"]),
        ("trap", ["trap: the genre is house"]),
        ("400 bpm", ["400 bpm: 60 to 200 are made"]),
        ("13/4", ["13/4: metres are"]),
        ("9000 bars", []),
        ("drop at bar 99, 16 bars", ["drop at bar 99: there are 16 bars"]),
        ("no drum solo", ["drum solo"]),
    ):
        told = made(prompt).settled.ignored
        assert all(any(each.startswith(words) for each in told) for words in ignored), (prompt, told)
    assert made("banjo").settled.understood == ["banjo: played by the acoustic guitar, the nearest that there is"]
    assert "70.0 bpm: the request says 140.0" in made("70 bpm", bpm=140.0).settled.ignored
    assert made("70 bpm", bpm=140.0).score.bpm == 140


def test_fields_count_before_the_prompt_and_the_prompt_before_the_project() -> None:
    project = {"bpm": 99.0, "key": "Ebm", "timeSignature": "3/4"}
    assert (made("", project=_frozen(project)).score.bpm, made("", project=_frozen(project)).score.key) == (99, "Ebm")
    fitted = made("in A major", project=_frozen(project), bpm=101.0).settled.request
    assert (fitted["bpm"], fitted["key"], fitted["timeSignature"]) == (101, "A", "3/4")


class _frozen(dict[str, Any]):
    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))


def _heard(written: score.Score) -> tuple[Any, ...]:
    return written.sections, written.parts, written.brightness, written.space, written.grit, written.bpm, written.key


def test_every_mood_word_is_heard() -> None:
    plain = _heard(made("", "pop", bars=2).score)
    deaf = [word for word in moods.WORDS if _heard(made(word, "pop", bars=2).score) == plain]
    assert not deaf
    assert len(moods.WORDS) > 300


def test_every_word_of_the_vocabulary_is_told_as_understood() -> None:
    silent: Collection[str] = {"beat", *prompt_words.VOICES}
    words = (*prompt_words.STEMS, *prompt_words.PIECES, *prompt_words.PACES, *prompt_words.SOUNDS, *moods.WORDS)
    for word in words:
        if word not in silent:
            hints = prompt_hints.read(word)
            assert hints.understood, word
            assert not hints.ignored, word


def test_a_sad_piece_is_slower_lower_and_in_minor_beside_an_upbeat_one() -> None:
    for seed in range(10):
        sad, upbeat = made("sad", "pop", seed), made("upbeat", "pop", seed)
        assert sad.minor and not upbeat.minor
        assert sad.score.bpm < upbeat.score.bpm
        assert sad.score.brightness < upbeat.score.brightness


def test_less_hi_hat_is_at_least_six_decibels_less_of_it(tmp_path: Path) -> None:
    def energy(prompt: str) -> float:
        """Above 6 kHz, of the drums."""
        score = made(prompt, bars=2, bpm=180.0).score
        drums = dataclasses.replace(score, parts=tuple(part for part in score.parts if part.stem == "drums"))
        rendered = sound.render(drums, tmp_path / prompt.replace(" ", "-"), formats=("wav",), stem_format="wav")
        samples, rate = soundfile.read(rendered.stems["drums"])
        power = np.abs(np.fft.rfft(samples.mean(axis=1))) ** 2
        return float(power[np.fft.rfftfreq(len(samples), 1 / rate) > 6000].sum())

    without, less, plain = (energy(prompt) for prompt in ("no hi-hats", "less hi-hat", "with drums"))
    assert less - without <= 10**-0.6 * (plain - without)
