"""The one shape of sound in this package: float32 `(frames, channels)`, full scale at -1..1."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


def as_frames(samples: npt.NDArray[Any], channels: int) -> npt.NDArray[Any]:
    """The same samples as `(frames, channels)`; a flat array is one channel. Raises ValueError for another shape."""
    if samples.ndim == 1 and channels == 1:
        return samples[:, np.newaxis]
    if samples.ndim != 2 or samples.shape[1] != channels:
        raise ValueError(f"expected samples of shape (frames, {channels}), got {samples.shape}")
    return samples


def ramp(value: float, low: float, high: float) -> float:
    """From 0 at `low` to 1 at `high`, and no further."""
    return min(1.0, max(0.0, (value - low) / (high - low)))
