"""Payloads of socket events."""

from __future__ import annotations

from typing import ClassVar

from marshmallow import fields

from dawg_server.schema import Body, Text


class CancelJob(Body):
    """Which job to cancel."""

    aliases: ClassVar = {"generationId": "jobId"}

    job_id = Text(1, 64, required=True)


class JobState(Body):
    """Where the job stands now."""

    success = fields.Boolean()
    job_id = fields.UUID()
    state = fields.String()
