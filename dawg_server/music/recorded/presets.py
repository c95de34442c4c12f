"""Which presets of a General MIDI SoundFont play which of our instruments: (bank, program)."""

from __future__ import annotations

PERCUSSION = 128  # the bank of drum kits

PRESETS = {
    "grand piano": (0, 0),
    "electric piano": (0, 4),
    "vibraphone": (0, 11),
    "organ": (0, 18),
    "nylon guitar": (0, 24),
    "acoustic guitar": (0, 25),
    "clean guitar": (0, 27),
    "muted guitar": (0, 28),
    "upright bass": (0, 32),
    "finger bass": (0, 33),
    "picked bass": (0, 34),
    "strings": (0, 48),
    "choir": (0, 52),
    "trumpet": (0, 56),
    "brass": (0, 61),
    "saxophone": (0, 65),
    "flute": (0, 73),
    "kit acoustic": (PERCUSSION, 0),
    "kit boom bap": (PERCUSSION, 3),
    "kit lofi": (PERCUSSION, 5),
    "kit dnb": (PERCUSSION, 6),
    "kit country": (PERCUSSION, 8),
    "kit jazz": (PERCUSSION, 40),
}
PLAYED_ON = {"overdriven guitar": "clean guitar", "lead guitar": "clean guitar", "steel guitar": "clean guitar"}
"""Instruments that have no recordings of their own: an amplifier, or the player's hand, makes the difference."""
