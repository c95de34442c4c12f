"""Draining of connections: every client is told to come back, each at a moment of its own."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable

from bus import events
from bus.local import Scope
from dawg_server.services import Services
from dawg_server.wire import now
from handlers.sockets.transport.manager import Client, ClientState
from handlers.sockets.transport.server import Server

MAX_RECONNECT_DELAY_MS = 5000  # clients of a server that stops come back spread over this time
MARGIN = 2.0  # seconds in which the last of them end what they are doing
INTERVAL = 0.05  # seconds


def mount(server: Server, services: Services) -> None:
    """Clients whose requests a leaving replica has passed on here are told as well."""
    services.platform.bus.subscribe(
        events.ForwardsEnding, lambda event: _forwards_ending(server, event), Scope.EVERYWHERE
    )


async def drain(server: Server, services: Services) -> None:
    """Tells every client to come back, each at a moment of its own. Where other replicas can take them, everybody is
    served until they have gone, or have had the time for it; so are those whom a balancer still sends here meanwhile.
    """
    services.platform.lifecycle.leaving = server.eio.leaving = True
    clients, forwarder = server.manager.clients, server.eio.forwarder
    told: set[str] = set()
    if forwarder is None or not services.platform.replicas.others:
        _announce(server, clients.values(), MAX_RECONNECT_DELAY_MS)
        return
    await services.platform.bus.publish(events.ForwardsEnding(list(forwarder.websockets), list(forwarder.polls)))
    until = time.monotonic() + MAX_RECONNECT_DELAY_MS / 1000
    while (clients or forwarder.websockets) and (left := until + MARGIN - time.monotonic()) > 0:
        untold = [each for each in clients.values() if each.sid not in told and each.state is ClientState.CONNECTED]
        _announce(server, untold, max(1, int((left - MARGIN) * 1000)))
        told.update(each.sid for each in untold)
        server.eio.shut = left < MARGIN  # whoever came now could not go in time
        await asyncio.sleep(INTERVAL)


def _announce(server: Server, clients: Iterable[Client], within: int) -> None:
    """`within`: milliseconds in which all of them should have gone."""
    for client in tuple(clients):
        delay = random.randrange(within)
        warning = {"reason": "The server is being updated.", "reconnectAfterMs": delay, "timestamp": now()}
        server.broadcast("server:draining", warning, room=client.sid, namespace=client.namespace)


def _forwards_ending(server: Server, event: events.ForwardsEnding) -> None:
    sockets = server.eio.sockets
    for sid in event.websockets:
        if (connection := sockets.get(sid)) is not None:
            _announce(server, connection.clients.values(), MAX_RECONNECT_DELAY_MS)
    for sid in event.polls:
        if (connection := sockets.get(sid)) is not None:
            connection.send_queue.release_poll()
