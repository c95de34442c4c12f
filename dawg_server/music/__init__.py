"""The embedded music engine: genre, tempo, key and mood become a score, and the score sound. No key, no network."""
