"""What is said of values that are refused: a sentence for each wrong field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import ValidationError

from dawg_server import errors

MAX_PROBLEMS = 50  # named in one refusal


class FieldError(Exception):
    """A value that was refused: paths inside of it ("" is the value itself) with a sentence for each."""

    def __init__(self, problems: str | Mapping[str, str]) -> None:
        self.problems = {"": problems} if isinstance(problems, str) else dict(problems)
        super().__init__(self.problems)

    @classmethod
    def of(cls, error: ValidationError) -> FieldError:
        return cls(dict(list(_flatten(error.messages))[:MAX_PROBLEMS]))

    def refusal(self) -> errors.ValidationError:
        """A sentence for each wrong field."""
        details = {path or "body": str(sentence) for path, sentence in self.problems.items()}
        path, sentence = next(iter(details.items()))
        return errors.ValidationError(f"{path} {sentence}.", details=details)


class ForeignId(str):
    """What is said of an id that its sender has made up itself, as `track-1732`: a word, a hyphen, and a number.

    `kind` is that of the thing (track, clip, audioFile), `value` what was sent.
    """

    __slots__ = ("kind", "value")
    kind: str
    value: str

    @classmethod
    def of(cls, kind: str, value: str, sentence: str) -> ForeignId:
        made = cls(sentence)
        made.kind, made.value = kind, value
        return made


def _flatten(messages: Any, path: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            part = "" if key in ("_schema", "value") else str(key)[:60]
            yield from _flatten(inner, f"{path}.{part}".strip(".") if part else path)
    elif isinstance(messages, list):
        if len(messages) == 1 and isinstance(messages[0], ForeignId):
            yield path, messages[0]
        else:
            yield path, "; ".join(str(message).rstrip(".") for message in messages)
    else:
        yield path, str(messages).rstrip(".")
