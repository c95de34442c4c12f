"""How a variable of the environment is declared, checked and read: one field of a dataclass each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import Field, field
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError, validate
from marshmallow import fields as kinds

from dawg_server.errors import ConfigurationError

Check = Callable[[Any], Any]

DEFAULT_PORTS = {"http": ":80", "https": ":443"}  # which origins leave out
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9_.*-]+)(:\d{1,5})?")
_PATTERN = re.compile(r"[^*]+://[^.*]*\*[^.*]*(\.localhost|(\.[^.*:]+){2,})(:\d+)?")
_KINDS: dict[str, type[kinds.Field[Any]]] = {
    "str": kinds.String,
    "int": kinds.Integer,
    "float": kinds.Float,
    "bool": kinds.Boolean,
    "word": kinds.String,
}


def variable(
    name: str,
    default: Any,
    help: str,
    *,
    check: Check | None = None,
    kind: str = "str",
    alias: tuple[str, ...] = (),
    secret: bool = False,
) -> Any:
    metadata = {"name": name, "help": help, "check": check, "kind": kind, "alias": alias, "secret": secret}
    return field(default=default, metadata=metadata)


def url(*schemes: str) -> Check:
    def check(value: str | None) -> None:
        if value and (urlsplit(value).scheme not in schemes or not urlsplit(value).netloc):
            raise ValidationError(f"has to be a URL that begins with {' or '.join(s + '://' for s in schemes)}")

    return check


def sender(value: str | None) -> None:
    if value and not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", parseaddr(value)[1]):
        raise ValidationError("has to be an e-mail address, or Name <address>")


def long_secret(value: str | None) -> None:
    if value and len(value.encode()) < 32:
        raise ValidationError("has to be at least 32 bytes long; make one with `openssl rand -hex 32`")


def in_range(low: float, high: float) -> Check:
    return validate.Range(low, high, error=f"has to lie between {low:g} and {high:g}")


def origin(value: str) -> str:
    """An origin as browsers send it, or a pattern of origins.

    Capitals, a slash at the end and the port that goes without saying are forgiven.
    """
    if value == "*":
        raise ValidationError(
            "must not be *, which would let every page in the world act for whoever looks at it: name your pages"
        )
    found = value.rstrip("/").lower()
    if not _ORIGIN.fullmatch(found):
        raise ValidationError(f"has to list origins like https://dawg.example, not {value!r}")
    if "*" in found and not _PATTERN.fullmatch(found):
        raise ValidationError(
            f"may have one * in the first label of a host, before a domain that is yours, as in "
            f"https://deploy-preview-*--site.netlify.app, not {value!r}"
        )
    scheme, _, host = found.partition("://")
    return f"{scheme}://{host.removesuffix(DEFAULT_PORTS.get(scheme, ' '))}"


def read(each: Field[Any], source: Mapping[str, str]) -> Any:
    meta = each.metadata
    name = next((known for known in (meta["name"], *meta["alias"]) if known in source), None)
    if name is None:
        return each.default
    text = source[name].strip()
    if meta["kind"] == "list":
        return _listed(name, text, meta["check"])
    if meta["kind"] == "path":
        return Path(text).expanduser()
    text = text.lower() if meta["kind"] == "word" else text
    try:
        return _KINDS[meta["kind"]](validate=meta["check"]).deserialize(text)
    except ValidationError as error:
        raise ConfigurationError(f"{name} is wrong: {' '.join(map(str, error.messages)).rstrip('.')}.") from None


def _listed(name: str, text: str, check: Check | None) -> tuple[str, ...]:
    items = [item.strip() for item in text.split(",") if item.strip()]
    try:
        return tuple(check(item) for item in items) if check else tuple(items)
    except ValidationError as error:
        raise ConfigurationError(f"{name} {' '.join(map(str, error.messages))}.") from None
