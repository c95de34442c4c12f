"""What is known of a request besides what it says: for the server around it, its endpoint and the session cookie."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web

from dawg_server.limits import Allowance


@dataclass(slots=True)
class RequestState:
    """Its id, what is left of its caller's limit, and the cookies that its answer sets."""

    id: str
    allowance: Allowance | None = None
    cookies: dict[str, str] = field(default_factory=dict)  # by their names


STATE = web.RequestKey("state", RequestState)
