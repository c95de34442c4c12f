"""Infrastructure: typed events and the bus that carries them. Imports nothing of ours."""
