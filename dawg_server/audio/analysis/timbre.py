"""The colour of a sound, as numbers."""

from __future__ import annotations

import numpy as np

from dawg_server.audio.analysis import chroma, peaks, spectrum
from dawg_server.audio.analysis.framing import Floats

BRIGHT_HZ = 1_500.0  # Laukka, Juslin & Bresin (2005): brightness is what lies above
BODY_HZ, PRESENCE_HZ = (100.0, 800.0), (2_000.0, 8_000.0)
NEUTRAL_TILT, TILT_SLOPE = 14.0, 6.0  # dB of body over presence that is neither warm nor cold; dB per step
DARK, BRIGHT = 0.3, 0.58  # brightness at which the balance is called dark or bright
PARTIALS = 14  # of a frame that are compared for roughness


def describe(spectra: spectrum.Spectra, pitch_classes: chroma.Chroma) -> dict[str, float | None]:
    """`brightness`, `warmth`, `roughness`, `harmonicRichness` 0..1; `spectralCentroid`, `spectralRolloff` in Hz. Every
    value is None for silence."""
    audible = spectra.audible
    if not audible.any():
        return dict.fromkeys(
            ("brightness", "warmth", "roughness", "spectralCentroid", "spectralRolloff", "harmonicRichness")
        )
    weight = spectra.rms[audible] / spectra.rms[audible].sum()
    return {
        "brightness": _rounded(_brightness(spectra.power)),
        "warmth": _rounded(_warmth(spectra.power)),
        "roughness": _rounded(_roughness(spectra.tonal)),
        "spectralCentroid": round(float(spectra.centroid[audible] @ weight), 2),
        "spectralRolloff": round(float(spectra.rolloff[audible] @ weight), 2),
        "harmonicRichness": _rounded(_richness(spectra.tonal) * pitch_classes.tonality),
    }


def balance(brightness: float | None) -> str | None:
    if brightness is None:
        return None
    return "dark" if brightness < DARK else "bright" if brightness > BRIGHT else "balanced"


def _rounded(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 5)


def _band(power: Floats, low: float, high: float) -> float:
    width = spectrum.RATE / spectrum.WINDOW
    return float(power[round(low / width) : round(high / width)].sum())


def _brightness(power: Floats) -> float:
    amplitude = np.sqrt(power)
    return _band(amplitude, BRIGHT_HZ, spectrum.HIGH_HZ) / max(_band(amplitude, 20, spectrum.HIGH_HZ), 1e-12)


def _warmth(power: Floats) -> float:
    """How far the body of the sound outweighs its presence: 0.5 at NEUTRAL_TILT dB, logistic around it."""
    tilt = 10 * np.log10((_band(power, *BODY_HZ) + 1e-15) / (_band(power, *PRESENCE_HZ) + 1e-15))
    return float(1 / (1 + np.exp(-(np.clip(tilt, -40, 70) - NEUTRAL_TILT) / TILT_SLOPE)))


def _roughness(found: peaks.Peaks) -> float:
    """Beating of neighbouring partials: the Plomp-Levelt curves summed over pairs (Sethares 1998),
    relative to all pairs and to the curve's maximum; weighted by loudness."""
    frequency = found.frequency[:, :PARTIALS].astype(float)
    amplitude = found.magnitude[:, :PARTIALS].astype(float)
    low = np.minimum(frequency[:, :, None], frequency[:, None, :])
    apart = np.abs(frequency[:, :, None] - frequency[:, None, :])
    scaled = 0.24 / (0.0207 * low + 18.96) * apart
    curve = np.exp(-3.51 * scaled) - np.exp(-5.75 * scaled)
    pairs = amplitude[:, :, None] * amplitude[:, None, :] * ~np.eye(amplitude.shape[1], dtype=bool)
    strength = pairs.sum(axis=(1, 2))
    rough = (pairs * curve).sum(axis=(1, 2)) / 0.19
    return float(rough.sum() / strength.sum()) if strength.sum() > 1e-12 else 0.0


def _richness(found: peaks.Peaks) -> float:
    """Effective number of partials, e to the entropy of their amplitudes, on a logarithmic scale up to all kept."""
    total = found.magnitude.sum(axis=1, keepdims=True)
    heard = total[:, 0] > max(1e-6, 1e-3 * float(total.max(initial=0)))
    if not heard.any():
        return 0.0
    share = found.magnitude[heard] / total[heard]
    entropy = -(share * np.log(share + 1e-12)).sum(axis=1)
    return float(np.average(entropy, weights=total[heard, 0]) / np.log(peaks.KEPT))
