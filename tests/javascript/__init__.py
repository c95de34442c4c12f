"""The official Socket.IO client for JavaScript, driven from Python tests."""
