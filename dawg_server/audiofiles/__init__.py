"""Recordings: taken in, measured, analysed, removed. Their rows and their bytes agree, whatever dies in between."""
