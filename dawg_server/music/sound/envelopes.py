"""How a sound's level moves: attack, decay, sustain, release, and short fades that keep edges free of clicks."""

from __future__ import annotations

import numpy as np

from dawg_server.music.sound.tone import Samples


def adsr(held: int, rate: int, attack: float, decay: float, sustain: float, release: float) -> Samples:
    """Seconds and a sustain level of 0..1; the curve is `held` frames plus the release long and ends at zero."""
    rise = max(1, round(attack * rate))
    tail = max(1, round(release * rate))
    time = np.arange(held) / rate
    body = sustain + (1.0 - sustain) * np.exp(-np.maximum(time - attack, 0.0) / max(decay / 3.0, 1e-4))
    up = min(rise, held)
    body[:up] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(up) / rise)
    last = body[-1] if held else 0.0
    falling = np.arange(1, tail + 1) / tail
    return np.concatenate([body, last * np.exp(-4.0 * falling) * (1.0 - falling) ** 0.5]).astype(np.float32)


def decay(frames: int, rate: int, seconds: float) -> Samples:
    """An exponential from one that reaches -60 dB after `seconds`."""
    sound: Samples = np.exp(np.arange(frames) * (-6.9078 / (seconds * rate))).astype(np.float32)
    return sound


def release(samples: Samples, held: int, rate: int, seconds: float) -> Samples:
    """Damps a ringing sound from the moment the key is let go, and cuts it where it has gone."""
    end = min(len(samples), held + max(2, round(seconds * rate)))
    out = samples[:end].copy()
    if end > held:
        falling = np.linspace(0.0, 1.0, end - held)
        curve = (np.exp(-4.0 * falling) * (1.0 - falling)).astype(np.float32)
        out[held:] *= curve if out.ndim == 1 else curve[:, None]
    return out


def soften(samples: Samples, rate: int, start: float = 0.0005, end: float = 0.01) -> Samples:
    """Fades both edges, in seconds."""
    up, down = min(len(samples), round(start * rate)), min(len(samples), round(end * rate))
    out = samples.copy()
    shape = (-1,) if out.ndim == 1 else (-1, 1)
    if up:
        out[:up] *= np.linspace(0.0, 1.0, up, endpoint=False, dtype=np.float32).reshape(shape)
    if down:
        out[-down:] *= np.linspace(1.0, 0.0, down, dtype=np.float32).reshape(shape)
    return out
