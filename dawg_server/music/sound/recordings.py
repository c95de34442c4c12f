"""Plays recorded instruments: the nearest recording at the pitch of the note, looped, damped, as bright as struck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dawg_server.audio.filters import Band
from dawg_server.music.recorded.bank import Bank
from dawg_server.music.recorded.region import Region, Sample
from dawg_server.music.sound import envelopes, filters
from dawg_server.music.sound.tone import Samples, Signal, Tone, hertz

LEVEL = 0.112  # RMS of the beginning of a note at full velocity (-19 dB)
LOW_LEVEL = 0.19  # of basses
HEARD = 0.4  # seconds whose level counts
RANGE_DB = 100.0  # of an envelope's decay and release (SoundFont 2.04, section 8.1.3)
LEAST_DB = -66.0  # at which a note has died away
NEIGHBOUR = 4.0  # semitones to the other recording that repeats of a note take
DETUNED = 4.0  # cents, where there is no other one
ATTACK_LEFT_OUT = 0.045  # seconds that a bound note has none of its recording's attack
BOUND = 0.015  # seconds in which it fades in instead
DULLEST, OPEN = 0.16, 0.7  # velocities between which a note opens up
DULLEST_HZ, HIGHEST_HZ = 1_800.0, 14_000.0
SWAY_AFTER, SWAY_GROWS = 0.3, 0.4  # seconds
LONGEST_HIT = 3.0  # seconds that a cymbal rings
HIT_CENTS = (0.0, 14.0, -11.0)  # of the takes of a drum hit


@dataclass(frozen=True, slots=True)
class Manner:
    """How an instrument is played: `vibrato` in cents at full depth; `low`: levelled as basses are."""

    vibrato: float = 0.0
    low: bool = False


def play(tone: Tone, bank: Bank, regions: Sequence[Region], take: int, manner: Manner) -> Samples:
    """(frames,), or (frames, 2) of a stereo recording; as loud for every recording of the instrument."""
    region, detune = _pick(regions, tone.pitch, tone.velocity, take)
    rate = tone.rate
    left = round(ATTACK_LEFT_OUT * region.sample.rate) if tone.came_from is not None else 0
    ring = region.release * -LEAST_DB / RANGE_DB
    frames = min(tone.held + max(1, round(ring * rate)), _lasting(region, tone))
    cents = 100 * (tone.pitch - region.root) * (region.scale - 1) + detune
    place = _turns(tone, frames, manner) * (region.sample.rate / hertz(region.root) * 2 ** (cents / 1200)) + left
    channels = [_wave(bank, region.sample, region.loop, place)]
    if region.other is not None:
        channels.append(_wave(bank, region.other, region.other_loop, place))
    frames = min(len(each) for each in channels)
    sound = channels[0] if len(channels) == 1 else np.stack([each[:frames] for each in channels], axis=1)
    start = region.attack if tone.came_from is None else BOUND
    sound = sound * _column(_envelope(region, frames, tone.held, rate, start), sound)
    sound *= np.float32((LOW_LEVEL if manner.low else LEVEL) / _strength(bank, region))
    return envelopes.soften(_coloured(sound, tone), rate, 0.0008, 0.006)


def hit(tone: Tone, bank: Bank, region: Region, take: int, semitones: float) -> Samples:
    """A drum's stroke with a peak of one, tuned by so many semitones."""
    frames = round(LONGEST_HIT * tone.rate)
    step = 2 ** ((100 * semitones + HIT_CENTS[take % len(HIT_CENTS)]) / 1200) * region.sample.rate / tone.rate
    place = np.arange(frames) * step
    channels = [_wave(bank, each, None, place) for each in (region.sample, region.other) if each is not None]
    frames = min(len(each) for each in channels)
    sound = channels[0] if len(channels) == 1 else np.stack([each[:frames] for each in channels], axis=1)
    sound = _coloured(sound, tone)
    end = 0.4 if frames == round(LONGEST_HIT * tone.rate) else 0.01
    out: Samples = sound / np.float32(max(float(np.abs(sound).max(initial=0.0)), 1e-6))
    return envelopes.soften(out, tone.rate, 0.0002, end)


