"""The manual of devices says what the code says."""

from __future__ import annotations

from pathlib import Path

from dawg_server.audio.devices import manual

MANUAL = Path(__file__).parents[3] / "docs" / "devices.md"


def test_the_manual_is_made_from_the_declarations() -> None:
    told = "run python -m dawg_server.audio.devices.manual > docs/devices.md"
    assert MANUAL.read_text(encoding="utf-8") == manual.markdown(), told
