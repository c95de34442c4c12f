"""Musical values in the spellings that people use, and the one in which they are kept (contract, section 4.2)."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields

from dawg_server.music import genres, theory


class KeyField(fields.Field[str]):
    """`C`, `Cm`, `F#`, `Bb`; input also `C minor`, `F#maj`, `E♭ Major`."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("metadata", {}).update(type="string", examples=["Cm", "F#", "Bb"])
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        try:
            return theory.parse_key(value).name
        except ValueError:
            raise ValidationError("has to be a major or minor key such as C, F# minor or Bbm") from None


class GenreField(fields.Field[str]):
    """A genre's canonical name; aliases, case, blanks, - and _ do not matter on input."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("metadata", {}).update(type="string", examples=["trap", "lo-fi", "drum and bass"])
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        found = genres.find(value) if isinstance(value, str) else None
        if found is None:
            raise ValidationError(f"has to be one of {', '.join(genres.names())}")
        return found.name
