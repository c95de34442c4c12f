"""The faces of the server: REST routes, Socket.IO events and the relay between bus and sockets."""
