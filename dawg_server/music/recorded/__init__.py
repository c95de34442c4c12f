"""Recorded instruments: a free SoundFont that comes by npm, cut to what is played here, or the operator's own.

Nothing here imports numpy until a sample is decoded, because the build step runs on bare Python.
"""
