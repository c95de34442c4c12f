"""What the transport counts for `/metrics`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Totals since the server was made; they only rise."""

    messages_received: int = 0
    messages_refused: int = 0  # answered with an error by the transport itself: malformed, unknown event, inbox full
    written_directly: int = 0  # straight to the transport of an idle client
    queued: int = 0  # behind other messages, or for a polling client
    volatile_dropped: int = 0  # `try_send_volatile` on a congested socket
    slow_clients: int = 0  # sockets closed because their outgoing budget was used up
