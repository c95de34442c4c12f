"""From a score to files: the mix in the formats asked for, and its four stems at the very levels they have in the mix.

Three passes over blocks of about three seconds: play the stems onto a spool, listen to their balance and
plan the master's gain, write. What is reported is measured on the samples that are written.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from dawg_server import errors
from dawg_server.audio import codecs, filters, limiter, loudness, truepeak
from dawg_server.audio.mastering import balance, plan
from dawg_server.music import score as scores
from dawg_server.music import theory
from dawg_server.music.sound import mastering, profiles, sequencer, stems
from dawg_server.music.sound.spool import Spool
from dawg_server.music.sound.tone import Samples

Format = Literal["wav", "flac", "mp3", "ogg", "opus"]
Report = Callable[[float, str], None]

BLOCK = 131_072  # frames
CEILING_DB = -1.4  # dBTP before encoding: lossy formats add some tenths of a decibel
TOLERANCE = 0.2  # LU beside what was planned that are accepted
ATTEMPTS = 3  # of writing, when the limiter has moved the loudness
WARM_UP = 2.7  # seconds: the longest room, with which a loop comes round
WHOLE = 3  # stems from which on it is a piece rather than a part of one
LOOP_HEARD = 10.0  # seconds of a loop whose spectrum is measured
SETTLING = 2.0  # seconds in which the limiter has forgotten what was before
GATE_LU = 12.0  # below its loudest block, a stem counts as resting
USUAL_LUFS = {"drums": -19.0, "bass": -22.0, "chords": -20.0, "melody": -22.0}
MOST_CORRECTION_DB = 9.0
SHARES = {"synthesis": 0.55, "mixing": 0.6, "writing": 1.0}  # progress at the end of each stage


@dataclass(frozen=True, slots=True)
class Rendered:
    """Files by format and by stem; `duration` in seconds, `lufs` integrated, `true_peak` in dBTP, of the mix."""

    mix: Mapping[str, Path]
    stems: Mapping[str, Path]
    duration: float
    rate: int
    lufs: float
    true_peak: float
    premaster: Path | None = None


def render(
    score: scores.Score,
    folder: Path,
    *,
    rate: int = 44_100,
    formats: Sequence[Format] = ("wav", "flac", "mp3"),
    bit_depth: Literal[16, 24] = 16,
    stem_format: Literal["wav", "flac"] = "wav",
    report: Report | None = None,
    keep_premaster: bool = False,
    loudness_target: float | None = None,
) -> Rendered:
    """Writes `mix.<format>` and `drums`, `bass`, `chords` and `melody` in `stem_format` into `folder`.

    `loudness_target` in LUFS, by default that of the genre. `report` hears the fraction done (0..1) and the stage.
    `keep_premaster` adds `premaster.wav`, the mix before its limiter, in 32-bit floating point. Raises
    errors.ValidationError for a rate or format that cannot be written.
    """
    told = report or (lambda fraction, stage: None)
    frames = round(score.duration * rate)
    if frames <= 0:
        raise errors.ValidationError("The piece has no length.", details={"duration": "has to be positive"})
    folder.mkdir(parents=True, exist_ok=True)
    with Spool(folder, (len(scores.STEMS), BLOCK, 2)) as spool:
        is_whole = len({part.stem for part in score.parts}) >= WHOLE
        usual = profiles.loudness(score.genre) if is_whole else profiles.STREAMING
        wanted = usual if loudness_target is None else loudness_target
        gains = _play(score, rate, frames, wanted, spool, told)
        sections = [
            mastering.SectionLevel(section.start_beat * 60 / score.bpm, section.energy) for section in score.sections
        ]
        ratio = profiles.of(score.genre).glue

        def planned(target: float) -> tuple[Samples, float]:
            return mastering.plan(listener, frames, ratio, target, sections, score.loop)

        listener = _heard(spool, gains, rate)
        # A part alone has a spectrum of its own.
        equaliser = _equaliser(score, spool, gains, planned(wanted)[0], rate, frames) if is_whole else None
        if equaliser is not None:
            listener = _heard(spool, gains, rate, equaliser)
        told(SHARES["mixing"], "mixing")
        target = wanted
        for attempt in range(ATTEMPTS):
            curve, promised = planned(target)
            session = _Session(folder, rate, formats, bit_depth, stem_format, keep_premaster)
            before = _end(_mastered(spool, gains, curve), frames, round(SETTLING * rate)) if score.loop else None
            done = session.write(_mastered(spool, gains, curve), frames, told, before)
            miss = promised - done.lufs
            if abs(miss) < TOLERANCE or not np.isfinite(miss) or attempt == ATTEMPTS - 1:
                break
            target += miss
    told(1.0, "writing")
    return done


def _play(score: scores.Score, rate: int, frames: int, wanted: float, spool: Spool, told: Report) -> Samples:
    """Writes all stems to the spool, (stems, frames, 2) float32 a block, and returns the gains that balance them."""
    # A loop begins with what its end leaves in the room, on the spool and under the kick.
    lead = -(-round(WARM_UP * rate) // BLOCK) * BLOCK if score.loop else 0
    events = sequencer.events_of(score, rate, frames, lead)
    tonic = theory.parse_key(score.key).tonic
    player = sequencer.Sequencer(events, rate, 60.0 / score.bpm, score.seed, tonic=tonic)
    chains = {name: stems.Stem(name, score, events, rate, BLOCK, wanted) for name in scores.STEMS}
    powers: dict[str, list[float]] = {name: [] for name in scores.STEMS}
    for start in range(-lead, frames, BLOCK):
        layers = player.render(start, BLOCK)
        together = np.empty((len(scores.STEMS), BLOCK, 2), np.float32)
        for index, name in enumerate(scores.STEMS):
            together[index], power = chains[name].process(layers[name], start)
            if start >= 0:
                powers[name].append(power)
        if start < 0:
            continue
        together[:, max(0, frames - start) :] = 0.0
        spool.record(together)
        told(SHARES["synthesis"] * min(1.0, (start + BLOCK) / frames), "synthesis")
    profile = profiles.of(score.genre)
    trims = dict(score.trims)
    levels = {name: profile.level(name) + trims.get(name, 0.0) for name in scores.STEMS}
    return np.array([_balance(name, levels[name], powers[name]) for name in scores.STEMS], np.float32)


def _heard(
    spool: Spool, gains: Samples, rate: int, process: Callable[[Samples], Samples] | None = None
) -> mastering.PeakAndPowerMeter:
    """Peaks and powers of everything; with `process`, the spool holds what that has made of it afterwards."""
    listener = mastering.PeakAndPowerMeter(rate)
    for index, block in enumerate(spool.play()):
        if process is not None:
            spool.replace(index, block := process(block))
        listener.add(block, gains)
    return listener


def _equaliser(
    score: scores.Score, spool: Spool, gains: Samples, curve: Samples, rate: int, frames: int
) -> Callable[[Samples], Samples] | None:
    """What brings the sum of all stems close to its genre's spectrum, under the gain that it is going to have; the same
    for each of them, so that they still sum to the mix."""
    meter = balance.BalanceMeter(rate)
    # A loop is measured as often as it takes for its edges to count no more than the rest.
    for _ in range(max(1, -(-round(LOOP_HEARD * rate) // frames)) if score.loop else 1):
        for index, block in enumerate(spool.play()):
            mix = np.tensordot(gains, block, 1)[None]
            loud = mastering.apply(mix, np.ones(1, np.float32), curve, index * (BLOCK // mastering.FRAME))[0]
            meter.add(loud[: frames - index * BLOCK])
    bands = plan.matched(meter.result(), score.genre, rate)
    if not bands:
        return None
    cascade = filters.Cascade([band.section(rate) for band in bands], 2 * len(scores.STEMS))

    def process(block: Samples) -> Samples:
        lanes = block.transpose(1, 0, 2).reshape(block.shape[1], -1)
        shaped = cascade.process(lanes).reshape(block.shape[1], *block.shape[::2])
        return np.ascontiguousarray(shaped.transpose(1, 0, 2))

    if score.loop:
        for index, block in enumerate(spool.play()):
            if frames - (index + 1) * BLOCK < SETTLING * rate:
                process(block[:, : frames - index * BLOCK])  # what rings on when the loop comes round
    return process


def _balance(name: str, level: float, powers: Sequence[float]) -> float:
    """The stem's gain: to its place in the genre's balance, by its own loudness while it plays, within reason."""
    heard = np.asarray([power for power in powers if power > 0])
    if not heard.size:
        return 1.0
    sounding = heard[heard > heard.max() * 10 ** (-GATE_LU / 10)]
    loud = float(-0.691 + 10 * np.log10(sounding.mean()))
    usual = USUAL_LUFS[name]
    correction = float(np.clip(usual - loud, -MOST_CORRECTION_DB, MOST_CORRECTION_DB))
    return float(10 ** ((level - usual + USUAL_LUFS["drums"] + correction) / 20))


def _mastered(spool: Spool, gains: Samples, curve: Samples) -> Iterator[Samples]:
    for index, block in enumerate(spool.play()):
        yield mastering.apply(block, gains, curve, index * (BLOCK // mastering.FRAME))


def _end(blocks: Iterator[Samples], frames: int, length: int) -> Samples:
    """The last frames of the mix of all stems, at most `length`."""
    kept = np.zeros((0, 2), np.float32)
    written = 0
    for block in blocks:
        mix = _summed(block[:, : frames - written])
        kept = np.concatenate([kept, mix])[-length:]
        written += len(mix)
    return kept


def _summed(block: Samples) -> Samples:
    mix: Samples = block[0] + block[1]
    for stem in block[2:]:
        mix += stem
    return mix


class _Session:
    """All files of one rendering, and the meters on what goes into them."""

    def __init__(
        self, folder: Path, rate: int, formats: Sequence[Format], bit_depth: int, stem_format: Format, premaster: bool
    ) -> None:
        self._rate, self._bit_depth = rate, bit_depth
        self._mix: dict[Format, Path] = {name: folder / f"mix.{name}" for name in formats}
        self._stems = {name: folder / f"{name}.{stem_format}" for name in scores.STEMS}
        self._stem_format = stem_format
        self._premaster = folder / "premaster.wav" if premaster else None
        self._loudness = loudness.LoudnessMeter(rate, 2)
        self._peak = truepeak.TruePeakMeter(rate, 2)
        self._skipped = self._left = 0  # frames out of the limiter: before the piece, and of it

    def write(self, blocks: Iterator[Samples], frames: int, told: Report, before: Samples | None = None) -> Rendered:
        """`before`: what a loop's mix ends with, which brings the limiter to where it is when the loop comes round."""
        with contextlib.ExitStack() as open_files:
            mixes = [
                open_files.enter_context(codecs.Writer(path, name, self._rate, 2, bit_depth=self._depth(name)))
                for name, path in self._mix.items()
            ]
            tracks = [
                open_files.enter_context(
                    codecs.Writer(path, self._stem_format, self._rate, 2, bit_depth=self._bit_depth)
                )
                for path in self._stems.values()
            ]
            premaster = (
                open_files.enter_context(codecs.Writer(self._premaster, "wav", self._rate, 2, bit_depth=32))
                if self._premaster
                else None
            )
            ceiling = limiter.Limiter(self._rate, 2, CEILING_DB)
            written, self._left = 0, frames
            beginning = np.zeros((0, 2), np.float32)
            if before is not None:
                self._skipped = len(before)
                self._master(ceiling.process(before), mixes)
            for block in blocks:
                block = block[:, : frames - written]
                for track, stem in zip(tracks, block, strict=True):
                    track.write(stem)
                mix = _summed(block)
                if premaster is not None:
                    premaster.write(mix)
                if before is not None and not written:
                    beginning = mix[: len(before)]
                self._master(ceiling.process(mix), mixes)
                written += len(mix)
                first = SHARES["mixing"]
                told(first + (1.0 - first) * 0.99 * written / frames, "writing")
            self._master(ceiling.process(beginning), mixes)
            self._master(ceiling.flush(), mixes)
        return Rendered(
            {str(name): path for name, path in self._mix.items()},
            self._stems,
            frames / self._rate,
            self._rate,
            self._loudness.integrated,
            self._peak.peak,
            self._premaster,
        )

    def _master(self, samples: Samples, mixes: Sequence[codecs.Writer]) -> None:
        skipped = min(self._skipped, len(samples))
        self._skipped -= skipped
        samples = samples[skipped : skipped + self._left]
        self._left -= len(samples)
        self._loudness.add(samples)
        self._peak.add(samples)
        for mix in mixes:
            mix.write(samples)

    def _depth(self, name: str) -> int | None:
        return self._bit_depth if name in ("wav", "flac") else None
