"""What the stems' first pass leaves for the next ones: blocks in memory as long as they are few, then in a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from dawg_server.music.sound.tone import Samples

IN_MEMORY_BYTES = 28 * 2**20  # about twenty seconds of four stereo stems


class Spool:
    """A context manager; float32 blocks of equal shape are recorded once and played as often as wanted."""

    def __init__(self, folder: Path, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._room = IN_MEMORY_BYTES
        self._kept: list[Samples] = []
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed with the spool

    def record(self, block: Samples) -> None:
        """The block is kept as it is: it must not be changed afterwards."""
        if self._room >= block.nbytes:
            self._room -= block.nbytes
            self._kept.append(block)
        else:
            self._room = 0
            self._file.write(block.data)

    def replace(self, index: int, block: Samples) -> None:
        """Puts another block in the place of one, also of the one that is being played."""
        if index < len(self._kept):
            self._kept[index] = block
        else:
            place = self._file.tell()
            self._file.seek((index - len(self._kept)) * block.nbytes)
            self._file.write(block.data)
            self._file.seek(place)

    def play(self) -> Iterator[Samples]:
        yield from self._kept
        self._file.seek(0)
        while data := self._file.read(4 * int(np.prod(self._shape))):
            yield np.frombuffer(data, np.float32).reshape(self._shape)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
