"""Bodies of requests: whose ids are of what this server keeps, and not of what a page has made up for itself."""

from __future__ import annotations

from marshmallow import fields

from dawg_server import errors
from dawg_server.schema import AnyField, Body, ForeignId, Id, spoken
from dawg_server.schema.field_errors import FieldError

_UPLOAD = "Upload the recording first (POST /api/audio/upload), and send the id of the answer as audioFileId."
SEND_INSTEAD = {
    "recording": _UPLOAD,
    "audioFile": _UPLOAD,
    "project": "Create the project first (POST /api/projects) and send the id of the answer, or leave it out.",
    "track": "Create the track first (POST /api/tracks), and send the id of the answer.",
    "AUX track": "Create the track first (POST /api/tracks, trackType AUX), and send the id of the answer.",
    "GROUP track": "Create the group first (POST /api/tracks/group), and send the id of the answer.",
    "clip": "Upload its recording first (POST /api/audio/upload), create the clip (POST /api/clips), and send its id.",
    "conversation": "Leave it out, which begins a conversation, and send the conversationId of the answer then.",
}
_OTHERS = "Store the {kind} here first, and send the id of the answer."
_SHOWN = 60  # characters of what was sent


def refusal(error: FieldError) -> errors.DawgError:
    """Of a request's body: `UnknownHere` where a field has an id of the page's own (`track-1732`), and else
    `ValidationError` with a sentence for each wrong field."""
    for sentence in error.problems.values():
        if isinstance(sentence, ForeignId):
            return _unknown(sentence.kind, sentence.value[:_SHOWN])
    return error.refusal()


def has_ids(schema: Body) -> bool:
    return any(_has_ids(field) for field in schema.fields.values())


def _has_ids(field: AnyField) -> bool:
    if isinstance(field, fields.List):
        return _has_ids(field.inner)
    if isinstance(field, fields.Nested):
        return isinstance(field.schema, Body) and has_ids(field.schema)
    return isinstance(field, Id)


def _unknown(kind: str, value: str) -> errors.UnknownHere:
    instead = SEND_INSTEAD.get(kind) or _OTHERS.format(kind=spoken(kind))
    return errors.UnknownHere(
        f"“{value}” is an id of the page's own, which this server does not know. {instead}",
        details={"kind": kind, "id": value},
    )
