"""Payloads of the namespace `/voice` and of `/api/voice`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson
from marshmallow import ValidationError, fields, validates_schema

from dawg_server.schema import Body, Choice, Id, Number, Text
from dawg_server.voice import VOICES, browser
from handlers.schemas.shown import Shown, done

MAX_CONTEXT = 16_000  # bytes of JSON
DAY_MS = 24 * 60 * 60 * 1000


class ProjectContext(Body):
    """What the browser knows of the project that is open in it, by the names of the earlier client."""

    project_name = Text(0, 200, data_key="project_name", allow_none=True)
    tempo = Number(0, 1000, allow_none=True)
    key = Text(0, 40, allow_none=True)
    time_signature = Text(0, 20, data_key="time_signature", allow_none=True)
    track_count = Number(0, 100_000, whole=True, data_key="track_count", allow_none=True)
    lyrics = Text(0, MAX_CONTEXT, allow_none=True)


class StartRealtime(Body):
    """How the session is to be. `semantic` waits for the end of a thought, `server` for silence, `none` for commits."""

    aliases: ClassVar = {"project_context": "projectContext"}

    voice = Choice(VOICES, load_default="alloy")
    project_id = Id("project", load_default=None, allow_none=True)
    project_context = fields.Nested(ProjectContext, load_default=None, allow_none=True)
    turn_detection = Choice(("semantic", "server", "none"), load_default="semantic")
    conversation_id = Id("conversation", load_default=None, allow_none=True)

    @validates_schema(pass_original=True, skip_on_field_errors=True)
    def _check_size(self, data: Any, original: Any, **_: Any) -> None:
        context = original.get("projectContext")
        if context is not None and len(orjson.dumps(context)) > MAX_CONTEXT:
            raise ValidationError("holds at most 16 kB", "projectContext")


class SessionStarted(Shown):
    """The session connects now; `realtime-started` says when it listens."""

    success = done()
    session_id = fields.UUID()
    conversation_id = fields.UUID()


class SessionStopped(Shown):
    """The session that is over."""

    success = done()
    session_id = fields.UUID()


class AudioFrame(Body):
    """PCM16 little-endian, mono, 24 kHz: base64 text or binary, at most 256 KiB."""

    audio = fields.String(required=True)

    def load(self, data: Any, **_: Any) -> dict[str, Any]:
        """Fifty times a second for everybody who talks, so without the machinery: `audio` comes out as base64."""
        if isinstance(data, bytes):
            return {"audio": browser.as_base64(data)}
        if not isinstance(data, Mapping):
            raise ValidationError("has to be an object with audio")
        return {"audio": browser.as_base64(data.get("audio"))}


class FunctionResult(Body):
    """What the browser's function came to: any JSON up to 64 kB."""

    aliases: ClassVar = {"callId": "call_id"}

    call_id = Text(1, 200, required=True, data_key="call_id")
    output = fields.Raw(required=True, allow_none=True)


class ChangeVoice(Body):
    """Another voice from now on."""

    voice = Choice(VOICES, required=True)


class PlaybackPosition(Body):
    """How much of an item was really heard."""

    item_id = Text(1, 200, required=True)
    played_ms = Number(0, DAY_MS, required=True)


class SecretRequest(Body):
    """What the browser's own call to the service is to be like; `expiresIn` in seconds."""

    voice = Choice(VOICES, load_default="alloy")
    project_id = Id("project", load_default=None, allow_none=True)
    expires_in = Number(10, 7200, whole=True, load_default=600)


class ClientSecret(Body):
    """Begins calls until it expires; a call that has begun goes on."""

    value = fields.String()
    expires_at = fields.DateTime()


class SecretReply(Body):
    """Calls made with it are not metered by this server, so their full length is counted and booked at once."""

    success = fields.Boolean()
    client_secret = fields.Nested(ClientSecret)
    model = fields.String()
    voice = fields.String()
    expires_at = fields.DateTime()


class CatalogueMetadata(Body):
    """`version` rises with every change, `hash` is the SHA-256 of the catalogue as compact JSON with sorted keys."""

    version = fields.String()
    hash = fields.String()
    voice_function_count = fields.Integer()
    daw_function_count = fields.Integer()
    total_function_count = fields.Integer()
    uncompressed_size = fields.Integer()
    timestamp = fields.DateTime()


class FunctionCatalogue(Body):
    """Both lists, and what describes them."""

    voice = fields.List(fields.Dict())
    daw = fields.List(fields.Dict())
    metadata = fields.Nested(CatalogueMetadata)


class CatalogueClaim(Body):
    """The catalogue that a client has kept."""

    version = Text(1, 40, required=True)
    hash = Text(1, 128, required=True)


class CatalogueVerdict(Body):
    """`metadata` says what is current when the claim is not."""

    valid = fields.Boolean()
    metadata = fields.Nested(CatalogueMetadata)


class CatalogueStats(Body):
    """Counted since this process began."""

    cache = fields.Dict()
    bandwidth = fields.Dict()


class CatalogueHealth(Body):
    """That the catalogue is served, and which."""

    status = fields.String()
    service = fields.String()
    version = fields.String()
    function_count = fields.Integer()
    timestamp = fields.DateTime()
