"""Trap and drill: half-time drums under fast hats, an 808 that carries the harmony."""

from __future__ import annotations

from dawg_server.music import rhythm as r
from dawg_server.music.style import BassLine, ChordLayer, GenreStyle, Lane, Lead

_SNARE_FILLS = (
    (Lane(r.SNARE, ".... .... .... x.22"), Lane(r.CLAP, ".... .... .... X...")),
    (Lane(r.SNARE, ".... .... x.x. xx23"),),
    (Lane(r.SNARE, ".... .... .... 3.34"), Lane(r.OPEN_HAT, ".... .... .... ...x")),
)

TRAP = GenreStyle(
    genre="trap",
    form="beat",
    kit="kit trap",
    grooves=(
        (
            Lane(r.KICK, "X... ...x ..x. .... | X... ..x. ..x. ...!"),
            Lane(r.SNARE, ".... .... X... ...."),
            Lane(r.CLAP, ".... .... X... ....", 0.6),
            Lane(r.CLOSED_HAT, "x.o. x.o. x.o. x.ox | x.o. xxo. x.oT .xo.", 0.3),
            Lane(r.OPEN_HAT, ".... ..x. .... .... | .... .... .... ..x.", 0.7),
            Lane(r.RIM, "...o .... .... .o..", 0.85),
        ),
        (
            Lane(r.KICK, "X... ..x. .... x... | X..x .... ..x. ..x."),
            Lane(r.SNARE, ".... .... X... ...? | .... .... X... .g.."),
            Lane(r.CLAP, ".... .... X... ....", 0.6),
            Lane(r.CLOSED_HAT, "x.x. x.x. x.x. x.2. | x.x. x.x. T.x. x.3.", 0.3),
            Lane(r.OPEN_HAT, ".... .... .... ..x. | ..x. .... .... ....", 0.7),
            Lane(r.SHAKER, "..g. ..g. ..g. ..g.", 0.85),
        ),
        (
            Lane(r.KICK, "X..x .... .... ..x. | X... ..x. .x.. ...."),
            Lane(r.SNARE, ".... .... X... ...."),
            Lane(r.CLAP, ".... .... X... ....", 0.6),
            Lane(r.CLOSED_HAT, "x.x. x.xx x.x. xTx. | x.x. T.x. x.x. 2.2.", 0.3),
            Lane(r.OPEN_HAT, ".... .... ..x. ....", 0.7),
        ),
    ),
    fills=_SNARE_FILLS,
    bass=BassLine(
        ("808",),
        (
            "R--- ---- ---- ---- | R--- ---- --R- ----",
            "R--- ---- ..R- ---- | R--- --.. ..R- --8-",
            "R--- ---R --R- ---- | R--- --R- ..R- --5-",
        ),
        low=29,
        slides=0.22,
    ),
    layers=(
        ChordLayer(("pad", "choir", "strings"), ("x--- ---- ---- ----",), "open", 3, 50, 74, 0.0, gain_db=-5),
        ChordLayer(
            ("bell", "grand piano", "pluck"),
            ("0--- 1--- 2--- 1---", "0-1- 2-1- 3-2- 1-2-", "0.1. 2.3. 2.1. 3.2."),
            "close",
            3,
            60,
            80,
            0.3,
            gain_db=-3,
            pan=-0.2,
        ),
    ),
    leads=(
        Lead(
            ("bell", "flute", "square lead", "music box"),
            ("x--- ---- x--- ----", "x--. x-.. x--- ..x-", "x-x. x--. x-x. x-..", "x.x. xx.x ..x. x.x."),
            ("A.A.", "ABA.", "AABC", "ABAC"),
            67,
            86,
            True,
            0.1,
            0.6,
            pan=0.15,
        ),
    ),
    minor=("i i VI V", "i i iv VI", "i VI i VII", "i iv VI VII", "i VI III VII"),
    major=("I vi ii IV", "I vi IV I", "I vi IV V", "I I IV IV"),
    cadences=("", ""),
    rolls=0.55,
    effects=("impact",),
    brightness=0.5,
    space=0.4,
    grit=0.25,
)

