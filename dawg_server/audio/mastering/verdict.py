"""How a finished master measures, and how much of what makes a good one it has."""

from __future__ import annotations

from typing import Any

import numpy as np

from dawg_server.audio.mastering.balance import BANDS, Balance
from dawg_server.audio.measuring import RecordingMeter

_REGIONS = {"low": (0, 3), "mid": (3, 6), "high": (6, 9)}  # bands of `balance.BANDS`: below 220 Hz, above 1.8 kHz


def judge(after: RecordingMeter, heard: Balance, deviation: tuple[float, ...], wanted: float) -> dict[str, Any]:
    """`analysis` of the contract, section 4.11.

    `spectralBalance`: dB of three regions (below 220 Hz, up to 1.8 kHz, above) relative to the usual spectrum.
    `overallQuality` 0..100 is the mean of five marks, each measured: loudness met (0 at 2 LU off), true peak below
    -1 dBTP (0 at 1 dB above), spectrum (0 at 12 dB off), crest factor (1 from 8 dB up), sides below the middle.
    """
    numbers = after.numbers()
    marks = (
        1 - abs(after.lufs - wanted) / 2,
        1 - (after.true_peak + 1.0),
        1 - float(np.sqrt(np.mean(np.square(deviation)))) / 12,
        after.crest / 8,
        1 - heard.side_db / 6,
    )
    return {
        **numbers,
        "spectralBalance": {
            name: round(float(np.mean(deviation[first:last])), 1) for name, (first, last) in _REGIONS.items()
        },
        "bands": {f"{hertz:g}": round(level, 1) for hertz, level in zip(BANDS, heard.bands, strict=True)},
        "overallQuality": round(100 * float(np.mean(np.clip(marks, 0, 1)))),
    }
