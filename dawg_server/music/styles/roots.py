"""Country and folk: acoustic bands."""

from __future__ import annotations

from dawg_server.music import rhythm as r
from dawg_server.music.style import BassLine, ChordLayer, GenreStyle, Lane, Lead

COUNTRY = GenreStyle(
    genre="country",
    form="song",
    kit="kit country",
    grooves=(
        (  # the train beat: brushed sixteenths with accents off the beat
            Lane(r.KICK, "X... x... X... x..."),
            Lane(r.SNARE, "ggXg ggXg ggXg ggXg", 0.4),
            Lane(r.FOOT_HAT, "..o. ..o. ..o. ..o.", 0.3),
            Lane(r.TAMBOURINE, "..o. ..o. ..o. ..o.", 0.85),
        ),
        (
            Lane(r.KICK, "X... x... X... x..."),
            Lane(r.SNARE, "ogXg ogXg ogXg ogXo", 0.4),
            Lane(r.RIDE, "x... x... x... x...", 0.85),
        ),
        (
            Lane(r.KICK, "X... .... X.x. .... | X... .... X... ..x."),
            Lane(r.RIM, ".... X... .... X...", 0.4, 0.8),
            Lane(r.SNARE, ".... X... .... X...", 0.8),
            Lane(r.CLOSED_HAT, "x.o. x.o. x.o. x.o.", 0.3),
            Lane(r.SHAKER, "gogo gogo gogo gogo", 0.6),
        ),
    ),
    fills=(
        (Lane(r.SNARE, ".... .... oxox xxxX"),),
        (Lane(r.SNARE, ".... .... .... xxX."), Lane(r.LOW_TOM, ".... .... .... ...x")),
        (Lane(r.SNARE, ".... .... x.xx ...."), Lane(r.MID_TOM, ".... .... .... x.x.")),
    ),
    bass=BassLine(
        ("upright bass", "picked bass", "finger bass"),
        (
            "R--- .... 5--- ....",
            "R--. .... 5--. ..a-",
            "R-.. R-.. 5-.. 5-a-",
        ),
        low=31,
        energy=0.4,
    ),
    layers=(
        ChordLayer(
            ("acoustic guitar",),
            ("0--- d-u- 1--- d-u-", "0-.. d-u- 1-.. d-uu", "0-.u d-du 1-.u d-du"),
            "guitar",
            3,
            43,
            76,
            0.0,
            pan=-0.3,
        ),
        ChordLayer(
            ("grand piano", "organ"),
            ("x--- ---- x--- ----", ".... x-.. .... x-.."),
            "close",
            3,
            57,
            77,
            0.8,
            gain_db=-6,
            pan=0.3,
        ),
        ChordLayer(
            ("clean guitar",),
            (".... d... .... d...", "..u. d.u. ..u. d.u."),
            "close",
            3,
            62,
            82,
            0.6,
            gain_db=-8,
            pan=0.45,
        ),
    ),
    leads=(
        Lead(
            ("steel guitar", "acoustic guitar", "clean guitar"),
            ("x--- ---- x--- ....", "x-x- x--- ---- ..x-", "x-x- x-x- x--- ....", "x-xx x-x- x-xx x---"),
            ("A.AB", "ABAC", "ABAB"),
            62,
            82,
            True,
            0.15,
            0.6,
            gain_db=-1,
            pan=0.2,
        ),
    ),
    minor=("i iv i V", "i VI iv V", "i i VII i", "i VII iv i", "i III iv i"),
    major=("I vi IV V", "I ii IV V", "I IV I V", "I I IV V", "I IV V I"),
    cadences=("V", "V"),
    loose_ms=4.0,
    crash=0,
    effects=(),
    brightness=0.55,
    space=0.25,
    grit=0.1,
    drums_gain_db=-1.0,
)

FOLK = GenreStyle(
    genre="folk",
    form="song",
    kit="kit acoustic",
    grooves=(
        (
            Lane(r.KICK, "x... .... x... ....", 0.6),
            Lane(r.SHAKER, "x.o. x.o. x.o. x.o."),
            Lane(r.TAMBOURINE, ".... x... .... x...", 0.8),
        ),
        (
            Lane(r.KICK, "x... x... x... x...", 0.6),
            Lane(r.SHAKER, "x.oo x.oo x.oo x.oo"),
            Lane(r.RIM, ".... o... .... o...", 0.8),
        ),
        (
            Lane(r.KICK, "x... .... x..o ....", 0.6),
            Lane(r.TAMBOURINE, "o.g. x.g. o.g. x.g."),
            Lane(r.CLAP, ".... o... .... o...", 0.85),
        ),
    ),
    fills=(
        (Lane(r.LOW_TOM, ".... .... .... o.x."), Lane(r.MID_TOM, ".... .... .... .o.o")),
        (Lane(r.TAMBOURINE, ".... .... .... oxxX"),),
        (Lane(r.RIM, ".... .... .... x.xx"),),
    ),
    bass=BassLine(
        ("upright bass", "finger bass"),
        (
            "R--- ---- ---- ----",
            "R--- ---- 5--- ----",
            "R--- --R- 5--- --a-",
        ),
        low=31,
        energy=0.55,
        gain_db=-1,
    ),
    layers=(
        ChordLayer(
            ("acoustic guitar",),  # Travis picking: the thumb alternates, the fingers fill
            ("0-2- 1-3- 0-2- 1-3-", "0-32 1-4- 0-32 1-43", "0342 1342 0342 1342"),
            "guitar",
            3,
            40,
            76,
            0.0,
            gain_db=2,
            pan=-0.15,
        ),
        ChordLayer(
            ("acoustic guitar",),
            ("d--- ---- d--- --u-", "d--- d-u- --u- d-u-"),
            "guitar",
            3,
            45,
            78,
            0.85,
            gain_db=-5,
            pan=0.4,
        ),
        ChordLayer(("strings", "organ"), ("x--- ---- ---- ----",), "open", 3, 55, 79, 0.62, gain_db=-7, pan=0.15),
    ),
    leads=(
        Lead(
            ("flute", "acoustic guitar", "strings", "choir"),
            ("x--- ---- x--- ....", "x--- x-x- x--- ....", "x-x- x--- x-x- x---", "x-x- x-x- x-x- x---"),
            ("A.AB", "ABAC", "AABC"),
            64,
            82,
            True,
            0.1,
            0.6,
            gain_db=-2,
            pan=0.15,
        ),
        # The second voice of the close harmony: the same rhythm cells lower down.
        Lead(("choir",), ("x--- ---- x--- ----",), ("ABAB",), 57, 72, True, 0.02, 0.88, gain_db=-8, pan=-0.3),
    ),
    minor=("i iv i V", "i VI iv i", "i VII VI V", "i VI III VII", "i III iv i"),
    major=("I vi ii V", "I iii IV I", "I IV I V", "I V vi IV", "I V IV I"),
    cadences=("V", "V"),
    loose_ms=6.0,
    crash=0,
    effects=(),
    brightness=0.45,
    space=0.3,
    grit=0.05,
    drums_gain_db=-3.0,
)
