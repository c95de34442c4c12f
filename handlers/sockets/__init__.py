"""The Socket.IO API: what clients may send, per namespace, and the transport below it."""
