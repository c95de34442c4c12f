"""The instruments for MIDI clips of a project: notes in seconds to samples, dry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dawg_server.music import score as scores
from dawg_server.music.sound import sequencer
from dawg_server.music.sound.tone import Samples

BLOCK = 131_072  # frames
SEED = 1


def synthesize(notes: Sequence[scores.Note], instrument: str, rate: int = 44_100, *, bpm: float = 120.0) -> Samples:
    """Plays `notes`, whose `start` and `duration` are in seconds here, on an instrument or a drum kit ("kit …").

    Returns float32 (frames, 2) from time zero until the last note has rung out; unknown names are played on the piano.
    """
    part = scores.Part("clip", instrument, tuple(notes))
    events = sequencer.part_events(part, rate, 1.0)
    player = sequencer.Sequencer(events, rate, 60.0 / bpm, SEED, ("clip",))
    last = max((event.start for event in events), default=-1)
    blocks = []
    start = 0
    while start <= last or player.end > start:
        blocks.append(player.render(start, BLOCK)["clip"].dry)
        start += BLOCK
    return np.concatenate([np.zeros((0, 2), np.float32), *blocks])[: player.end]
