"""Accounts and logins."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validate

from dawg_server.schema import Body, Flag, Text

MAX_EMAIL = 254  # characters, RFC 5321
_IMAGE = re.compile(r"https?://[^\s/]|/(?!/)", re.IGNORECASE)


class Email(Text):
    """An e-mail address, in lower case."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(3, MAX_EMAIL, metadata={"type": "string", "format": "email"}, **kwargs)
        self._check = validate.Email(error="has to be an e-mail address")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        address = super()._deserialize(value, attr, data, **kwargs).lower()
        if not address.isascii():
            raise ValidationError("has to be an e-mail address without special letters")
        return self._check(address)


class ImageAddress(Text):
    """Where a picture is: an absolute URL, or a path on this server."""

    def check(self, value: Any) -> str:
        address = super().check(value)
        if not _IMAGE.match(address):
            raise ValidationError("has to begin with https://, http:// or /")
        return address


def new_password(**options: Any) -> Text:
    return Text(8, 128, strip=False, required=True, **options)


class Registration(Body):
    """A new account; without `username` it is called like the address up to the @. `invitation`, the secret of a link
    that shares a project, is needed where REGISTRATION is `invited`; it is not spent by this."""

    email = Email(required=True)
    password = new_password()
    username = Text(3, 40, allow_none=True, load_default=None)
    first_name = Text(0, 100, allow_none=True, load_default=None)
    last_name = Text(0, 100, allow_none=True, load_default=None)
    invitation = Text(1, 200, allow_none=True, load_default=None)


class LoginRequest(Body):
    """Who wants to sign in."""

    email = Text(1, MAX_EMAIL, required=True)
    password = Text(1, 128, strip=False, required=True)


class RefreshRequest(Body):
    """A refresh token works once; the reply brings the next one."""

    refresh_token = Text(1, 500, required=True)


class LogoutRequest(Body):
    """Which login ends: that of the refresh token, else that of the access token; `everywhere`: all of the user."""

    refresh_token = Text(0, 500, allow_none=True, load_default=None)
    everywhere = Flag(load_default=False)


class ProfileChange(Body):
    """What is left out stays as it is; null clears it."""

    first_name = Text(0, 100, allow_none=True)
    last_name = Text(0, 100, allow_none=True)
    avatar = ImageAddress(1, 2000, allow_none=True)


class PasswordChange(Body):
    """The password that is good now, and the one that will be."""

    aliases: ClassVar = {"oldPassword": "currentPassword", "password": "newPassword"}

    current_password = Text(1, 128, strip=False, required=True)
    new_password = new_password()


class ForgottenPassword(Body):
    """Whose password is forgotten."""

    email = Email(required=True)


class PasswordReset(Body):
    """`token` is the one in the link."""

    aliases: ClassVar = {"newPassword": "password"}

    token = Text(1, 500, required=True)
    password = new_password()


class LinkPromised(Body):
    """The same for every address, whether or not it has an account."""

    success = fields.Boolean()
    message = fields.String()


class User(Body):
    """An account as its owner sees it."""

    id = fields.String()
    email = fields.String(allow_none=True)
    username = fields.String()
    name = fields.String()
    first_name = fields.String(allow_none=True)
    last_name = fields.String(allow_none=True)
    avatar = fields.String(allow_none=True)
    role = fields.String(metadata={"enum": ["USER"]})
    is_verified = fields.Boolean()
    is_active = fields.Boolean()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()
    last_login_at = fields.DateTime(allow_none=True)


class SignedIn(Body):
    """`token` and `accessToken` are the same; it is good for `expiresIn` seconds."""

    success = fields.Boolean()
    user = fields.Nested(User)
    token = fields.String()
    access_token = fields.String()
    refresh_token = fields.String()
    expires_in = fields.Integer()


class CsrfToken(Body):
    """`token` and `csrfToken` are the same."""

    success = fields.Boolean()
    csrf_token = fields.String()
    token = fields.String()


class Me(Body):
    """Who is calling."""

    success = fields.Boolean()
    user = fields.Nested(User)


class LoginEndedReply(Body):
    """It is done."""

    success = fields.Boolean()
