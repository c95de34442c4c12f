"""Realtime voice: what is said upstream and to the browser, and the session that carries it."""

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
