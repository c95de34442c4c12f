"""Signal processing. Everything heavy runs in the processes of `workers`, never on the event loop."""
