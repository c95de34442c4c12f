"""House, techno and EDM: a kick on every beat."""

from __future__ import annotations

from dawg_server.music import rhythm as r
from dawg_server.music.style import BassLine, Lane, Layer, Lead, Style

_FOUR = "X... X... X... X..."

HOUSE = Style(
    genre="house",
    form="floor",
    kit="kit house",
    grooves=(
        (
            Lane(r.KICK, _FOUR),
            Lane(r.CLAP, ".... X... .... X..."),
            Lane(r.OPEN_HAT, "..x. ..x. ..x. ..x.", 0.55),
            Lane(r.CLOSED_HAT, "o.go o.go o.go o.go", 0.3),
            Lane(r.SHAKER, "gogo gogo gogo gogo", 0.75),
            Lane(r.RIM, "...x ..x. ...x ....", 0.9),
        ),
        (
            Lane(r.KICK, _FOUR),
            Lane(r.CLAP, ".... X... .... X..? | .... X... .... X.g."),
            Lane(r.OPEN_HAT, "..x. ..x. ..x. ..x.", 0.55),
            Lane(r.CLOSED_HAT, "oo.o oo.o oo.o oo.o", 0.3),
            Lane(r.TAMBOURINE, "..o. ..o. ..o. ..o.", 0.75),
            Lane(r.COWBELL, "x..x ..x. .... ....", 0.97),
        ),
        (
            Lane(r.KICK, _FOUR),
            Lane(r.SNARE, ".... x... .... x..."),
            Lane(r.CLAP, ".... X... .... X..."),
            Lane(r.OPEN_HAT, "..X. ..X. ..X. ..X.", 0.55),
            Lane(r.CLOSED_HAT, "g.og g.og g.og g.og", 0.3),
            Lane(r.RIDE, "x.x. x.x. x.x. x.x.", 0.97),
        ),
    ),
    fills=(
        (Lane(r.CLAP, ".... .... .... X.xx"),),
        (Lane(r.SNARE, ".... .... .x.. xxX."), Lane(r.OPEN_HAT, ".... .... .... ..x.")),
        (Lane(r.MID_TOM, ".... .... .... x.x."), Lane(r.LOW_TOM, ".... .... .... .x.X")),
    ),
    bass=BassLine(
        ("house bass", "synth bass", "sub bass"),
        (
            "..R- ..R- ..R- ..R-",
            "..R. ..R. ..R. .R8.",
            "..RR ..8. .RR. ..5a",
            ".RR. .R8. .RR. .R5.",
        ),
        low=31,
    ),
    layers=(
        Layer(
            ("house stab", "grand piano", "organ", "electric piano"),
            ("x... .... ..x. ....", "x..x ..x. ..x. ....", "x..x ..x. .x.. x.x."),
            "close", 4, 55, 76, 0.4, gain_db=1,
        ),
        Layer(("pad", "strings"), ("x--- ---- ---- ----",), "open", 3, 52, 76, 0.0, gain_db=-7),
        Layer(("pluck",), ("0.1. 2.1. 0.1. 2.3.", "0120 1201 2012 3210"), "close", 3, 64, 84, 0.95, gain_db=-7, pan=0.3,
              stem="melody"),
    ),
    leads=(
        Lead(
            ("lead synth", "choir", "saxophone", "pluck"),
            ("x--. .... x--. ....", "x--x --x- ---- ....", "x.x. x-x. ..x. x---", "x.xx .x.x x-x. x-.."),
            ("A.A.", "ABAB", "AABA"),
            65, 84, True, 0.12, 0.7, gain_db=-2,
        ),
    ),
    minor=("i i iv V", "i i VI VII", "i VI i VII", "i iv VI VII", "i III VII VI"),
    major=("I vi ii V", "I IV vi V", "I IV ii V", "I IV I V"),
    cadences=("", ""),
    swing=0.535,
    loose_ms=1.5,
    effects=("riser", "impact"),
    brightness=0.6,
    space=0.35,
    grit=0.1,
)  # fmt: skip

