"""The types of devices: what each is called, its parameters with units, ranges and defaults, and its presets.

Everything that checks, shows or documents a device reads this. What a parameter does to the sound, its law, is told by
the class that realises the type (`realised`). Nothing here needs numpy, so that the server itself can import it.
"""

from __future__ import annotations

from typing import Any

from dawg_server.audio.devices.device_type import DeviceType, Parameter, choice, flag, number
from dawg_server.schema import Number

NOTE_LENGTHS = {  # beats
    "1/32": 0.125,
    "1/16t": 1 / 6,
    "1/16": 0.25,
    "1/16d": 0.375,
    "1/8t": 1 / 3,
    "1/8": 0.5,
    "1/8d": 0.75,
    "1/4t": 2 / 3,
    "1/4": 1.0,
    "1/4d": 1.5,
    "1/2t": 4 / 3,
    "1/2": 2.0,
    "1/2d": 3.0,
    "1/1": 4.0,
}
BANDS = 8
BAND_TYPES = ("off", "lowpass", "highpass", "bandpass", "lowshelf", "highshelf", "peaking", "notch", "allpass")
_USUAL_BANDS = (  # type, Hz
    ("lowshelf", 100.0),
    ("peaking", 300.0),
    ("peaking", 3_000.0),
    ("highshelf", 8_000.0),
    ("off", 60.0),
    ("off", 800.0),
    ("off", 5_000.0),
    ("off", 12_000.0),
)
_MIX = "0 is the sound that came in alone, 1 that of the device alone"


def _bands() -> dict[str, Parameter]:
    found = {}
    for band, (kind, frequency) in enumerate(_USUAL_BANDS, 1):
        found[f"type{band}"] = choice(BAND_TYPES, kind, f"what band {band} is")
        found[f"frequency{band}"] = number(20, 20_000, frequency, "Hz", f"of band {band}")
        found[f"gain{band}"] = number(-24, 24, 0, "dB", f"of band {band}; for shelves and peaking")
        found[f"q{band}"] = number(0.1, 30, 0.7071, "", f"of band {band}; shelves have none")
    return found


def _band(number: int, kind: str, frequency: float, gain: float = 0, q: float = 0.7071) -> dict[str, Any]:
    return {f"type{number}": kind, f"frequency{number}": frequency, f"gain{number}": gain, f"q{number}": q}


