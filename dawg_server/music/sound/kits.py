"""The drum kits: for each genre's kit, what every General MIDI percussion key sounds like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dawg_server.audio.filters import Band
from dawg_server.music.recorded.bank import Bank
from dawg_server.music.sound import drums, envelopes, filters, recordings
from dawg_server.music.sound.drums import Kick, Metal, Snare
from dawg_server.music.sound.tone import Samples, Tone

KICKS, RIMS, SNARES, CLAPS = (35, 36), (31, 37), (38, 40), (39,)
CLOSED_HATS, OPEN_HATS = (42, 44), (46,)
CRASHES, RIDES = (49, 52, 55, 57), (51, 53, 59)
TOMS = {41: 0.0, 43: 0.18, 45: 0.36, 47: 0.54, 48: 0.72, 50: 0.9}  # key: octaves above the floor tom
SHAKERS = (54, 58, 69, 70, 82)

HATS = (*CLOSED_HATS, *OPEN_HATS)
"""A hit on the hi-hat ends the one that rings."""

WET = {**dict.fromkeys(KICKS, 0.05), **dict.fromkeys(HATS, 0.35), **dict.fromkeys(RIDES, 0.5)}
"""How much of a piece goes to the room; what is not named goes wholly."""

PAN = {
    42: 0.14,
    44: 0.14,
    46: 0.14,
    49: -0.35,
    57: 0.4,
    55: -0.2,
    52: 0.3,
    51: 0.3,
    53: 0.3,
    59: 0.35,
    41: 0.35,
    43: 0.25,
    45: 0.1,
    47: -0.05,
    48: -0.2,
    50: -0.3,
    54: -0.3,
    70: 0.3,
    69: 0.3,
    82: 0.3,
    37: -0.1,
    56: -0.2,
    62: -0.25,
    63: 0.25,
    64: 0.3,
}

RINGS = {42: 0.3, 44: 0.22, 46: 1.1}
"""Seconds in which a recorded hi-hat falls by 60 dB besides its own decay: in a mix they are shorter than in a room."""

LEVEL = {
    **dict.fromkeys(KICKS, 1.0),
    **dict.fromkeys(SNARES, 0.95),
    **dict.fromkeys(CRASHES, 0.5),
    **dict.fromkeys(RIDES, 0.42),
    **dict.fromkeys(TOMS, 0.8),
    **dict.fromkeys(SHAKERS, 0.32),
    39: 0.75,
    37: 0.6,
    31: 0.45,
    42: 0.42,
    44: 0.32,
    46: 0.5,
}
"""Peak of a full hit beside a full kick."""


@dataclass(frozen=True, slots=True)
class Kit:
    """`top`: Hz above which the whole kit is dulled; `toms`: Hz of the floor tom; `brushes` replace the snare stick;
    `punch` and `shine`: level of the kick and of all metal beside the usual. `tuning` (semitones) and `colour` are
    those of its recordings, where there are some."""

    kick: Kick
    snare: Snare
    hat: Metal
    clap: tuple[float, float] = (0.22, 1150.0)
    ride: Metal = Metal(2.2, 3200.0, 0.0, 0.5)
    crash: Metal = Metal(2.6, 1900.0, 0.0, 0.62)
    toms: float = 82.0
    electronic: bool = False
    brushes: bool = False
    open_decay: float = 6.0
    top: float = 20_000.0
    rim: float = 1650.0
    punch: float = 1.0
    shine: float = 1.0
    tuning: float = 0.0
    colour: tuple[Band, ...] = ()


KITS = {
    "kit trap": Kit(
        Kick(230, 49, 0.04, 0.3, 0.6, 2.4),
        Snare(215, 0.2, 4200, 0.35, 0.7, 1.6, 1200),
        Metal(0.07, 7200, 1, 0.35, 1.12),
        (0.2, 1350),
        toms=74,
        electronic=True,
        rim=1900,
        crash=Metal(2.4, 2600, 0, 0.7),
        shine=1.1,
    ),
    "kit lofi": Kit(
        Kick(120, 52, 0.05, 0.3, 0.18, 1.8, 0.25),
        Snare(178, 0.17, 2100, 0.75, 0.25, 1.8, 500),
        Metal(0.06, 5200, 0, 0.55),
        (0.16, 950),
        top=7200,
        rim=1300,
        ride=Metal(1.4, 2600, 0, 0.4),
        tuning=-2.5,
        colour=(Band("bell", 220, 3.0, 0.8), Band("high pass", 45)),
    ),
    "kit boom bap": Kit(
        Kick(150, 58, 0.04, 0.26, 0.55, 2.6, 0.35),
        Snare(196, 0.22, 2900, 0.8, 0.6, 2.4, 450),
        Metal(0.075, 5600, 0, 0.5, 0.95),
        (0.2, 1050),
        top=11_500,
        rim=1450,
        tuning=-1.4,
        colour=(Band("bell", 190, 3.5, 0.9), Band("bell", 3000, 2.0, 0.8)),
    ),
    "kit house": Kit(
        Kick(260, 49, 0.036, 0.34, 0.45, 2.2),
        Snare(205, 0.16, 3600, 0.4, 0.5, 1.5, 900),
        Metal(0.06, 7000, 1, 0.5),
        (0.26, 1200),
        electronic=True,
        open_decay=5.0,
        shine=1.3,
    ),
    "kit acoustic": Kit(
        Kick(105, 57, 0.03, 0.28, 0.75, 1.3, 0.5),
        Snare(188, 0.27, 3300, 0.85, 0.75, 1.3, 350),
        Metal(0.085, 4800, 0, 0.4),
        (0.2, 1100),
        toms=78,
        punch=0.85,
        shine=1.1,
    ),
    "kit jazz": Kit(
        Kick(96, 66, 0.03, 0.24, 0.3, 1.05, 0.6),
        Snare(205, 0.2, 3000, 0.7, 0.4, 1.0, 500),
        Metal(0.09, 4300, 0, 0.35, 0.92),
        ride=Metal(2.6, 2800, 0, 0.55, 0.94),
        crash=Metal(2.8, 1700, 0, 0.5, 0.95),
        toms=96,
        brushes=True,
        top=14_000,
        punch=0.5,
        shine=1.4,
        tuning=1.0,
        colour=(Band("bell", 500, -2.0, 0.7), Band("high shelf", 8000, -2.0)),
    ),
    "kit dnb": Kit(
        Kick(190, 56, 0.028, 0.19, 0.8, 2.8, 0.25),
        Snare(228, 0.19, 4300, 0.85, 0.9, 2.6, 550),
        Metal(0.06, 6200, 0, 0.55, 1.1),
        (0.18, 1400),
        ride=Metal(1.6, 4200, 0, 0.4, 1.1),
        shine=1.2,
        tuning=3.0,
        colour=(Band("bell", 240, 3.0, 1.0), Band("high shelf", 6000, 2.5)),
    ),
    "kit techno": Kit(
        Kick(300, 46, 0.045, 0.4, 0.4, 4.2),
        Snare(190, 0.14, 3000, 0.35, 0.5, 2.0, 1000),
        Metal(0.05, 7800, 1, 0.4, 1.2),
        (0.24, 1000),
        electronic=True,
        open_decay=4.5,
        rim=2100,
        ride=Metal(1.2, 5200, 1, 0.45, 1.25),
        shine=1.5,
    ),
    "kit dubstep": Kit(
        Kick(240, 54, 0.03, 0.26, 0.9, 3.4, 0.3),
        Snare(200, 0.34, 3300, 1.0, 1.0, 3.2, 320),
        Metal(0.055, 6600, 0, 0.6, 1.05),
        (0.3, 1250),
        electronic=True,
    ),
    "kit rnb": Kit(
        Kick(170, 50, 0.045, 0.36, 0.25, 1.6),
        Snare(185, 0.15, 2600, 0.5, 0.35, 1.3, 800),
        Metal(0.055, 6800, 1, 0.45, 1.0),
        (0.24, 1100),
        electronic=True,
        top=15_000,
        rim=1550,
    ),
    "kit country": Kit(
        Kick(100, 61, 0.028, 0.24, 0.5, 1.15, 0.5),
        Snare(210, 0.2, 3900, 0.7, 0.6, 1.1, 500),
        Metal(0.07, 5400, 0, 0.42, 1.05),
        toms=86,
        top=16_000,
        rim=1750,
        punch=0.8,
        tuning=0.6,
        colour=(Band("bell", 420, -3.0, 0.8), Band("high shelf", 5000, 1.5)),
    ),
}
DEFAULT_KIT = "kit acoustic"


def strike(tone: Tone, key: int, name: str, bank: Bank | None = None, take: int = 0) -> Samples:
    """One hit of a kit's piece at a General MIDI percussion key, at its level in the kit; recorded where the bank has
    it."""
    name = name if name in KITS else DEFAULT_KIT
    kit = KITS[name]
    regions = bank.regions(name) if bank is not None else ()
    recorded = next((each for each in regions if each.keys[0] <= key <= each.keys[1]), None)
    if bank is None or recorded is None:
        sound = _piece(tone, key, kit)
    else:
        sound = recordings.hit(tone, bank, recorded, take, kit.tuning)
        if key in RINGS:
            fall = envelopes.decay(len(sound), tone.rate, RINGS[key])
            sound = sound * (fall if sound.ndim == 1 else fall[:, None])
        sound = envelopes.soften(filters.shape(sound, tone.rate, *kit.colour), tone.rate) if kit.colour else sound
    if kit.top < 16_000:
        sound = filters.shape(sound, tone.rate, Band("low pass", kit.top * (1.6 if key in HATS else 1.0)))
    own = kit.punch if key in KICKS else kit.shine if key in (*HATS, *RIDES) else 1.0
    out: Samples = sound * np.float32(LEVEL.get(key, 0.4) * own)
    return out


def _piece(tone: Tone, key: int, kit: Kit) -> Samples:
    if key in KICKS:
        return drums.kick(tone, drums.tuned(kit.kick, tone.tonic))
    if key in SNARES:
        return drums.brush(tone, 0.28) if kit.brushes and key == 38 else drums.snare(tone, kit.snare)
    if key in CLAPS:
        return drums.clap(tone, *kit.clap)
    if key in RIMS:
        return drums.rim(tone, kit.rim)
    if key in CLOSED_HATS:
        return drums.metal(tone, kit.hat, 0.8 if key == 44 else 1.0)
    if key in OPEN_HATS:
        return drums.metal(tone, kit.hat, kit.open_decay)
    if key in RIDES:
        return drums.ride(tone, kit.ride, 0.9 if key == 53 else 0.0)
    if key in CRASHES:
        return drums.metal(tone, kit.crash, 0.45 if key == 55 else 1.0)
    if key in TOMS:
        return drums.tom(tone, kit.toms * 2 ** TOMS[key], 0.42, kit.electronic)
    if key in SHAKERS:
        return drums.shaker(tone, 0.14 if key in (54, 58) else 0.08, 7800 if key == 54 else 6200)
    return _struck(tone, key)


def _struck(tone: Tone, key: int) -> Samples:
    if key == 56:
        return drums.block(tone, 562.0, 0.28, (1.0, 1.504, 3.0, 4.2))
    if key in (75, 76, 77, 85):
        return drums.block(tone, {75: 2480.0, 76: 1180.0, 77: 830.0, 85: 1900.0}[key], 0.09)
    if key in (80, 81):
        return drums.block(tone, 2870.0, 1.6 if key == 81 else 0.15, (1.0, 1.86, 2.41, 3.3))
    # Bongos, congas, timbales and agogos, from high to low.
    frequency = {60: 420.0, 61: 300.0, 62: 330.0, 63: 290.0, 64: 200.0, 65: 380.0, 66: 260.0, 67: 900.0, 68: 680.0}.get(
        key, 500.0
    )
    return drums.block(tone, frequency, 0.22, (1.0, 1.59, 2.14))
