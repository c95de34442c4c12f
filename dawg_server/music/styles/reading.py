"""Reads a genre's file (docs/genres.md says how one is written) and says what is wrong with it, by file and field."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from dawg_server.music import instruments, theory, voicing
from dawg_server.music import style as styles
from dawg_server.music.styles import fields
from dawg_server.music.styles.fields import StyleField

SHARED, FORMS = "shared.json", "forms.json"
DRUMS = {  # name in the files: General MIDI percussion key, energy from which it plays
    "kick": (36, 0.45),
    "rim": (37, 0.55),
    "snare": (38, 0.45),
    "clap": (39, 0.45),
    "hat": (42, 0.3),
    "foot hat": (44, 0.3),
    "open hat": (46, 0.6),
    "low tom": (45, 0.6),
    "mid tom": (47, 0.6),
    "high tom": (50, 0.6),
    "crash": (49, 0.85),
    "ride": (51, 0.75),
    "ride bell": (53, 0.75),
    "tambourine": (54, 0.65),
    "cowbell": (56, 0.7),
    "high bongo": (60, 0.5),
    "low bongo": (61, 0.5),
    "slap conga": (62, 0.5),
    "conga": (63, 0.5),
    "low conga": (64, 0.5),
    "timbale": (65, 0.6),
    "low timbale": (66, 0.6),
    "agogo": (67, 0.6),
    "low agogo": (68, 0.6),
    "cabasa": (69, 0.5),
    "clave": (75, 0.5),
    "wood block": (76, 0.55),
    "low wood block": (77, 0.55),
    "triangle": (81, 0.7),
    "shaker": (82, 0.5),
    "timpani": (41, 0.7),
}
FAREWELLS = ("i iv", "I IV")  # an outro settles between tonic and subdominant
EFFECTS = ("riser", "impact", "vinyl noise")
DRUM_SYMBOLS, BASS_SYMBOLS, CHORD_SYMBOLS, CELL_SYMBOLS = "Xxog?!234T", "R8537raTt", "xXodun0123456789", "x"
PLAN_LETTERS = "ASBCZ."
LEAST = {"grooves": 6, "bass patterns": 8, "progressions": 12, "kits": 3, "lineups": 5}
_FIELDS = (
    "comment",
    "forms",
    "feel",
    "sound",
    "kits",
    "grooves",
    "fills",
    "bass",
    "progressions",
    "layers",
    "leads",
    "lineups",
)
_LANE = re.compile(r"([a-z ]+?)(?:@(\d+)(?:-(\d+))?)?")

Made = TypeVar("Made")


def file_name(genre: str) -> str:
    return genre.replace("&", "and").replace(" ", "_").replace("-", "_")


def style(genre: str, data: Mapping[str, Any]) -> styles.GenreStyle:
    """The style that a file describes. Raises `fields.StyleError`."""
    whole = StyleField(f"{file_name(genre)}.json", data)
    whole.known(*_FIELDS)
    feel, sound, bass = whole.optional("feel"), whole.optional("sound"), whole.at("bass")
    layers = {name: _layer(each) for name, each in whole.at("layers").items()}
    leads = {name: _lead(each) for name, each in whole.at("leads").items()}
    progressions = whole.at("progressions")
    bass_patterns = _named(bass.at("patterns"), "bass", _bass)
    found = styles.GenreStyle(
        genre=genre,
        forms=whole.at("forms").text(fields.load(FORMS)),
        kits=whole.at("kits").texts(instruments.KITS),
        grooves=_named(whole.at("grooves"), "grooves", lambda field: styles.Groove(field.name, _lanes(field))),
        fills=_named(whole.at("fills"), "fills", _lanes),
        bass=styles.BassLine(bass_patterns, **bass.numbers("low", "energy", "slides", "gain_db")),
        layers=layers,
        leads=leads,
        lineups=tuple(_lineup(each, {*layers, *leads}) for each in whole.at("lineups").items_only()),
        minor=_progressions(progressions.at("minor")),
        major=_progressions(progressions.at("major")),
        contrasts=(_contrasts(progressions, "minor"), _contrasts(progressions, "major")),
        farewells=_pair(progressions, "farewells", FAREWELLS),
        cadences=_pair(progressions, "cadences", ("VII", "V")),
        turnarounds=_pair(progressions, "turnarounds", ("", "")),
        crash=_crash(sound),
        effects=sound.at("effects").texts(EFFECTS) if "effects" in sound.value else (),
        **feel.numbers("swing", "swing_grid", "loose_ms", "snare_lag_ms", "rolls"),
        **sound.numbers("brightness", "space", "grit", "drums_gain_db"),
    )
    _enough(found, whole)
    return found


@functools.cache
def _shared() -> StyleField:
    return StyleField(SHARED, fields.load(SHARED))


def _named(field: StyleField, kind: str, make: Callable[[StyleField], Made]) -> tuple[Made, ...]:
    """What an object names: its own, and by "@set" those of a set of shared.json (a list of names, or "all")."""
    made = []
    for key, each in field.items():
        if not key.startswith("@"):
            made.append(make(each))
            continue
        shared = _shared().at(kind).value.get(key[1:])
        if shared is None:
            raise each.wrong(f"is no set of {SHARED} > {kind}")
        names = list(shared) if each.value == "all" else list(each.texts(shared))
        made += [make(_shared().at(kind).at(key[1:]).at(name)) for name in names]
    return tuple(made)


def _lanes(field: StyleField) -> tuple[styles.Lane, ...]:
    lanes = []
    for key, each in field.items():
        match = _LANE.fullmatch(key)
        if match is None or match[1] not in DRUMS:
            raise each.wrong(
                f"is no drum; a drum is one of: {', '.join(DRUMS)}, perhaps with the energy, as in 'ride@80'"
            )
        pitch, energy = DRUMS[match[1]]
        least = int(match[2]) / 100 if match[2] else energy
        lanes.append(styles.Lane(pitch, each.pattern(DRUM_SYMBOLS), least, int(match[3]) / 100 if match[3] else 1.01))
    return tuple(lanes)


def _bass(field: StyleField) -> styles.BassPattern:
    both = field.texts() if isinstance(field.value, list) else (field.text(),) * 2
    if len(both) != 2:
        raise field.wrong("has to be a pattern, or a calm and a loud one")
    if "walk" not in both:
        for text in both:
            StyleField(field.path, text).pattern(BASS_SYMBOLS)
    return styles.BassPattern(field.name, *both)


def _layer(field: StyleField) -> styles.ChordLayer:
    field.known("patterns", "voicing", "size", "low", "high", "energy", "until", "gain_db", "pan")
    return styles.ChordLayer(
        field.at("patterns").patterns(CHORD_SYMBOLS),
        field.at("voicing").text(voicing.KINDS) if "voicing" in field.value else "close",
        **field.numbers("size", "low", "high", "energy", "until", "gain_db", "pan"),
    )


def _lead(field: StyleField) -> styles.Lead:
    field.known("cells", "plans", "low", "high", "scale", "energy", "gain_db", "pan", "solo_cells")
    plans = field.at("plans")
    for plan in plans.texts():
        if not plan or set(plan) - set(PLAN_LETTERS):
            raise plans.wrong(f"are made of {' '.join(PLAN_LETTERS)}")
    return styles.Lead(
        field.at("cells").patterns(CELL_SYMBOLS),
        plans.texts(),
        scale=field.at("scale").text(("diatonic", "pentatonic")) if "scale" in field.value else "diatonic",
        solo_cells=field.at("solo_cells").patterns(CELL_SYMBOLS) if "solo_cells" in field.value else (),
        **field.numbers("low", "high", "energy", "gain_db", "pan"),
    )


def _lineup(field: StyleField, roles: set[str]) -> styles.LineUp:
    found = {role: each.text(instruments.PROGRAMS) for role, each in field.items()}
    if unknown := set(found) - roles - {"bass"}:
        raise field.wrong(f"has {min(unknown)!r}, which is neither a layer nor a lead")
    return styles.LineUp(field.name, found)


def _progressions(field: StyleField) -> tuple[str, ...]:
    """From dark to bright."""
    found: list[str] = []
    for text in field.texts():
        if text.startswith("@"):
            found += _shared().at("progressions").at(text[1:]).texts()
        else:
            found.append(text)
    for text in found:
        _numerals(field, text)
    return tuple(sorted(dict.fromkeys(found), key=_darkness))


def _contrasts(progressions: StyleField, mode: str) -> tuple[str, ...]:
    own = progressions.optional("contrasts")
    return _progressions(own.at(mode) if own.value else StyleField(progressions.path, [f"@contrasts {mode}"]))


def _numerals(field: StyleField, text: str) -> None:
    try:
        for numeral in re.split(r"[ ,]", text):
            theory.chord(numeral, theory.parse_key("C"))
    except ValueError as error:
        raise field.wrong(f"has {text!r}: {error}") from error


def _darkness(progression: str) -> float:
    chords = re.split(r"[ ,]", progression)
    weights = [1.0 if each.startswith("b") or "o" in each else 0.6 if each[0].islower() else 0.0 for each in chords]
    return -sum(weights) / len(chords)


def _pair(field: StyleField, key: str, default: tuple[str, str]) -> tuple[str, str]:
    if key not in field.value:
        return default
    found = field.at(key)
    both = found.texts()
    if len(both) != 2:
        raise found.wrong("has to be two texts, for minor and for major")
    for text in filter(None, both):
        _numerals(found, text)
    return both[0], both[1]


def _crash(sound: StyleField) -> int:
    name = sound.at("crash").text(("", *DRUMS)) if "crash" in sound.value else "crash"
    return DRUMS[name][0] if name else 0


def _enough(found: styles.GenreStyle, field: StyleField) -> None:
    counts = {
        "grooves": len(found.grooves),
        "bass patterns": len(found.bass.patterns),
        "progressions": len(found.minor) + len(found.major),
        "kits": len(found.kits),
        "lineups": len(found.lineups),
    }
    for name, least in LEAST.items():
        if counts[name] < least:
            raise field.wrong(f"has {counts[name]} {name}; it needs {least}")