EQUALIZER = DeviceType(
    "equalizer",
    "raises and lowers parts of the spectrum in up to 8 bands",
    _bands(),
    "equaliser:Equaliser",
    {
        "vocal presence": {
            **_band(1, "highpass", 90),
            **_band(2, "peaking", 300, -2, 1),
            **_band(3, "peaking", 3_500, 2.5, 0.9),
            **_band(4, "highshelf", 10_000, 2),
        },
        "bass warmth": {**_band(1, "lowshelf", 90, 3), **_band(2, "peaking", 350, -2, 1)},
        "telephone": {**_band(1, "highpass", 400, q=1), **_band(4, "lowpass", 3_400, q=1)},
        "air": {**_band(4, "highshelf", 11_000, 4)},
    },
)
COMPRESSOR = DeviceType(
    "compressor",
    "makes loud passages quieter, by its own sound or by that of another track",
    {
        "threshold": number(-60, 0, -24, "dB", "level above which it works, dBFS of the mean square"),
        "ratio": number(1, 20, 4, "", "dB of input above the threshold for each dB of output"),
        "knee": number(0, 24, 6, "dB", "width of the bend around the threshold"),
        "attack": number(0.1, 200, 10, "ms", "until 63 % of a rising reduction"),
        "release": number(5, 2_000, 150, "ms", "until 63 % of a falling reduction"),
        "makeup": number(-12, 24, 0, "dB", "gain afterwards"),
        "earHighpass": number(0, 500, 0, "Hz", "the detector hears nothing below; 0 lets it hear all", fixed=True),
        "mix": number(0, 1, 1, "", _MIX),
    },
    "levels:CompressorDevice",
    {
        "vocal": {"threshold": -22, "ratio": 3, "attack": 8, "release": 120, "makeup": 3},
        "drum bus": {"threshold": -18, "ratio": 4, "attack": 25, "release": 90, "makeup": 2, "earHighpass": 90},
        "glue": {"threshold": -16, "ratio": 1.8, "attack": 30, "release": 250, "knee": 10, "earHighpass": 90},
        "pump": {"threshold": -30, "ratio": 8, "attack": 1, "release": 220},
        "parallel": {"threshold": -35, "ratio": 10, "attack": 1, "release": 100, "makeup": 8, "mix": 0.4},
    },
    sidechain=True,
)
GATE = DeviceType(
    "gate",
    "silences what is quieter than a threshold, by its own sound or by that of another track",
    {
        "threshold": number(-80, 0, -40, "dB", "level at which it opens, dBFS of the mean square"),
        "hysteresis": number(0, 24, 4, "dB", "below the threshold, where it closes again"),
        "range": number(-80, 0, -80, "dB", "gain while it is closed"),
        "attack": number(0.1, 100, 1, "ms", "until 63 % of the way to open"),
        "hold": number(0, 1_000, 30, "ms", "it stays open at least so long"),
        "release": number(5, 2_000, 100, "ms", "until 63 % of the way to closed"),
    },
    "levels:Gate",
    {
        "drums": {"threshold": -30, "attack": 0.5, "hold": 40, "release": 80},
        "voice": {"threshold": -45, "range": -20, "hold": 120, "release": 250},
    },
    sidechain=True,
)
LIMITER = DeviceType(
    "limiter",
    "lets nothing above a ceiling, also between the samples",
    {
        "gain": number(-12, 24, 0, "dB", "before it"),
        "ceiling": number(-24, 0, -1, "dB", "dBTP that are never exceeded"),
        "release": number(10, 1_000, 120, "ms", "until 37 % of a reduction are left", fixed=True),
    },
    "levels:LimiterDevice",
    {"master": {"ceiling": -1, "release": 120}, "loud": {"gain": 6, "ceiling": -1, "release": 60}},
)
SATURATION = DeviceType(
    "saturation",
    "adds harmonics by bending the waveform",
    {
        "drive": number(0, 36, 6, "dB", "before the bend"),
        "curve": choice(("soft", "hard", "fold"), "soft", "how the waveform is bent"),
        "output": number(-24, 12, 0, "dB", "after the bend"),
        "mix": number(0, 1, 1, "", _MIX),
    },
    "saturation:Saturation",
    {
        "tape": {"drive": 4, "output": -2},
        "fuzz": {"drive": 30, "curve": "hard", "output": -12},
        "bass edge": {"drive": 12, "output": -6, "mix": 0.5},
    },
)
DELAY = DeviceType(
    "delay",
    "repeats the sound, in time with the music",
    {
        "sync": choice(("off", *NOTE_LENGTHS), "1/8d", "length of a note between repeats; off: `time`"),
        "time": number(10, 4_000, 375, "ms", "between repeats when `sync` is off"),
        "feedback": number(0, 0.95, 0.35, "", "gain from each repeat to the next"),
        "pingPong": flag(False, "whether repeats change sides"),
        "lowCut": number(20, 2_000, 120, "Hz", "below it every repeat loses 12 dB an octave", fixed=True),
        "highCut": number(500, 20_000, 6_000, "Hz", "above it every repeat loses 12 dB an octave", fixed=True),
        "mix": number(0, 1, 0.25, "", _MIX),
    },
    "delay:Delay",
    {
        "slap": {"sync": "off", "time": 95, "feedback": 0.05, "mix": 0.25},
        "ping-pong": {"sync": "1/8", "pingPong": True, "feedback": 0.5, "mix": 0.3},
        "dub": {"sync": "1/4d", "feedback": 0.7, "lowCut": 250, "highCut": 2_500, "mix": 0.35},
    },
)
REVERB = DeviceType(
    "reverb",
    "puts the sound into a room",
    {
        "decay": number(0.1, 10, 1.8, "s", "until the room is 60 dB down", fixed=True),
        "preDelay": number(0, 250, 15, "ms", "before the room answers", fixed=True),
        "damping": number(0, 1, 0.5, "", "how much sooner what lies above 3 kHz dies away", fixed=True),
        "lowCut": number(20, 2_000, 150, "Hz", "12 dB an octave below it", fixed=True),
        "highCut": number(1_000, 20_000, 12_000, "Hz", "12 dB an octave above it", fixed=True),
        "width": number(0, 1, 1, "", "of the room between the sides"),
        "mix": number(0, 1, 0.25, "", _MIX),
    },
    "reverb:Reverb",
    {
        "room": {"decay": 0.5, "preDelay": 3, "mix": 0.2},
        "hall": {"decay": 2.8, "preDelay": 30, "damping": 0.6, "mix": 0.25},
        "plate": {"decay": 1.6, "preDelay": 0, "damping": 0.2, "lowCut": 250, "mix": 0.25},
        "send": {"decay": 2, "mix": 1},
    },
)
CHORUS = DeviceType(
    "chorus",
    "doubles the sound with copies that drift in time",
    {
        "rate": number(0.02, 10, 0.8, "Hz", "how often the copies come and go"),
        "delay": number(5, 40, 16, "ms", "in the middle of the drift"),
        "depth": number(0, 5, 2.5, "ms", "of the drift, to both sides"),
        "mix": number(0, 1, 0.5, "", _MIX),
    },
    "modulation:Chorus",
    {"wide": {"rate": 0.5, "depth": 4, "mix": 0.5}, "ensemble": {"rate": 2.2, "delay": 10, "depth": 1.2, "mix": 0.6}},
)
FLANGER = DeviceType(
    "flanger",
    "a comb that sweeps through the spectrum",
    {
        "rate": number(0.02, 10, 0.25, "Hz", "how often it sweeps"),
        "delay": number(1, 10, 1, "ms", "the shortest that the comb gets"),
        "depth": number(0, 10, 3, "ms", "added to it at the other end of the sweep"),
        "feedback": number(-0.95, 0.95, 0.5, "", "sharpens the comb; negative moves its teeth between each other"),
        "mix": number(0, 1, 0.5, "", _MIX),
    },
    "modulation:Flanger",
    {"jet": {"rate": 0.12, "depth": 5, "feedback": 0.8}, "metal": {"rate": 0.5, "depth": 1, "feedback": -0.85}},
)
PHASER = DeviceType(
    "phaser",
    "notches that sweep through the spectrum",
    {
        "rate": number(0.02, 10, 0.4, "Hz", "how often they sweep"),
        "frequency": number(100, 4_000, 800, "Hz", "in the middle of the sweep"),
        "depth": number(0, 2, 1, "octaves", "of the sweep, to both sides"),
        "q": number(0.1, 5, 0.5, "", "of each stage"),
        "stages": choice(("2", "3", "4", "6"), "4", "all-pass filters in series, each of which makes a notch"),
        "mix": number(0, 1, 0.5, "", _MIX),
    },
    "modulation:Phaser",
    {"slow": {"rate": 0.1, "depth": 1.6}, "vibrato": {"rate": 5, "depth": 0.4, "mix": 1}},
)
STEREO_WIDTH = DeviceType(
    "stereoWidth",
    "narrows or widens what differs between the sides",
    {"width": number(0, 2, 1, "", "gain of the sides: 0 is mono, 1 as it came, 2 twice as wide")},
    "stereo:StereoWidth",
    {"mono": {"width": 0}, "wide": {"width": 1.5}},
)
PITCH_SHIFT = DeviceType(
    "pitchShift",
    "moves the pitch and keeps the time",
    {
        "semitones": number(-24, 24, 0, "semitones", "up or down; fractions are cents"),
        "window": number(20, 200, 60, "ms", "of the grains: short follows attacks, long holds low notes", fixed=True),
        "mix": number(0, 1, 1, "", _MIX),
    },
    "pitch:PitchShift",
    {"octave down": {"semitones": -12, "window": 90}, "octave up": {"semitones": 12}, "detune": {"semitones": 0.12}},
)
UTILITY = DeviceType(
    "utility",
    "gain, polarity, and a mono bottom",
    {
        "gain": number(-60, 24, 0, "dB", "of everything"),
        "invertLeft": flag(False, "whether the left side is turned upside down"),
        "invertRight": flag(False, "whether the right side is turned upside down"),
        "mono": flag(False, "whether both sides get what they have together"),
        "monoBelow": number(0, 500, 0, "Hz", "below it the sides are mono; 0 leaves them", fixed=True),
    },
    "stereo:Utility",
    {"bass mono": {"monoBelow": 120}, "flip": {"invertLeft": True, "invertRight": True}},
)
SAMPLER = DeviceType(
    "sampler",
    "plays the track's notes with a recording of the project",
    {
        "rootPitch": Parameter(
            Number(0, 127, "MIDI note at which the recording sounds as it is", whole=True, load_default=60), fixed=True
        ),
        "keyTracking": flag(True, "whether other notes play it faster or slower"),
        "start": number(0, 3_600, 0, "s", "where in the recording a note begins", fixed=True),
        "oneShot": flag(False, "whether a note sounds to the end of the recording"),
        "attack": number(0, 5_000, 2, "ms", "straight line up", fixed=True),
        "release": number(1, 10_000, 80, "ms", "straight line down after the key", fixed=True),
        "gain": number(-60, 24, 0, "dB", "at velocity 127", fixed=True),
    },
    "sampler:Sampler",
    {"pad": {"attack": 400, "release": 1_500}, "hit": {"oneShot": True, "keyTracking": False, "attack": 0}},
    kind="instrument",
    recording=True,
)

TYPES = {
    each.name: each
    for each in (
        EQUALIZER,
        COMPRESSOR,
        GATE,
        LIMITER,
        SATURATION,
        DELAY,
        REVERB,
        CHORUS,
        FLANGER,
        PHASER,
        STEREO_WIDTH,
        PITCH_SHIFT,
        UTILITY,
        SAMPLER,
    )
}
