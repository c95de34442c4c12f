"""Where Replicate and the gateways to Suno call us. Whatever they say is only a reason to look."""

from __future__ import annotations

from marshmallow import fields

from dawg_server.schema import Body, Query, Text
from handlers.rest import endpoint
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Routes

routes = Routes("webhooks")


class About(Query):
    """`job`: what the prediction was bought for."""

    job = Text(0, 64, load_default=None)


class WebhookReply(Body):
    """The call was understood."""

    success = fields.Boolean()


@routes.post(
    "/webhooks/replicate",
    "A prediction has changed (signed by Replicate)",
    query=About,
    reply=WebhookReply,
    public=True,
    errors=(401, 404, 413),
)
async def replicate(call: RestCall) -> Answer:
    body = await endpoint.read_body(call.request)
    await call.services.jobs.webhooks.from_replicate(call.request.headers, body, call.query["job"])
    return {"success": True}


@routes.post(
    "/webhooks/suno/{job_id}/{secret}",
    "A song has changed (the address is secret)",
    reply=WebhookReply,
    public=True,
    errors=(400, 401, 413),
)
async def suno(call: RestCall) -> Answer:
    body = await endpoint.read_body(call.request)
    await call.services.jobs.webhooks.from_suno(call.path["job_id"], call.path["secret"], body)
    return {"success": True}