def _pick(regions: Sequence[Region], pitch: float, velocity: float, take: int) -> tuple[Region, float]:
    """The recording, and the cents by which it is detuned: repeats are played from another one where there is one."""
    struck = velocity * 127
    layer = min({each.velocities for each in regions}, key=lambda each: max(each[0] - struck, struck - each[1], 0.0))
    near = sorted((each for each in regions if each.velocities == layer), key=lambda each: abs(each.root - pitch))
    if take % 2 == 0:
        return near[0], 0.0
    if len(near) > 1 and abs(near[1].root - pitch) <= NEIGHBOUR:
        return near[1], 0.0
    return near[0], DETUNED


def _lasting(region: Region, tone: Tone) -> int:
    """Frames after which there is nothing to hear any more, of a recording that dies away."""
    if region.sustain < -LEAST_DB or not region.decay:
        return 1 << 40
    return round((region.attack + region.hold + region.decay * -LEAST_DB / RANGE_DB) * tone.rate)


def _turns(tone: Tone, frames: int, manner: Manner) -> Signal:
    """The phase, with bends and a late vibrato."""
    if not manner.vibrato or tone.seconds < SWAY_AFTER:
        return tone.cycles(frames)
    grown = np.clip((tone.time(frames) - SWAY_AFTER) / SWAY_GROWS, 0.0, 1.0)
    return tone.cycles(frames, manner.vibrato * grown * tone.swaying(frames, 5.1))


def _wave(bank: Bank, sample: Sample, loop: tuple[int, int] | None, place: Signal) -> Samples:
    """The sample at places in frames, by cubic interpolation (Catmull and Rom); at most as long as it lasts."""
    reach = int(place[-1]) + 4
    data = bank.read(sample, reach if loop is None else max(min(reach, loop[1] + 1), 1))
    if loop is not None and reach > loop[1] and loop[1] <= len(data):
        first, last = loop
        data = np.concatenate([data[:last], data[first : first + 4]])
        place = np.where(place < last, place, first + (place - first) % (last - first))
    else:
        place = place[: np.searchsorted(place, len(data) - 3)]
    index = place.astype(np.int32)
    t = (place - index).astype(np.float32)
    before, here = data.take(np.maximum(index - 1, 0)), data.take(index)
    after, beyond = data.take(index + 1), data.take(index + 2)
    bend = beyond - before + np.float32(3.0) * (here - after)
    bend *= t
    bend += np.float32(2.0) * before - np.float32(5.0) * here + np.float32(4.0) * after - beyond
    bend *= t
    bend += after - before
    bend *= t
    bend *= np.float32(0.5)
    bend += here
    return bend


def _envelope(region: Region, frames: int, held: int, rate: int, attack: float) -> Samples:
    """Rises in a straight line and falls in decibels, as SoundFont 2.04 has it."""
    time = np.arange(frames, dtype=np.float32) * np.float32(1 / rate)
    fall = np.zeros(frames, np.float32)
    if region.decay and region.sustain:
        fall = np.clip((time - (attack + region.hold)) * (RANGE_DB / region.decay), 0.0, region.sustain)
    if frames > held:
        fall[held:] += (time[held:] - time[held]) * (RANGE_DB / max(region.release, 0.01))
    curve: Samples = np.exp(fall * np.float32(-np.log(10.0) / 20.0)).astype(np.float32)
    rise = min(frames, round(attack * rate))
    if rise:
        curve[:rise] *= np.linspace(0.0, 1.0, rise, endpoint=False, dtype=np.float32)
    return curve


def _strength(bank: Bank, region: Region) -> float:
    """RMS of the loudest moment of the recording's beginning, both channels together."""
    step = round(HEARD / 4 * region.sample.rate)
    powers = np.zeros(1)
    for each in (region.sample, region.other):
        if each is not None:
            data = bank.read(each, 16 * step)
            steps = np.square(data[: max(len(data) // step, 1) * step]).reshape(-1, min(step, len(data))).mean(axis=1)
            powers = powers + np.convolve(steps, np.full(4, 0.25))[: max(len(steps), 4)].max()
    return max(float(np.sqrt(powers[0] / (1 if region.other is None else 2))), 1e-4)


def _coloured(sound: Samples, tone: Tone) -> Samples:
    """Softer is darker."""
    opened = (tone.velocity - DULLEST) / (OPEN - DULLEST)
    if opened >= 1.0:
        return sound
    cutoff = DULLEST_HZ * (HIGHEST_HZ / DULLEST_HZ) ** max(0.0, opened)
    return filters.shape(sound, tone.rate, Band("low pass", max(cutoff, 2.5 * tone.frequency), q=0.6))


def _column(curve: Samples, sound: Samples) -> Samples:
    return curve if sound.ndim == 1 else curve[:, None]
