"""Rows of `sends`."""

from __future__ import annotations

from dawg_server.database.table import Table, plain

TABLE = Table("sends", plain("id", "trackId", "destinationTrackId", "level", "pan", "preFader", "enabled"), {}, "track")
SHOWN = TABLE.json("s")
