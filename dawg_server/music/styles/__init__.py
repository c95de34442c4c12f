"""The seventeen styles, one module per family."""

from __future__ import annotations

from dawg_server.music.style import GenreStyle
from dawg_server.music.styles import band, broken, club, hiphop, roots, soul, trap

STYLES: dict[str, GenreStyle] = {
    style.genre: style
    for style in (
        trap.TRAP,
        trap.DRILL,
        hiphop.HIP_HOP,
        hiphop.BOOM_BAP,
        hiphop.LO_FI,
        soul.R_AND_B,
        club.HOUSE,
        club.TECHNO,
        club.EDM,
        broken.DRUM_AND_BASS,
        broken.DUBSTEP,
        band.POP,
        band.ROCK,
        band.INDIE,
        roots.COUNTRY,
        roots.FOLK,
        soul.JAZZ,
    )
}
