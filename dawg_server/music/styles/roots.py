"""Country, folk and jazz: acoustic bands."""

from __future__ import annotations

from dawg_server.music import rhythm as r
from dawg_server.music.style import BassLine, Lane, Layer, Lead, Style

COUNTRY = Style(
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
        Layer(
            ("acoustic guitar",),
            ("0--- d-u- 1--- d-u-", "0-.. d-u- 1-.. d-uu", "0-.u d-du 1-.u d-du"),
            "guitar", 3, 43, 76, 0.0, pan=-0.3,
        ),
        Layer(
            ("grand piano", "organ"), ("x--- ---- x--- ----", ".... x-.. .... x-.."),
            "close", 3, 57, 77, 0.8, gain_db=-6, pan=0.3,
        ),
        Layer(
            ("clean guitar",), (".... d... .... d...", "..u. d.u. ..u. d.u."),
            "close", 3, 62, 82, 0.6, gain_db=-8, pan=0.45,
        ),
    ),
    leads=(
        Lead(
            ("steel guitar", "acoustic guitar", "clean guitar"),
            ("x--- ---- x--- ....", "x-x- x--- ---- ..x-", "x-x- x-x- x--- ....", "x-xx x-x- x-xx x---"),
            ("A.AB", "ABAC", "ABAB"),
            62, 82, True, 0.15, 0.6, gain_db=-1, pan=0.2,
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
)  # fmt: skip

FOLK = Style(
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
        Layer(
            ("acoustic guitar",),  # Travis picking: the thumb alternates, the fingers fill
            ("0-2- 1-3- 0-2- 1-3-", "0-32 1-4- 0-32 1-43", "0342 1342 0342 1342"),
            "guitar", 3, 40, 76, 0.0, gain_db=2, pan=-0.15,
        ),
        Layer(
            ("acoustic guitar",), ("d--- ---- d--- --u-", "d--- d-u- --u- d-u-"),
            "guitar", 3, 45, 78, 0.85, gain_db=-5, pan=0.4,
        ),
        Layer(("strings", "organ"), ("x--- ---- ---- ----",), "open", 3, 55, 79, 0.62, gain_db=-7, pan=0.15),
    ),
    leads=(
        Lead(
            ("flute", "acoustic guitar", "strings", "choir"),
            ("x--- ---- x--- ....", "x--- x-x- x--- ....", "x-x- x--- x-x- x---", "x-x- x-x- x-x- x---"),
            ("A.AB", "ABAC", "AABC"),
            64, 82, True, 0.1, 0.6, gain_db=-2, pan=0.15,
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
)  # fmt: skip

JAZZ = Style(
    genre="jazz",
    form="jazz",
    kit="kit jazz",
    grooves=(
        (
            Lane(r.RIDE, "x... X.o. x... X.o.", 0.3),
            Lane(r.FOOT_HAT, ".... x... .... x...", 0.3),
            Lane(r.KICK, "g... g... g... g..."),
            Lane(r.SNARE, "..?. ..?. ..?. ..?.", 0.5),
        ),
        (
            Lane(r.RIDE, "x.o. X... x.o. X.o.", 0.3),
            Lane(r.FOOT_HAT, ".... x... .... x...", 0.3),
            Lane(r.KICK, "g... g.?. g... g..."),
            Lane(r.SNARE, "..?. .... ..g. ..?.", 0.5),
            Lane(r.RIM, ".... .... .... o...", 0.6),
        ),
        (
            Lane(r.RIDE, "x... X.o. x.o. X.o. | x.o. X.o. x... X.o.", 0.3),
            Lane(r.FOOT_HAT, ".... x... .... x...", 0.3),
            Lane(r.KICK, "g... g... g... g.?. | g... g... g.?. g..."),
            Lane(r.SNARE, "..g. .... ..?. .... | .... ..?. .... ..g.", 0.5),
        ),
    ),
    fills=(
        (Lane(r.SNARE, "... ... xox oxX"), Lane(r.LOW_TOM, "... ... ... ..x")),
        (Lane(r.SNARE, "... ... x.. ..X"), Lane(r.HIGH_TOM, "... ... .xx ..."), Lane(r.MID_TOM, "... ... ... xx.")),
        (Lane(r.SNARE, "... ... ... x.X"), Lane(r.KICK, "... ... ... .x.")),
    ),
    bass=BassLine(("upright bass", "finger bass"), ("walk",), low=28, energy=0.3, gain_db=1),
    layers=(
        Layer(
            ("grand piano", "electric piano", "organ"),
            ("x--- ..o. .... .... | ..x. .... x--- ....", "x--- ..x. .... ..n. | .... x... ..x- ....",
             "..x. x--- ..x. ..n. | x... ..x. x--- ..n."),
            "shell", 5, 52, 74, 0.0,
        ),
        Layer(("clean guitar",), ("o... x... o... x...",), "shell", 4, 52, 70, 0.7, gain_db=-9, pan=0.4),
    ),
    leads=(
        Lead(
            ("saxophone", "vibraphone", "clean guitar", "flute"),
            ("x--- ..x- x--- ....", "x-x- ..x- x--- ..x-", "..x- x-x- x-x- x---", "x-x- x-x- x-x- x-x-"),
            ("ABAC", "AABA", "AB.C"),
            60, 82, False, 0.16, 0.5, gain_db=-0.5, pan=-0.1,
            solo_cells=("x-x- x-x- x--- ....", "x-x- x-x- x-x- x---", "..x- x-x- x-x- x-x-", "x-x- x-x- x-x- x-x-"),
        ),
    ),
    minor=("i i,VI ii,V i", "i iv ii V", "i VI ii V", "i,VI ii,V i iv", "i iv VII III"),
    major=("I I,vi ii V", "I vi ii V", "I,vi ii,V I,VI ii,V", "I IV iii,VI ii,V", "I ii iii ii,V"),
    cadences=("ii,V", "ii,V"),
    swing=0.65,
    swing_grid=0.5,
    loose_ms=5.0,
    crash=0,
    effects=(),
    brightness=0.45,
    space=0.35,
    grit=0.05,
    drums_gain_db=-2.0,
)  # fmt: skip
