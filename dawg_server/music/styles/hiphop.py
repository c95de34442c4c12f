"""Hip hop, boom bap, lo-fi and R&B: swung sixteenths, a backbeat that leans back, chords with sevenths and ninths."""

from __future__ import annotations

from dawg_server.music import rhythm as r
from dawg_server.music.style import BassLine, Lane, Layer, Lead, Style

HIP_HOP = Style(
    genre="hip hop",
    form="beat",
    kit="kit boom bap",
    grooves=(
        (
            Lane(r.KICK, "X... ..x. x... .... | X..x ..x. x... ..!."),
            Lane(r.SNARE, ".... X... .... X..."),
            Lane(r.CLOSED_HAT, "x.o. x.o. x.o. x.oo", 0.3),
            Lane(r.OPEN_HAT, ".... .... .... .... | .... .... .... ..x.", 0.75),
        ),
        (
            Lane(r.KICK, "X..x .... x.x. .... | X..x .... ..x. x..."),
            Lane(r.SNARE, ".... X..? .... X..."),
            Lane(r.CLAP, ".... x... .... x...", 0.8),
            Lane(r.CLOSED_HAT, "x.og x.o. x.og x.o.", 0.3),
            Lane(r.TAMBOURINE, ".... o... .... o...", 0.85),
        ),
        (
            Lane(r.KICK, "X... ...x x... .... | X... ...x x.x. ...."),
            Lane(r.SNARE, ".... X... .... X.?."),
            Lane(r.CLOSED_HAT, "x.x. x.x. x.x. x2x.", 0.3),
            Lane(r.SHAKER, "gogo gogo gogo gogo", 0.7),
        ),
    ),
    fills=(
        (Lane(r.SNARE, ".... .... .... X.xx"),),
        (Lane(r.KICK, ".... .... x..x ...."), Lane(r.SNARE, ".... .... .... X.X."),),
        (Lane(r.SNARE, ".... .... .... x..x"), Lane(r.OPEN_HAT, ".... .... .... ..x.")),
    ),
    bass=BassLine(
        ("finger bass", "sub bass", "808"),
        (
            "R--- --.. R--- .... | R--- --.. R--- ..a-",
            "R--. ..R- R-.. ..5- | R--. ..R- R-.. a-a-",
            "R-.R ..5- R-.. 8-7- | R-.R ..R- 5-.. ..a-",
        ),
        low=31,
    ),
    layers=(
        Layer(
            ("electric piano", "grand piano", "organ"),
            ("x--- ---- ---- ----", "x--- ..x- ---- ..o-", "x--. x--- ..x- ..x-"),
            "close", 4, 54, 74, 0.0,
        ),
        Layer(("strings", "choir"), ("x--- ---- ---- ----",), "open", 3, 55, 79, 0.85, gain_db=-8, pan=0.25),
    ),
    leads=(
        Lead(
            ("flute", "vibraphone", "saxophone", "pluck"),
            ("x--. .... x--. ....", "x-x- ..x- --.. ....", "..x- x-x- --x- ....", "x-x- .xx- ..x- x-.."),
            ("AAAB", "A.AB", "AABA"),
            64, 82, True, 0.14, 0.6, gain_db=-1, pan=-0.2,
        ),
    ),
    minor=("i i iv V", "i VI iv V", "i iv i VII", "i VII VI VII", "i iv VII III"),
    major=("I vi ii V", "I vi IV V", "I IV I V", "I ii IV I"),
    cadences=("", ""),
    swing=0.57,
    loose_ms=5.0,
    snare_lag_ms=9.0,
    crash=0,
    effects=("vinyl noise",),
    brightness=0.45,
    space=0.25,
    grit=0.35,
)  # fmt: skip

