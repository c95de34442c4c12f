"""Beat times by dynamic programming."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dawg_server.audio.analysis.framing import Floats

TIGHTNESS = 300.0  # of the penalty on the logarithm of the interval
SPAN = 32  # beats over which the period is measured


def track(strength: Floats, lag: float) -> NDArray[np.float64]:
    """The chain of frames about `lag` apart with the most onset strength (Ellis 2007, "Beat tracking by dynamic
    programming"); frames are refined to a fraction by the centre of their onset."""
    local = np.convolve(strength, np.exp(-0.5 * (np.arange(-4, 5) / 2.0) ** 2), "same")
    nearest, farthest = max(1, round(lag * 0.75)), round(lag * 1.33) + 1
    offsets = np.arange(-farthest, -nearest + 1)
    penalty = -TIGHTNESS * np.log(-offsets / lag) ** 2 * float(local.std()) / 3
    total = np.concatenate((np.zeros(farthest), local.astype(np.float64)))
    back = np.zeros(len(local), np.int64)
    for frame in range(len(local)):
        reachable = total[frame : frame + len(offsets)] + penalty
        best = int(reachable.argmax())
        back[frame] = frame + offsets[best]
        total[frame + farthest] += max(reachable[best], 0.0)
    scores = total[farthest:]
    frame = len(scores) - round(lag) + int(np.argmax(scores[-round(lag) :]))
    chain = []
    while frame >= 0:
        chain.append(frame)
        frame = int(back[frame])
    return _trim(np.array([_centre(local, frame) for frame in reversed(chain)]), local)


def period(times: NDArray[np.float64]) -> float:
    """Median seconds per beat over long spans, so that neither rounding to frames nor one extra beat matters."""
    span = min(SPAN, max(1, len(times) // 2))
    return float(np.median((times[span:] - times[:-span]) / span))


def _centre(local: Floats, frame: int) -> float:
    if not 0 < frame < len(local) - 1:
        return float(frame)
    a, b, c = (float(local[frame + i]) for i in (-1, 0, 1))
    curve = a - 2 * b + c
    return frame + (0.5 * (a - c) / curve if curve < -1e-9 and b >= max(a, c) else 0.0)


def _trim(chain: NDArray[np.float64], local: Floats) -> NDArray[np.float64]:
    """Without the beats that run on into silence before and after the music."""
    heights = local[chain.astype(int).clip(0, len(local) - 1)]
    if not (heights > 0).any():
        return chain[:0]
    heard = np.flatnonzero(heights > 0.2 * np.median(heights[heights > 0]))
    return chain[heard[0] : heard[-1] + 1]
