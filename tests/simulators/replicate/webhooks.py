"""Webhooks as Replicate sends them: `id.timestamp.body` signed with HMAC-SHA256, several signatures in one header."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

_KEY = hashlib.sha256(b"the simulator's webhook key").digest()
_RETIRED_KEY = hashlib.sha256(b"a key from before the last rotation").digest()
SECRET = "whsec_" + base64.b64encode(_KEY).decode()


@dataclass(frozen=True)
class Delivery:
    """One POST that was sent; `status` is the answer's, 0 when there was none."""

    prediction_id: str
    event: str
    url: str
    headers: dict[str, str]
    body: bytes
    status: int


def new_id() -> str:
    return f"msg_{secrets.token_hex(12)}"


def headers(webhook_id: str, timestamp: int, body: bytes, *, forged: bool = False) -> dict[str, str]:
    """The three headers, `timestamp` in Unix seconds. A forged one is signed with another key."""
    keys = (_RETIRED_KEY, b"guessed") if forged else (_RETIRED_KEY, _KEY)
    return {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{_sign(key, webhook_id, timestamp, body)}" for key in keys),
    }


def _sign(key: bytes, webhook_id: str, timestamp: int, body: bytes) -> str:
    digest = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
