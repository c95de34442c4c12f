"""What the assistants remember about a user."""

from __future__ import annotations

import datetime
from typing import Any

from marshmallow import ValidationError, fields

from dawg_server.memory.service import TYPES
from dawg_server.schema import Body, Choice, JsonValue, Number, Query, Text

MAX_METADATA = 8000  # bytes of JSON


class Future(fields.Field[datetime.datetime]):
    """A moment that is still to come, ISO-8601."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("metadata", {}).update(type="string", format="date-time")
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime.datetime:
        try:
            moment = datetime.datetime.fromisoformat(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
            moment = moment.astimezone(datetime.UTC)
        except (TypeError, ValueError, OverflowError):
            raise ValidationError("has to be a time like 2027-01-31T12:00:00Z") from None
        if moment <= datetime.datetime.now(datetime.UTC):
            raise ValidationError("has to lie in the future")
        return moment


class MemoryChange(Body):
    """Absent fields stay; null clears `category`, `metadata` and `expiresAt`."""

    type = Choice(TYPES)
    content = Text(1, 4000)
    category = Text(1, 60, allow_none=True)
    importance = Number(1, 10, whole=True)
    metadata = JsonValue(MAX_METADATA, objects=True, stored=True, allow_none=True)
    expires_at = Future(allow_none=True)
    user_id = Text(1, 128, load_only=True)


class NewMemory(MemoryChange):
    """`userId` may repeat the caller's."""

    type = Choice(TYPES, required=True)
    content = Text(1, 4000, required=True)


class MemoryQuery(Query):
    """Which memories. `search` asks for all of its words."""

    type = Choice(TYPES, load_default=None)
    category = Text(1, 60, load_default=None)
    search = Text(0, 500, load_default=None)
    limit = Number(1, 200, whole=True, load_default=50)
    min_importance = Number(1, 10, whole=True, load_default=1)


class MemoryEntry(Body):
    """One thing that is known about the user."""

    id = fields.UUID()
    user_id = fields.String()
    type = fields.String()
    category = fields.String(allow_none=True)
    content = fields.String()
    metadata = fields.Dict(allow_none=True)
    importance = fields.Integer()
    access_count = fields.Integer()
    last_accessed = fields.DateTime(allow_none=True)
    expires_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class MemoryReply(MemoryEntry):
    """The same twice: at the top level, and whole under its kind."""

    success = fields.Boolean()
    memory = fields.Nested(MemoryEntry)


class MemoriesReply(Body):
    """The most important first, then those used last. `sessionCount`: made or used within 24 hours before."""

    success = fields.Boolean()
    memories = fields.List(fields.Nested(MemoryEntry))
    total = fields.Integer()
    session_count = fields.Integer()