TECHNO = Style(
    genre="techno",
    form="floor",
    kit="kit techno",
    grooves=(
        (
            Lane(r.KICK, _FOUR, 0.3),
            Lane(r.OPEN_HAT, "..x. ..x. ..x. ..x.", 0.55),
            Lane(r.CLOSED_HAT, "g.og g.og g.og g.og", 0.4),
            Lane(r.CLAP, ".... o... .... o...", 0.7),
            Lane(r.RIM, "...x ..x. .x.. ....", 0.7),
            Lane(r.RIDE, "x.x. x.x. x.x. x.x.", 0.95),
        ),
        (
            Lane(r.KICK, _FOUR, 0.3),
            Lane(r.CLOSED_HAT, "oooo oooo oooo oooo", 0.55),
            Lane(r.OPEN_HAT, "..X. ..X. ..X. ..X.", 0.7),
            Lane(r.LOW_TOM, "...o ...o ..o. ...o", 0.7),
            Lane(r.CLAP, ".... .... .... x...", 0.95),
        ),
        (
            Lane(r.KICK, _FOUR, 0.3),
            Lane(r.CLOSED_HAT, "..x. ..xg ..x. ..xg", 0.4),
            Lane(r.SHAKER, "gogo gogo gogo gogo", 0.55),
            Lane(r.SNARE, ".... .... .... ...g | .... ..g. .... ..g.", 0.7),
            Lane(r.RIDE, "..x. ..x. ..x. ..x.", 0.95),
        ),
    ),
    fills=(
        (Lane(r.SNARE, ".... .... .... oxxX"),),
        (Lane(r.CLAP, ".... .... .... x.xX"),),
        (Lane(r.LOW_TOM, ".... .... ..x. x.xx"),),
    ),
    bass=BassLine(
        ("sub bass", "synth bass", "reese bass"),
        (
            "..R- ..R- ..R- ..R-",
            ".rR. .rR. .rR. .rR.",
            ".RRR .RRR .RRR .RRR",
        ),
        low=28,
        gain_db=-3,
    ),
    layers=(
        Layer(("pad",), ("x--- ---- ---- ----",), "open", 3, 50, 74, 0.0, gain_db=-3),
        Layer(
            ("house stab", "pluck"),
            ("..x. .... ..x. ....", "...x ..x. ...x ..x.", "x..x ..x. .x.. x..."),
            "close", 3, 55, 76, 0.7, gain_db=-2, pan=0.15,
        ),
    ),
    leads=(
        Lead(
            ("square lead", "pluck", "bell"),
            ("x... .... ..x. ....", "x..x ..x. ...x ..x.", "x.xx .x.x x.xx .x.x", "xxxx xxxx xxxx xxxx"),
            ("AAAA", "AAAB", "AAAA"),
            57, 74, True, 0.06, 0.7, gain_db=-3, pan=-0.2,
        ),
    ),
    minor=("i i i i", "i i i VII", "i i i VI", "i i VI VI"),
    major=("I I I vi", "I I I I", "I I I IV"),
    cadences=("", ""),
    loose_ms=0.8,
    effects=("riser", "impact"),
    brightness=0.42,
    space=0.45,
    grit=0.4,
    drums_gain_db=1.0,
)  # fmt: skip

EDM = Style(
    genre="edm",
    form="club",
    kit="kit house",
    grooves=(
        (
            Lane(r.KICK, _FOUR),
            Lane(r.CLAP, ".... X... .... X..."),
            Lane(r.SNARE, ".... x... .... x...", 0.9),
            Lane(r.CLOSED_HAT, "..x. ..x. ..x. ..x.", 0.3),
            Lane(r.OPEN_HAT, "..X. ..X. ..X. ..X.", 0.9),
            Lane(r.CRASH, "X... .... .... .... | .... .... .... ....", 0.99),
        ),
        (
            Lane(r.KICK, "X... X... X... X..x"),
            Lane(r.CLAP, ".... X... .... X..."),
            Lane(r.CLOSED_HAT, "g.xg g.xg g.xg g.xg", 0.3),
            Lane(r.OPEN_HAT, "..x. ..x. ..x. ..x.", 0.9),
            Lane(r.RIDE, "x... x... x... x...", 0.95),
        ),
    ),
    fills=(
        (Lane(r.SNARE, ".... .... xxxx 2222"), Lane(r.CLAP, ".... .... X... X...")),
        (Lane(r.SNARE, ".... .... x.x. xxxX"),),
        (Lane(r.HIGH_TOM, ".... .... xx.. ...."), Lane(r.MID_TOM, ".... .... ..xx ...."),
         Lane(r.LOW_TOM, ".... .... .... xxX.")),
    ),
    bass=BassLine(
        ("synth bass", "house bass", "reese bass"),
        (
            "R--- R--- R--- R---",
            "..R. ..R. ..R. ..R.",
            ".RRR .RRR .RRR .RR8",
        ),
        low=31,
    ),
    layers=(
        Layer(
            ("supersaw",),
            ("x--x --x- --x- --x-", "x--x --x- -x-- x-x-", "x-xx -x-x x-xx -x-x"),
            "open", 3, 54, 81, 0.85, gain_db=-1,
        ),
        Layer(("pad", "strings"), ("x--- ---- ---- ----",), "open", 3, 52, 76, 0.0, gain_db=-5),
        Layer(
            ("pluck", "grand piano"), ("0.1. 2.1. 3.2. 1.2.", "0123 2101 2321 0123"),
            "close", 3, 60, 82, 0.0, 0.85, gain_db=-3,
        ),
    ),
    leads=(
        Lead(
            ("lead synth", "supersaw", "square lead", "choir"),
            ("x--- ---- x--- x---", "x--x --x- x--- x---", "x--x --x- x-x- x-x-", "x-xx -x-x x-xx x-x-"),
            ("AABA", "ABAC", "AABC"),
            67, 86, True, 0.18, 0.88, gain_db=0.5,
        ),
        Lead(
            ("pluck", "bell"),
            ("x--- ..x- x--- ....", "x-x- ..x- x--- ..x-"),
            ("ABA.", "AABA"),
            72, 88, True, 0.1, 0.38, gain_db=-7, pan=0.3,
        ),
    ),
    minor=("i VI iv V", "i VI VII V", "i iv VI VII", "i VI III VII", "i III VII VI"),
    major=("I vi IV V", "I V vi IV", "I IV vi V", "I IV ii V"),
    cadences=("", ""),
    loose_ms=1.0,
    effects=("riser", "impact"),
    brightness=0.72,
    space=0.4,
    grit=0.15,
)  # fmt: skip
