"""The smallest steps of a document's history: what is stored in `operations`, sent to rooms, undone and repeated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dawg_server.database import tracks
from dawg_server.database.batch import Batch
from dawg_server.daw import entities

Kind = Literal["create", "update", "delete", "reorder"]

ORDERS = "trackOrders"  # what a reorder holds: [{id, order}] of the tracks that move


@dataclass(frozen=True, slots=True)
class Change:
    """One step. `forward` and `inverse` hold wire fields with their values after and before it.

    create: everything / nothing. update: the fields that differ. delete: nothing / everything.
    reorder (of tracks): `trackOrders` with the new and the old places; it has no entity id.
    `track_id`: of a send, the track that it comes from. `follows`: it follows another change by itself (`following`).
    `group`: the undo group that it belongs to, if not to that of its call.
    """

    kind: Kind
    entity: str
    entity_id: str | None
    forward: dict[str, Any]
    inverse: dict[str, Any]
    track_id: str | None = None
    follows: bool = False
    group: str | None = None

    def write(self, batch: Batch) -> None:
        table = entities.find(self.entity).table
        if self.kind == "reorder":
            tracks.reorder(batch, self.forward[ORDERS])
            return
        assert self.entity_id is not None
        if self.kind == "create":
            table.insert(batch, self.forward)
        elif self.kind == "update":
            table.update(batch, self.entity_id, self.forward)
        else:
            table.delete(batch, self.entity_id)


def touched(operations: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """(entity, id, field) of everything that operations (rows of the log) have changed; field "*" stands for all."""
    for operation in operations:
        if operation["kind"] == "reorder":
            for pair in operation["forward"][ORDERS]:
                yield "track", pair["id"], "order"
        elif operation["kind"] == "update":
            for field in operation["forward"]:
                yield operation["entity"], operation["entity_id"], field
        else:
            yield operation["entity"], operation["entity_id"], "*"
