"""Pop, rock and indie: straight backbeats and chord loops that sing."""

from __future__ import annotations

from dawg_server.music import rhythm as r
from dawg_server.music.style import BassLine, Lane, Layer, Lead, Style

_BACKBEAT = ".... X... .... X..."
_TOM_FILLS = (
    (Lane(r.SNARE, ".... .... xx.. ...."), Lane(r.HIGH_TOM, ".... .... ..xx ...."),
     Lane(r.MID_TOM, ".... .... .... xx.."), Lane(r.LOW_TOM, ".... .... .... ..xX")),
    (Lane(r.SNARE, ".... .... .... xxxx"), Lane(r.CRASH, ".... .... .... ....")),
    (Lane(r.SNARE, ".... .... x.xx x..."), Lane(r.LOW_TOM, ".... .... .... .xXx")),
    (Lane(r.HIGH_TOM, ".... .... .... x..."), Lane(r.MID_TOM, ".... .... .... .x.."),
     Lane(r.LOW_TOM, ".... .... .... ..xx")),
)  # fmt: skip

POP = Style(
    genre="pop",
    form="song",
    kit="kit acoustic",
    grooves=(
        (
            Lane(r.KICK, "X... ..x. x... .... | X... ..x. x.x. ...."),
            Lane(r.SNARE, _BACKBEAT),
            Lane(r.CLAP, ".... x... .... x...", 0.8),
            Lane(r.CLOSED_HAT, "x.o. x.o. x.o. x.o.", 0.3),
            Lane(r.TAMBOURINE, "..o. ..o. ..o. ..o.", 0.8),
        ),
        (
            Lane(r.KICK, "X... x... X... x..."),
            Lane(r.SNARE, _BACKBEAT),
            Lane(r.CLAP, ".... x... .... x...", 0.6),
            Lane(r.CLOSED_HAT, "xoxo xoxo xoxo xoxo", 0.3),
            Lane(r.OPEN_HAT, ".... .... .... ..x.", 0.8),
        ),
        (
            Lane(r.KICK, "X..x .... X..x ...."),
            Lane(r.SNARE, _BACKBEAT),
            Lane(r.CLOSED_HAT, "x.xo x.xo x.xo x.xo", 0.3),
            Lane(r.SHAKER, "gogo gogo gogo gogo", 0.7),
        ),
    ),
    fills=_TOM_FILLS[1:],
    bass=BassLine(
        ("finger bass", "synth bass", "picked bass"),
        (
            "R--- --.. R--- --R-",
            "R--R ..R- R--R ..a-",
            "R-R- R-R- R-R- R-a-",
        ),
        low=31,
        energy=0.4,
    ),
    layers=(
        Layer(
            ("grand piano", "electric piano", "pluck"),
            ("x--- ---- x--- ----", "x--- x--- x--- x---", "x--x --x- x--x --x-"),
            "close", 3, 55, 77, 0.0,
        ),
        Layer(
            ("acoustic guitar", "clean guitar"),
            ("d--- d-u- --u- d-u-", "d-du .ud- d-du .udu"),
            "guitar", 3, 43, 76, 0.6, gain_db=-6, pan=0.35,
        ),
        Layer(("pad", "strings"), ("x--- ---- ---- ----",), "open", 3, 57, 82, 0.7, gain_db=-7, pan=-0.2),
    ),
    leads=(
        Lead(
            ("lead synth", "pluck", "bell", "flute"),
            ("x--- ..x- x--- ....", "x-x- x--- x-x- ....", "x-x- x-x- x--- ..x-", "x-xx -xx- x-x- x-x-"),
            ("ABAC", "AABA", "AABC"),
            65, 84, True, 0.15, 0.6, gain_db=-0.5,
        ),
        Lead(
            ("bell", "pluck"), ("..x- ..x- ..x- ..x-", "..x. x.x. ..x. x.x."), ("AAAB",),
            76, 91, True, 0.05, 0.88, gain_db=-8, pan=-0.35,
        ),
    ),
    minor=("i iv VI V", "i VI iv VII", "i VI III VII", "i VII VI iv", "i III iv VII"),
    major=("I vi ii IV", "I vi IV V", "I V vi IV", "I IV vi V", "I IV I V"),
    cadences=("V", "V"),
    loose_ms=2.5,
    effects=("impact",),
    brightness=0.65,
    space=0.3,
    grit=0.05,
)  # fmt: skip

