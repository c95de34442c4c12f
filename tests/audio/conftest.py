"""Shared by the tests of signal processing."""

from tests.music.songs import songs

__all__ = ["songs"]
