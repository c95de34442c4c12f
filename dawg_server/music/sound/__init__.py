"""The sound of the embedded engine: scores to mixes and stems, notes to samples. No samples, no network, only numpy."""

from __future__ import annotations

from dawg_server.music.sound.clips import synthesize
from dawg_server.music.sound.render import Rendered, render

__all__ = ["Rendered", "render", "synthesize"]
