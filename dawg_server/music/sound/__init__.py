"""The sound of the embedded engine: scores to mixes and stems, notes to samples. No samples, no network, only numpy."""

from __future__ import annotations

from dawg_server.music.sound.render import Rendered, render
from dawg_server.music.sound.sequencer import synthesize

__all__ = ["Rendered", "render", "synthesize"]
