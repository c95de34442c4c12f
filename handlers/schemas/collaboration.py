"""What every change of a document may carry."""

from __future__ import annotations

from dawg_server.daw.schema import Field, Number, Text

MAX_REVISION = 2**62

BASE: dict[str, Field] = {
    "baseRevision": Number(0, MAX_REVISION, "refuse what was changed after this revision", whole=True, nullable=True),
}
REPLAY: dict[str, Field] = {
    "clientOperationId": Text(1, 128, "the second use of it returns the first answer", nullable=True),
}
STEPS: dict[str, Field] = {"steps": Number(1, 20, "how many groups", whole=True, default=1)}
