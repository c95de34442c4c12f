"""The API layer: REST routes, Socket.IO events and the relay between bus and sockets."""