ROCK = Style(
    genre="rock",
    form="song",
    kit="kit acoustic",
    grooves=(
        (
            Lane(r.KICK, "X... ..x. x.x. .... | X... ..x. x... ..x."),
            Lane(r.SNARE, ".... X... .... X..."),
            Lane(r.CLOSED_HAT, "X.x. X.x. X.x. X.x.", 0.3, 0.8),
            Lane(r.OPEN_HAT, "X... X... X... X...", 0.8),
        ),
        (
            Lane(r.KICK, "X.x. .... X.x. .... | X.x. .... X.x. ..x."),
            Lane(r.SNARE, ".... X... .... X..."),
            Lane(r.CLOSED_HAT, "X.x. X.x. X.x. X.x.", 0.3, 0.8),
            Lane(r.CRASH, "X... x... x... x...", 0.8),
        ),
        (
            Lane(r.KICK, "X... ...x x.x. .... | X... ...x x.x. ...x"),
            Lane(r.SNARE, ".... X..g .... X..."),
            Lane(r.CLOSED_HAT, "x.x. x.x. x.x. x.x.", 0.3, 0.8),
            Lane(r.RIDE, "X.x. X.x. X.x. X.x.", 0.8),
        ),
    ),
    fills=(
        *_TOM_FILLS,
        (Lane(r.SNARE, ".... XxXx .... ...."), Lane(r.HIGH_TOM, ".... .... xxxx ...."),
         Lane(r.LOW_TOM, ".... .... .... xxXX")),
    ),
    bass=BassLine(
        ("picked bass", "finger bass"),
        (
            "R--- R-R- R--- R-a-",
            "R-R- R-R- R-R- R-R-",
            "R-R- R-R- R-R- R-5a",
        ),
        low=28,
        energy=0.4,
    ),
    layers=(
        Layer(
            ("overdriven guitar",),
            ("x--- ---- x--- --x-", "x-x- x-x- x-x- x-x-", "x--x --x- x--- x-x-"),
            "power", 3, 40, 59, 0.3, gain_db=-2, pan=-0.45,
        ),
        Layer(
            ("overdriven guitar",),
            ("x--- ---- ---- ----", "x--- --x- x--- ----"),
            "power", 3, 45, 64, 0.8, gain_db=-4, pan=0.45,
        ),
        Layer(("organ", "clean guitar"), ("x--- ---- ---- ----",), "close", 3, 57, 76, 0.0, gain_db=-3, pan=0.15),
    ),
    leads=(
        Lead(
            ("lead guitar", "organ", "clean guitar"),
            ("x--- ---- x--- ....", "x-x- x--- ..x- x---", "x-x- x-x- x-xx -x--", "xxx- xxx- x-x- x---"),
            ("A.AB", "ABAC", "AAAB"),
            60, 81, True, 0.14, 0.6, gain_db=-1.5, pan=0.05,
        ),
    ),
    minor=("i i VI VII", "i iv i VII", "i VI iv VII", "i VII VI i", "i III VII iv"),
    major=("I I vi IV", "I IV vi IV", "I IV I V", "I IV V I"),
    cadences=("V", "V"),
    loose_ms=4.0,
    effects=(),
    brightness=0.6,
    space=0.22,
    grit=0.4,
    drums_gain_db=0.5,
)  # fmt: skip

INDIE = Style(
    genre="indie",
    form="song",
    kit="kit acoustic",
    grooves=(
        (
            Lane(r.KICK, "X... x... X... x..."),
            Lane(r.SNARE, ".... X... .... X..."),
            Lane(r.CLOSED_HAT, "x.xx x.xx x.xx x.xx", 0.3),
            Lane(r.OPEN_HAT, "..x. ..x. ..x. ..x.", 0.8),
        ),
        (
            Lane(r.KICK, "X... .xx. .... .x.. | X... .xx. ..x. ...."),
            Lane(r.SNARE, ".... X... .... X... | .... X... .... X..g"),
            Lane(r.CLOSED_HAT, "x.x. x.x. x.x. x.x.", 0.3),
            Lane(r.TAMBOURINE, "o.x. o.x. o.x. o.x.", 0.6),
        ),
        (
            Lane(r.KICK, "X... ..x. X... ..x."),
            Lane(r.LOW_TOM, "o.o. ..o. o.o. ..o.", 0.5),
            Lane(r.SNARE, ".... X... .... X.x."),
            Lane(r.RIDE, "x.x. x.x. x.x. x.x.", 0.8),
            Lane(r.SHAKER, "x.o. x.o. x.o. x.o.", 0.3),
        ),
    ),
    fills=(
        _TOM_FILLS[0],
        (Lane(r.SNARE, ".... .... x.x. xx.x"),),
        (Lane(r.LOW_TOM, ".... .... x.x. x.x."), Lane(r.SNARE, ".... .... .... .x.X")),
    ),
    bass=BassLine(
        ("picked bass", "finger bass", "synth bass"),
        (
            "R--- ---- R--- 5---",
            "R-R- R-R- 8-R- R-a-",
            "R-R- 8-R- R-8- 5-a-",
        ),
        low=31,
        energy=0.4,
    ),
    layers=(
        Layer(
            ("clean guitar",),
            ("0-2- 1-3- 2-1- 3-2-", "0-23 2-3- 0-23 2-1-", "0.2. 3.2. 4.2. 3.2."),
            "close", 3, 57, 78, 0.0, pan=-0.4,
        ),
        Layer(
            ("clean guitar", "acoustic guitar"),
            ("d--- ---- d-u- --u-", "d-.u d-.u d-.u d-du", "d-du d-du d-du d-du"),
            "guitar", 3, 43, 76, 0.6, gain_db=-4, pan=0.4,
        ),
        Layer(("pad", "organ", "strings"), ("x--- ---- ---- ----",), "open", 4, 55, 80, 0.5, gain_db=-7),
    ),
    leads=(
        Lead(
            ("lead synth", "lead guitar", "flute", "bell"),
            ("x--- ---- x--- ----", "x--- x-x- --x- ....", "x-x- x--x --x- x---", "x-x- x-xx -xx- x-x-"),
            ("A.AB", "ABAC", "AABA"),
            64, 83, True, 0.14, 0.62, gain_db=-2, pan=0.1,
        ),
    ),
    minor=("i V VI iv", "i iv VI V", "i VI iv VII", "i III VII iv", "i III VI iv"),
    major=("I vi ii IV", "I iii vi IV", "I ii vi IV", "I IV ii V", "I iii IV I"),
    cadences=("V", "V"),
    loose_ms=5.0,
    effects=(),
    brightness=0.55,
    space=0.5,
    grit=0.2,
)  # fmt: skip
