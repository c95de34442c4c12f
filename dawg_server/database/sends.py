"""Rows of `sends`."""

from __future__ import annotations

from dawg_server.database.entities import Entity, plain

ENTITY = Entity("sends", plain("id", "trackId", "destinationTrackId", "level", "pan", "preFader", "enabled"), {})
SHOWN = ENTITY.json("s")
