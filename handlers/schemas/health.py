"""What health checks answer."""

from __future__ import annotations

from marshmallow import fields

from dawg_server.schema import AnyField
from handlers.schemas.shown import Shown, done, maybe, one_of


class Status(Shown):
    """One word."""

    status: AnyField = fields.String()


class Dependency(Status):
    """What the server stands on; development: signing in is off. `detail` is a word about it."""

    status = one_of("ok", "failing", "unconfigured", "development")
    latency_ms = maybe(fields.Float())
    detail = maybe(fields.String())


class HealthReply(Status):
    """`services` and `dependencies` by name, each with its state; `sounds`: what generated music and note tracks are
    played with."""

    status = one_of("healthy", "degraded", "unhealthy")
    service = fields.String()
    services = fields.Dict(keys=fields.String(), values=fields.String())
    timestamp = fields.DateTime()
    version = fields.String()
    replica = fields.String()
    sounds = one_of("recorded", "synthesised")
    dependencies = fields.Dict(keys=fields.String(), values=fields.Nested(Dependency))


class JobLoad(Shown):
    """Of all users."""

    by_state = fields.Dict(keys=fields.String(), values=fields.Integer())
    running = fields.Integer()
    oldest_waiting_seconds = fields.Float()


class CostsOfAll(Shown):
    """USD of all users, by UTC days and months. `budgets`: how many have a limit; `over`: how many of those are used
    up."""

    today = fields.Float()
    month = fields.Float()
    reserved = fields.Float()
    budgets = fields.Integer()
    over = fields.Integer()


class OperatorStatus(Shown):
    """`sockets` by namespace; `log`: the last lines, null where sign-in is on."""

    success = done()
    health = fields.Nested(HealthReply)
    jobs = fields.Nested(JobLoad)
    costs = fields.Nested(CostsOfAll)
    sockets = fields.Dict(keys=fields.String(), values=fields.Integer())
    replicas = fields.List(fields.String())
    log = fields.List(fields.String(), allow_none=True)


class AiStatus(Shown):
    """`features` by name: whether this server can do it as it is configured; `services` with their states."""

    success = done()
    features = fields.Dict(keys=fields.String(), values=fields.Boolean())
    services = fields.Dict(keys=fields.String(), values=fields.Nested(Dependency))


class BrainHealth(Status):
    """Whether chat has a key, and its model."""

    service = fields.String()
    anthropic_configured = fields.Boolean(data_key="anthropic_configured")
    model = fields.String()


class VoiceHealth(Status):
    """Whether voice has a key, its model, and what is open now."""

    service = fields.String()
    openai_configured = fields.Boolean(data_key="openai_configured")
    connected = fields.Boolean()
    active_sessions = fields.Integer()
    model = fields.String()
