"""What is known of a request besides what it says: for the server around it, its endpoint and the session cookie."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from dawg_server.limits import Allowance


@dataclass(slots=True)
class RequestState:
    """Its id, what is left of its caller's limit, and the cookie that its answer sets."""

    id: str
    allowance: Allowance | None = None
    cookie: str | None = None


STATE = web.RequestKey("state", RequestState)
