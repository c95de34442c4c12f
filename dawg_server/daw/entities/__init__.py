"""The entities of a document, one file each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from dawg_server.database.table import Table
from dawg_server.daw.entities.base import EntityType as EntityType
from dawg_server.daw.entities.base import Reference as Reference
from dawg_server.daw.entities.clip import CLIP as CLIP
from dawg_server.daw.entities.project import PROJECT as PROJECT
from dawg_server.daw.entities.send import SEND as SEND
from dawg_server.daw.entities.track import TRACK as TRACK

# What hangs on others goes before them: sends before tracks.
_ALL = {each.name: each for each in (PROJECT, SEND, TRACK, CLIP)}


def find(name: str) -> EntityType:
    return _ALL[name]


def every() -> tuple[EntityType, ...]:
    return tuple(_ALL.values())


def declared() -> tuple[EntityType, ...]:
    """Those whose commands, routes and events are made from their declarations."""
    return tuple(each for each in _ALL.values() if not each.own_api)


def tables() -> dict[str, Table]:
    """The tables of those, by the name of their list."""
    return {each.plural: each.table for each in declared()}


@contextlib.contextmanager
def added(entity: EntityType) -> Iterator[EntityType]:
    """For tests: one more entity, as if it stood among the others."""
    _ALL[entity.name] = entity
    try:
        yield entity
    finally:
        del _ALL[entity.name]
