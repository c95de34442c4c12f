"""The embedded music engine: genre, tempo, key and mood in, a score out, and sound from the score. No key, no network."""
