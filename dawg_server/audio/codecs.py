"""Audio files in and out."""

from __future__ import annotations

from dawg_server.audio.encoder import Writer, writable_rate

__all__ = ["Writer", "writable_rate"]
