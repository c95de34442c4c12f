"""The project itself."""

from __future__ import annotations

from dawg_server.database import projects
from dawg_server.daw.entities.base import EntityType
from dawg_server.schema import Flag, Key, Number, OneNumber, Text, TimeSignature

MAX_LYRICS = 20_000  # characters

FIELDS = {
    "name": Text(1, 120, "what the project is called", required=True),
    "description": Text(0, 2000, allow_none=True, load_default=None),
    "bpm": Number(20, 300, "tempo in beats per minute", decimals=2, load_default=120),
    "key": Key("key, such as C or F#m", load_default="C"),
    "timeSignature": TimeSignature("such as 4/4", load_default="4/4"),
    "sampleRate": OneNumber((44_100, 48_000, 88_200, 96_000), "Hz", load_default=44_100),
    "isPublic": Flag("whether everybody who knows the id may read it", load_default=False),
    "lyrics": Text(0, MAX_LYRICS, strip=False, allow_none=True, load_default=None),
}
# Who may read a project is no part of what versions and archives keep, and its owner's alone to decide.
KEPT = tuple(name for name in FIELDS if name != "isPublic")

PROJECT = EntityType(
    name="project",
    plural="projects",
    help="a song with everything in it",
    table=projects.TABLE,
    fields=FIELDS,
    aliases={"tempo": "bpm"},
    own_api=True,
)
