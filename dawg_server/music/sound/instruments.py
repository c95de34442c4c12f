"""Every instrument by name: its voice, its level, and how it sits in the room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dawg_server.music.sound import amplifiers, bass, guitars, keys, kits, noises, synths, winds
from dawg_server.music.sound.recordings import Manner
from dawg_server.music.sound.tone import Voice


@dataclass(frozen=True, slots=True)
class Instrument:
    """`level_db` brings a note of full velocity to a common loudness; `wet` is its share of the room;
    `monophonic`: a new note ends the one before; `legato`: notes that touch are bound. `amplifier` takes the sum of a
    part; `manner`: how its recordings are played where there are some, instead of `voice` and at one loudness."""

    name: str
    voice: Voice
    level_db: float = 0.0
    wet: float = 1.0
    monophonic: bool = False
    legato: bool = False
    amplifier: Callable[[int], amplifiers.Amplifier] | None = None
    manner: Manner = Manner()


LOW = Manner(low=True)

INSTRUMENTS = {
    instrument.name: instrument
    for instrument in (
        Instrument("808", bass.bass_808, -11.2, wet=0.0, monophonic=True),
        Instrument("sub bass", bass.sub_bass, -11.5, wet=0.0, monophonic=True),
        Instrument("log drum", bass.log_drum, -10.5, wet=0.15, monophonic=True),
        Instrument("finger bass", bass.finger_bass, -7.5, wet=0.0, monophonic=True, manner=LOW),
        Instrument("picked bass", bass.picked_bass, -6.8, wet=0.0, monophonic=True, manner=LOW),
        Instrument("upright bass", bass.upright_bass, -4.0, wet=0.25, monophonic=True, manner=LOW),
        Instrument("reese bass", bass.reese_bass, -13.4, wet=0.0, monophonic=True),
        Instrument("synth bass", bass.synth_bass, -11.0, wet=0.0, monophonic=True),
        Instrument("house bass", bass.house_bass, -8.0, wet=0.0, monophonic=True),
        Instrument("wobble bass", bass.wobble_bass, -14.5, wet=0.08, monophonic=True),
        Instrument("grand piano", keys.grand_piano, -10.7, wet=0.8),
        Instrument("electric piano", keys.electric_piano, -13.5, wet=0.8),
        Instrument("pad", synths.pad, -6.8),
        Instrument("pluck", synths.pluck, -6.3),
        Instrument("supersaw", synths.supersaw, -6.0),
        Instrument("strings", synths.strings, -19.6),
        Instrument("acoustic guitar", guitars.acoustic_guitar, -10.4, wet=0.7),
        Instrument("clean guitar", guitars.clean_guitar, -10.9, wet=0.8),
        Instrument("nylon guitar", guitars.acoustic_guitar, -10.4, wet=0.7),
        Instrument("muted guitar", guitars.clean_guitar, -10.9, wet=0.5),
        Instrument("overdriven guitar", guitars.electric_strings, -21.0, wet=0.35, amplifier=amplifiers.crunch),
        Instrument("organ", keys.organ, -11.6, wet=0.6),
        Instrument("house stab", synths.house_stab, -7.3),
        Instrument("lead synth", synths.lead_synth, -9.1, wet=0.9, legato=True),
        Instrument("bell", keys.bell, -10.3),
        Instrument("flute", winds.flute, -12.4, legato=True, manner=Manner(vibrato=9.0)),
        Instrument("square lead", synths.square_lead, -12.2, wet=0.9, legato=True),
        Instrument("vibraphone", keys.vibraphone, -10.1),
        Instrument(
            "lead guitar",
            guitars.lead_strings,
            -21.5,
            wet=0.8,
            legato=True,
            amplifier=amplifiers.lead,
            manner=Manner(vibrato=14.0),
        ),
        Instrument("steel guitar", guitars.steel_guitar, -10.5, legato=True, manner=Manner(vibrato=12.0)),
        Instrument("saxophone", winds.saxophone, -8.8, wet=0.9, legato=True, manner=Manner(vibrato=10.0)),
        Instrument("trumpet", winds.saxophone, -8.8, wet=0.9, legato=True, manner=Manner(vibrato=7.0)),
        Instrument("brass", winds.saxophone, -10.8, wet=0.9),
        Instrument("choir", synths.choir, -15.4),
        Instrument("music box", keys.music_box, -5.8),
        Instrument("riser", noises.riser, -4.2, wet=0.6),
        Instrument("impact", noises.impact, -3.5, wet=0.6),
        Instrument("vinyl noise", noises.vinyl_noise, 1.0, wet=0.0),
    )
}
FALLBACKS = {"bass": "finger bass", "chords": "electric piano", "melody": "lead synth"}


def is_kit(name: str, stem: str) -> bool:
    return name in kits.KITS or (name not in INSTRUMENTS and (stem == "drums" or name.startswith("kit")))


def find(name: str, stem: str) -> Instrument:
    """The instrument, or the one that stands in for an unknown name in that stem."""
    return INSTRUMENTS.get(name) or INSTRUMENTS[FALLBACKS.get(stem, "grand piano")]
