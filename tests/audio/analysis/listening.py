"""Puts pieces into real files and lets the analysis hear them."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import soundfile

from dawg_server.audio.analysis import chroma, onsets, spectrum, track
from tests.audio.analysis import material

ENHARMONIC = {"Db": 1, "D#": 3, "Gb": 6, "G#": 8, "A#": 10} | {name: pc for pc, name in enumerate(material.SHARPS)}


def write(piece: material.Piece, folder: pathlib.Path, name: str = "piece.wav", subtype: str = "FLOAT") -> pathlib.Path:
    path = folder / name
    soundfile.write(path, piece.samples, piece.rate, subtype=subtype)
    return path


def analyze(piece: material.Piece, folder: pathlib.Path, **options: Any) -> dict[str, Any]:
    return track.analyze(write(piece, folder), **options)


def spectra(piece: material.Piece) -> spectrum.Spectra:
    mono = piece.samples.mean(axis=1)
    return spectrum.measure(np.array_split(mono, max(1, len(mono) // 65_536)), piece.rate)


def onsets_of(piece: material.Piece) -> onsets.Onsets:
    return onsets.detect(spectra(piece))


def chroma_of(piece: material.Piece) -> chroma.Chroma:
    return chroma.measure(spectra(piece).tonal)


def same_key(piece: material.Piece, name: str | None, scale: str | None) -> bool:
    return name is not None and ENHARMONIC[name] == ENHARMONIC[piece.key or ""] and scale == piece.scale


def piece(samples: np.ndarray, rate: int = 44_100) -> material.Piece:
    return material.Piece(np.atleast_2d(samples.astype(np.float32).T).T, rate)


def noise(seconds: float, level: float = 0.1, seed: int = 0, channels: int = 1, rate: int = 44_100) -> material.Piece:
    drawn = np.random.default_rng(seed).standard_normal((int(seconds * rate), channels)) * level
    return material.Piece(drawn.astype(np.float32), rate, "noise")


def tones(*frequencies: float, seconds: float = 6.0, level: float = 0.1, rate: int = 44_100) -> material.Piece:
    t = np.arange(int(seconds * rate)) / rate
    return piece(sum(level * np.sin(2 * np.pi * frequency * t) for frequency in frequencies), rate)
