"""R&B and jazz."""

from __future__ import annotations

from dawg_server.music import rhythm as r
from dawg_server.music.style import BassLine, ChordLayer, GenreStyle, Lane, Lead

R_AND_B = GenreStyle(
    genre="r&b",
    form="song",
    kit="kit rnb",
    grooves=(
        (
            Lane(r.KICK, "X... ..xx ..x. .... | X... ..x. ..x. ..!."),
            Lane(r.CLAP, ".... X... .... X..."),
            Lane(r.CLOSED_HAT, "o.xg o.x. o.xg o.xT", 0.3),
            Lane(r.RIM, "...o .... .o.. ....", 0.7),
        ),
        (
            Lane(r.KICK, "X..x .... ..xx .... | X..x .... ..x. ...."),
            Lane(r.SNARE, ".... X... .... X..?"),
            Lane(r.CLOSED_HAT, "oooo oxoo oooo ox2o", 0.3),
            Lane(r.SHAKER, "..o. ..o. ..o. ..o.", 0.7),
            Lane(r.OPEN_HAT, ".... .... .... ..o.", 0.85),
        ),
        (
            Lane(r.KICK, "X... ...x x.x. .... | X... ...x ..x. .x.."),
            Lane(r.RIM, ".... X... .... X..."),
            Lane(r.CLAP, ".... x... .... x...", 0.8),
            Lane(r.CLOSED_HAT, "x.og x.o. x.o3 x.o.", 0.3),
        ),
    ),
    fills=(
        (Lane(r.CLAP, ".... .... .... X..x"), Lane(r.MID_TOM, ".... .... .... ..o.")),
        (
            Lane(r.HIGH_TOM, ".... .... .... o..."),
            Lane(r.MID_TOM, ".... .... .... .oo."),
            Lane(r.LOW_TOM, ".... .... .... ...x"),
        ),
        (Lane(r.SNARE, ".... .... ...g xg2."),),
    ),
    bass=BassLine(
        ("finger bass", "sub bass", "synth bass"),
        (
            "R--- ---- ..R- ---- | R--- ---- --5- a---",
            "R--- ..R- --5- --a- | R--- ..8- --7- 5-a-",
            "R--. .RR- ..5- 8-7- | R--. .RR- 5-3- R-a-",
        ),
        low=30,
        energy=0.4,
    ),
    layers=(
        ChordLayer(
            ("electric piano", "grand piano", "organ"),
            ("x--- ---- ---- ----", "x--- --x- ---- ..n-", "x--. ..x- --.x --n-"),
            "close",
            5,
            53,
            74,
            0.0,
        ),
        ChordLayer(("pad", "strings"), ("x--- ---- ---- ----",), "open", 4, 55, 79, 0.7, gain_db=-7),
        ChordLayer(
            ("clean guitar",),
            (".... ..2- .3.. ....", "..0. 1.2- .... 3.2."),
            "close",
            4,
            60,
            80,
            0.88,
            gain_db=-7,
            pan=0.35,
        ),
    ),
    leads=(
        Lead(
            ("saxophone", "flute", "bell", "lead synth"),
            ("x--- ---- ..x- x---", "..x- x-x- ---- ....", "x-xx --x- x--- ..x-", "xxx- .xx- x-xx x---"),
            ("ABA.", "ABAC", "AABC"),
            64,
            83,
            False,
            0.14,
            0.6,
            gain_db=-1,
            pan=-0.1,
        ),
    ),
    minor=("i VI iv V", "i V VI iv", "i iv i V", "i iv VII III"),
    major=("I vi ii V", "I IV ii V", "I IV vi ii", "I ii iii IV"),
    cadences=("v", "V"),
    swing=0.56,
    loose_ms=5.0,
    snare_lag_ms=10.0,
    crash=0,
    effects=(),
    brightness=0.42,
    space=0.45,
    grit=0.15,
    drums_gain_db=-1.0,
)

JAZZ = GenreStyle(
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
        ChordLayer(
            ("grand piano", "electric piano", "organ"),
            (
                "x--- ..o. .... .... | ..x. .... x--- ....",
                "x--- ..x. .... ..n. | .... x... ..x- ....",
                "..x. x--- ..x. ..n. | x... ..x. x--- ..n.",
            ),
            "shell",
            5,
            52,
            74,
            0.0,
        ),
        ChordLayer(("clean guitar",), ("o... x... o... x...",), "shell", 4, 52, 70, 0.7, gain_db=-9, pan=0.4),
    ),
    leads=(
        Lead(
            ("saxophone", "vibraphone", "clean guitar", "flute"),
            ("x--- ..x- x--- ....", "x-x- ..x- x--- ..x-", "..x- x-x- x-x- x---", "x-x- x-x- x-x- x-x-"),
            ("ABAC", "AABA", "AB.C"),
            60,
            82,
            False,
            0.16,
            0.5,
            gain_db=-0.5,
            pan=-0.1,
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
)
