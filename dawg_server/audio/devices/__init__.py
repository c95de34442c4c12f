"""Effects and instruments that stand in the chains of tracks: declared in `catalogue`, realised beside it."""
