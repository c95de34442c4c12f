"""Who works on a project."""

from __future__ import annotations

from marshmallow import fields

from dawg_server.schema import Body, Choice
from handlers.schemas.auth import Email
from handlers.schemas.shown import Shown

GIVEN = ("editor", "viewer")
ROLES = ("owner", *GIVEN)


class Invitation(Body):
    """Whom a place in the project is kept for, by an address that reminds the owner of them."""

    email = Email(required=True)
    role = Choice(GIVEN, required=True)


class RoleChange(Body):
    """What a member may do from now on."""

    role = Choice(GIVEN, required=True)


class Collaborator(Shown):
    """`userId` and `acceptedAt` are null while the invitation is pending."""

    id = fields.UUID()
    project_id = fields.UUID()
    user_id = fields.String(allow_none=True)
    email = fields.String(allow_none=True)
    role = fields.String(metadata={"enum": ROLES})
    invited_at = fields.DateTime()
    accepted_at = fields.DateTime(allow_none=True)


class CollaboratorReply(Collaborator):
    """The collaborator twice: its fields, and the whole."""

    success = fields.Boolean()
    collaborator = fields.Nested(Collaborator)


class MadeInvitation(Shown):
    """`token` is the secret in `url`, told this once."""

    token = fields.String()
    url = fields.Url()
    expires_at = fields.DateTime()


class InvitationReply(CollaboratorReply):
    """The place that waits, and the link that leads to it."""

    invitation = fields.Nested(MadeInvitation)


class CollaboratorRemoved(CollaboratorReply):
    """Who was removed."""

    deleted = fields.Boolean()
    message = fields.String()


class Collaborators(Body):
    """The owner first."""

    success = fields.Boolean()
    collaborators = fields.List(fields.Nested(Collaborator))
    total = fields.Integer()
