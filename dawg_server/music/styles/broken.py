"""Drum and bass and dubstep: broken beats over a bass that is the lead."""

from __future__ import annotations

from dawg_server.music import rhythm as r
from dawg_server.music.style import BassLine, ChordLayer, GenreStyle, Lane, Lead

DRUM_AND_BASS = GenreStyle(
    genre="drum and bass",
    form="club",
    kit="kit dnb",
    grooves=(
        (
            Lane(r.KICK, "X... .... ..x. .... | X... .... x.x. ...."),
            Lane(r.SNARE, ".... X..g .?.. X..g"),
            Lane(r.CLOSED_HAT, "X.o. X.o. X.o. X.o.", 0.3),
            Lane(r.RIDE, "X.o. X.o. X.o. X.o.", 0.9),
            Lane(r.SHAKER, "xgog xgog xgog xgog", 0.7),
        ),
        (
            Lane(r.KICK, "X.x. .... ..x. .... | X... .... x.x. ...."),
            Lane(r.SNARE, ".... X..? .g.. X... | .... X..g .?.g X.?."),
            Lane(r.CLOSED_HAT, "X.o. X.o. X.o. X.o.", 0.3),
            Lane(r.RIDE, "X... X... X... X...", 0.9),
        ),
        (
            Lane(r.KICK, "X.x. .... ..x. .... | X.x. .... x.x. ...."),
            Lane(r.SNARE, ".... X..o .o.. X..o | .... X..o .o.. X.X."),
            Lane(r.RIDE, "X.o. X.o. X.o. X.o.", 0.6),
            Lane(r.CLOSED_HAT, "X.og X.og X.og X.og", 0.3),
        ),
    ),
    fills=(
        (Lane(r.SNARE, ".... X..x .x.x XxxX"),),
        (Lane(r.SNARE, ".... .... ..xx x2xX"),),
        (Lane(r.SNARE, ".... .... X.xx .XxX"), Lane(r.KICK, ".... .... .x.. x...")),
    ),
    bass=BassLine(
        ("reese bass", "sub bass", "synth bass"),
        (
            "R--- ---- ---- ---- | R--- ---- --5- ----",
            "R--- ---- --R- ---- | R--- --R- --5- a---",
            "R--. ..R- ..R- .5-. | R--. R-.8 .-7- ..a-",
        ),
        low=29,
    ),
    layers=(
        ChordLayer(("pad", "strings"), ("x--- ---- ---- ----",), "open", 4, 52, 76, 0.0, gain_db=-1),
        ChordLayer(
            ("electric piano", "pluck", "grand piano"),
            ("x--- ---- x--- ----", "x--- ..x- x--- ..x-", "x.x. x... x.x. ..x."),
            "close",
            4,
            57,
            78,
            0.65,
            gain_db=-2.5,
            pan=-0.2,
        ),
    ),
    leads=(
        Lead(
            ("lead synth", "flute", "bell", "square lead"),
            ("x--- ---- ---- x---", "x--- --x- ---- ....", "x-x- --x- x--- ....", "x-xx -x-x --x- x---"),
            ("A.B.", "ABA.", "ABAC"),
            67,
            86,
            True,
            0.16,
            0.65,
            gain_db=-2,
            pan=0.1,
        ),
    ),
    minor=("i i VI V", "i VI iv V", "i VI i VII", "i VI iv VII", "i III VI iv"),
    major=("I vi ii IV", "I IV vi ii", "I IV vi V", "I V ii IV"),
    cadences=("", ""),
    loose_ms=1.5,
    effects=("riser", "impact"),
    brightness=0.58,
    space=0.4,
    grit=0.25,
)

DUBSTEP = GenreStyle(
    genre="dubstep",
    form="club",
    kit="kit dubstep",
    grooves=(
        (
            Lane(r.KICK, "X... .... .... ..x. | X... ..x. .... ...."),
            Lane(r.SNARE, ".... .... X... ...."),
            Lane(r.CLAP, ".... .... X... ....", 0.8),
            Lane(r.CLOSED_HAT, "x..o x..o x..o x..o", 0.3),
            Lane(r.OPEN_HAT, ".... .... .... x...", 0.9),
        ),
        (
            Lane(r.KICK, "X... ..x. .... .... | X..x .... .... ..x."),
            Lane(r.SNARE, ".... .... X... ...g"),
            Lane(r.CLOSED_HAT, "x.o. x.o. x.o. xTo.", 0.3),
            Lane(r.RIDE, "x... x... x... x...", 0.9),
            Lane(r.CRASH, "X... .... .... .... | .... .... .... ....", 0.99),
        ),
        (
            Lane(r.KICK, "X... .... .... x... | X... ...x .... ...."),
            Lane(r.SNARE, ".... .... X... ...."),
            Lane(r.CLOSED_HAT, "x.x. x.x. x.x. x.3.", 0.3),
            Lane(r.RIM, "...o ..o. .... .o..", 0.6),
        ),
    ),
    fills=(
        (Lane(r.SNARE, ".... .... .... xxxX"), Lane(r.LOW_TOM, ".... .... .x.x ....")),
        (Lane(r.SNARE, ".... .... x... T.TX"),),
        (Lane(r.CLAP, ".... .... .... X.XX"), Lane(r.CRASH, ".... .... X... ....")),
    ),
    bass=BassLine(
        ("wobble bass",),
        (
            "R--- ---- R--- ---- | R--- ---- 5--- a---",
            "R--- --R- ..R- R--- | R--- R-R- 8--- 5---",
            "R-R- R--- R-8- R-5- | R--- R-R- RRR. 8-a-",
        ),
        low=29,
        energy=0.6,
        gain_db=1.0,
    ),
    layers=(
        ChordLayer(("pad", "choir", "strings"), ("x--- ---- ---- ----",), "open", 3, 50, 76, 0.0, gain_db=-4),
        ChordLayer(
            ("supersaw", "pluck"),
            ("x--- .... x--- ....", "x--. ..x- x--. ....", "x..x ..x. x.x. ...."),
            "open",
            3,
            55,
            79,
            0.9,
            gain_db=-4,
        ),
        ChordLayer(
            ("grand piano", "pluck"),
            ("0--- 1--- 2--- 1---", "0-1- 2-3- 2-1- 2-1-"),
            "close",
            3,
            60,
            81,
            0.0,
            0.85,
            gain_db=-3,
        ),
    ),
    leads=(
        Lead(
            ("lead synth", "square lead", "choir", "bell"),
            ("x--- ---- .... ....", "x--- x--- ---- ....", "x-x- x--- x-x- ....", "xx.x x.x. x-x- x.xx"),
            ("A.A.", "ABA.", "AABC"),
            64,
            84,
            True,
            0.2,
            0.6,
            gain_db=-2,
        ),
    ),
    minor=("i i VI V", "i i i VI", "i VI iv V", "i VI VII i", "i VI III VII"),
    major=("I vi IV I", "I I vi IV", "I V vi IV"),
    cadences=("", ""),
    loose_ms=1.5,
    rolls=0.15,
    effects=("riser", "impact"),
    brightness=0.6,
    space=0.35,
    grit=0.5,
    drums_gain_db=1.0,
)
