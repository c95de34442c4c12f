"""Shared by the tests of the engine."""

from tests.music.songs import songs

__all__ = ["songs"]