DRILL = GenreStyle(
    genre="drill",
    form="beat",
    kit="kit trap",
    grooves=(
        (
            Lane(r.KICK, "X... ..x. .... ..x. | X... ...x ..x. ...."),
            Lane(r.SNARE, ".... .... X... ...? | .... .... .... X..."),
            Lane(r.CLOSED_HAT, "x..x ..x. x..x ..x. | x..x ..x. x..x .Tx.", 0.3),
            Lane(r.RIM, "x... .... .... .... | .... ...o .... ....", 0.6),
            Lane(r.OPEN_HAT, ".... .... .... .... | .... ..x. .... ....", 0.8),
            Lane(r.SHAKER, "x... x... x... x...", 0.0),
        ),
        (
            Lane(r.KICK, "X..x .... ...x .... | X... ..x. ...x .x.."),
            Lane(r.SNARE, ".... .... X... .... | .... .... ...g X.?."),
            Lane(r.CLOSED_HAT, "x..x ..x. x..x ..2. | x..x ..x. xT.x ..x.", 0.3),
            Lane(r.RIM, ".... ..o. .... ..o.", 0.6),
            Lane(r.SHAKER, "x... x... x... x...", 0.0),
            Lane(r.COWBELL, ".... .... .... .... | .... .... .... ..o.", 0.85),
        ),
        (
            Lane(r.KICK, "X... .... ..x. ..x. | X..x .... x..x ...."),
            Lane(r.SNARE, ".... .... X..? .... | .... .... .... X..g"),
            Lane(r.CLOSED_HAT, "x..x ..x. x.xx ..x. | x..x ..3. x..x ..x.", 0.3),
            Lane(r.OPEN_HAT, ".... .... .... ..x.", 0.8),
            Lane(r.SHAKER, "x... x... x... x...", 0.0),
        ),
    ),
    fills=(
        (Lane(r.SNARE, ".... .... .... X.xx"),),
        (Lane(r.SNARE, ".... .... ..x. T.X."), Lane(r.KICK, ".... .... .... ..x.")),
        (Lane(r.RIM, ".... .... x..x ..x."), Lane(r.SNARE, ".... .... .... X..2")),
    ),
    bass=BassLine(
        ("808",),
        (
            "R--- ---- ---- ---- | R--- ---- ..R- ----",
            "R--- ---- --R- ---- | R--- --.. R--- --5-",
            "R--- --R- ---- ..8- | R--- ---R --R- --5-",
        ),
        low=28,
        slides=0.7,
    ),
    layers=(
        ChordLayer(("strings", "choir", "pad"), ("x--- ---- ---- ----",), "open", 3, 48, 72, 0.0, gain_db=-5),
        ChordLayer(
            ("grand piano", "pluck", "bell"),
            ("x--- ---- x--- ----", "0--1 --2- 0--1 --2-", "x--x --x- x--x --x-"),
            "close",
            3,
            57,
            76,
            0.5,
            gain_db=-4,
            pan=0.2,
        ),
    ),
    leads=(
        Lead(
            ("choir", "grand piano", "bell", "flute"),
            ("x--- ---- ---- ----", "x--x --x- ---- ....", "x--- --x- x--- ....", "x--x --x- x--x --x-"),
            ("A...", "A.B.", "ABA.", "A.AC"),
            62,
            82,
            False,
            0.08,
            0.6,
            pan=-0.15,
        ),
    ),
    minor=("i i i VI", "i i VI V", "i VI iv V", "i iv VI VII", "i VI III VII"),
    major=("I vi ii IV", "I vi IV I", "I V vi IV"),
    cadences=("", ""),
    loose_ms=2.0,
    rolls=0.4,
    effects=("impact",),
    brightness=0.42,
    space=0.45,
    grit=0.3,
)
