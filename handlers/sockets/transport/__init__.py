"""The Socket.IO transport: python-socketio's server with the costs per recipient and per event taken out.

`server` is the interface, `manager` the rooms, `cluster` those of all replicas, `dispatcher` the order of events,
`send_queue` the order and the budget of what is sent, `engine` the requests, `forwarding` the way to sessions of other
replicas, `stock` what is needed of python-socketio besides its public interface.
"""

from handlers.sockets.transport.cluster import ClusterManager
from handlers.sockets.transport.forwarding import Forwarder
from handlers.sockets.transport.manager import RoomManager
from handlers.sockets.transport.server import Server

__all__ = ["ClusterManager", "Forwarder", "RoomManager", "Server"]
