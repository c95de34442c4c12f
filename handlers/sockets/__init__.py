"""The Socket.IO face: what clients may send, per namespace, and the transport below it."""
