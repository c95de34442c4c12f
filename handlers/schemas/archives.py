"""Projects as files."""

from __future__ import annotations

from dawg_server.schema import Flag, Query


class ArchiveQuery(Query):
    """`audio`: with the recordings themselves."""

    audio = Flag(load_default=True)


class ImportForm(Query):
    """Nothing but the file."""