BOOM_BAP = Style(
    genre="boom bap",
    form="beat",
    kit="kit boom bap",
    grooves=(
        (
            Lane(r.KICK, "X.x. ...x ..x. .... | X... ...x .xx. ...."),
            Lane(r.SNARE, ".... X..g .g.. X..?"),
            Lane(r.CLOSED_HAT, "x.x. x.x. x.x. x.x.", 0.3),
            Lane(r.OPEN_HAT, ".... .... .... .... | .... .... .... ..x.", 0.75),
        ),
        (
            Lane(r.KICK, "X..x ..x. ..x. .... | X..x ..x. .x.. ..x."),
            Lane(r.SNARE, ".... X..? .... X..g"),
            Lane(r.CLOSED_HAT, "x.xo x.x. x.xo x.x.", 0.3),
            Lane(r.RIDE, "x... x... x... x...", 0.85),
        ),
        (
            Lane(r.KICK, "X... .xx. ..xx .... | X.x. .... ..x. .x.."),
            Lane(r.SNARE, ".... X.g. .g.. X.g."),
            Lane(r.CLOSED_HAT, "x.x. xxx. x.x. x.xx", 0.3),
            Lane(r.TAMBOURINE, ".... x... .... x...", 0.8),
        ),
    ),
    fills=(
        (Lane(r.SNARE, ".... .... .x.x X.xx"), Lane(r.KICK, ".... .... x.x. .x..")),
        (Lane(r.SNARE, ".... .... .... xx.X"),),
        (Lane(r.KICK, ".... .... .... x.x."), Lane(r.SNARE, ".... .... .... .x.X")),
    ),
    bass=BassLine(
        ("upright bass", "finger bass", "sub bass"),
        (
            "R--. ...R --.. .... | R--. ...R --.. ..a-",
            "R-R. ...5 ..R- .... | R--. ...R .5R- ..a-",
            "R-.R ..8- .75- ..a- | R-.5 ..R- .R5- 7-a-",
        ),
        low=31,
    ),
    layers=(
        Layer(
            ("grand piano", "electric piano", "vibraphone", "organ"),
            ("x--- .... x--. ....", "x--. ..x- x... ..x.", "x.x- ..x. x-.x ..x."),
            "close", 4, 55, 75, 0.0, gain_db=1,
        ),
        Layer(
            ("strings",), ("..x- .... ..x- ....", "x-.. ..x- .... ...."),
            "close", 3, 64, 84, 0.8, gain_db=-6, pan=0.3,
        ),
    ),
    leads=(
        Lead(
            ("saxophone", "vibraphone", "flute", "strings"),
            ("x--. .... .... ....", "x-x. ..x- .... ....", "x.x- x--. ..x- ....", "x-xx ..x- x-x. ...."),
            ("AAAB", "A.A.", "AAAA", "ABAB"),
            63, 81, True, 0.16, 0.6, gain_db=-1, pan=-0.25,
        ),
    ),
    minor=("i i iv V", "i i VI iv", "i iv i V", "i VII i iv", "i iv VII i"),
    major=("I vi I ii", "I ii I vi", "I IV I ii", "I IV I V"),
    cadences=("", ""),
    swing=0.61,
    loose_ms=4.0,
    snare_lag_ms=4.0,
    crash=0,
    effects=("vinyl noise",),
    brightness=0.36,
    space=0.15,
    grit=0.55,
    drums_gain_db=1.5,
)  # fmt: skip

