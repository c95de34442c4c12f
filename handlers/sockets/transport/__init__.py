"""The Socket.IO transport: python-socketio's server with the costs per recipient and per event taken out.

`create_server` makes it; `server` is the interface, `manager` the rooms and the seam for a cluster, `inbox` the order
of events, `outbox` the order and the budget of what is sent.
"""

from handlers.sockets.transport.manager import RoomManager
from handlers.sockets.transport.server import Server, create_server

__all__ = ["RoomManager", "Server", "create_server"]