LO_FI = Style(
    genre="lo-fi",
    form="beat",
    kit="kit lofi",
    grooves=(
        (
            Lane(r.KICK, "x... ...x ..x. ...."),
            Lane(r.SNARE, ".... x... .... x..."),
            Lane(r.CLOSED_HAT, "o.o. o.o. o.o. o.og", 0.3),
            Lane(r.RIM, ".... .... .... ..?.", 0.6),
        ),
        (
            Lane(r.KICK, "x... ..x. x... .... | x... ..x. x.x. ...."),
            Lane(r.RIM, ".... x... .... x..."),
            Lane(r.SNARE, ".... o... .... o...", 0.7),
            Lane(r.CLOSED_HAT, "o.og o.o. o.og o.o.", 0.3),
            Lane(r.SHAKER, "..g. ..g. ..g. ..g.", 0.7),
        ),
        (
            Lane(r.KICK, "x..x .... ..x. .... | x... ...x ..x. ..?."),
            Lane(r.SNARE, ".... x... .... x.g."),
            Lane(r.CLOSED_HAT, "o.o. o.oo .oo. o.o.", 0.3),
            Lane(r.OPEN_HAT, ".... .... .... .... | .... .... .... ..o.", 0.75),
        ),
    ),
    fills=(
        (Lane(r.SNARE, ".... .... .... x..o"),),
        (Lane(r.RIM, ".... .... .... o.xo"),),
        (Lane(r.SNARE, ".... .... ...g o.x."),),
    ),
    bass=BassLine(
        ("finger bass", "upright bass", "sub bass"),
        (
            "R--- ---- R--- ----",
            "R--- ---. ..R- --.. | R--- --.. R--- ..a-",
            "R--- ..5- ..R- ..7- | R--- ..R- 5--- ..a-",
        ),
        low=31,
        energy=0.4,
    ),
    layers=(
        Layer(
            ("electric piano", "grand piano", "clean guitar"),
            ("x--- ---- ---- ----", "x--- ---- ..x- ----", "x--- ..o- --x- ----"),
            "close", 5, 54, 75, 0.0, gain_db=1,
        ),
        Layer(
            ("clean guitar", "vibraphone"), ("..2- --3- ..1- ----", "0-1- 2-3- 2-1- ----"),
            "close", 4, 60, 80, 0.85, gain_db=-6, pan=0.3,
        ),
    ),
    leads=(
        Lead(
            ("vibraphone", "music box", "flute", "clean guitar"),
            ("x--- ---- ..x- ----", "x--- x--- ---- ....", "..x- x-x- ---- ....", "x-x- --x- x--- ...."),
            ("A.B.", "A.A.", "ABA.", "A.AC"),
            66, 84, True, 0.16, 0.6, gain_db=-3, pan=-0.2,
        ),
    ),
    minor=("i VI iv V", "i iv i V", "i iv VII i", "i VI III iv", "i III iv i"),
    major=("I vi ii V", "I IV vi ii", "I IV ii V", "I ii iii IV"),
    cadences=("", ""),
    swing=0.6,
    loose_ms=6.0,
    snare_lag_ms=12.0,
    crash=0,
    effects=("vinyl noise",),
    brightness=0.25,
    space=0.4,
    grit=0.5,
    drums_gain_db=-1.5,
)  # fmt: skip

R_AND_B = Style(
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
        (Lane(r.HIGH_TOM, ".... .... .... o..."), Lane(r.MID_TOM, ".... .... .... .oo."),
         Lane(r.LOW_TOM, ".... .... .... ...x")),
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
        Layer(
            ("electric piano", "grand piano", "organ"),
            ("x--- ---- ---- ----", "x--- --x- ---- ..n-", "x--. ..x- --.x --n-"),
            "close", 5, 53, 74, 0.0,
        ),
        Layer(("pad", "strings"), ("x--- ---- ---- ----",), "open", 4, 55, 79, 0.7, gain_db=-7),
        Layer(("clean guitar",), (".... ..2- .3.. ....", "..0. 1.2- .... 3.2."), "close", 4, 60, 80, 0.88, gain_db=-7,
              pan=0.35),
    ),
    leads=(
        Lead(
            ("saxophone", "flute", "bell", "lead synth"),
            ("x--- ---- ..x- x---", "..x- x-x- ---- ....", "x-xx --x- x--- ..x-", "xxx- .xx- x-xx x---"),
            ("ABA.", "ABAC", "AABC"),
            64, 83, False, 0.14, 0.6, gain_db=-1, pan=-0.1,
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
)  # fmt: skip
