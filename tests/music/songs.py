"""What many tests only look at, made once in a run for all of its processes: rendered pieces, measurements."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import pytest

if TYPE_CHECKING:  # a test process that renders nothing imports nothing of it
    from dawg_server.music.score import Score
    from dawg_server.music.sound import Rendered

Made = TypeVar("Made")


class Songs:
    """Whoever asks first makes it; nobody may change a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def once(self, what: str, make: Callable[[Path], Made]) -> Made:
        """What `make` returns, which has to be picklable. It gets a folder that stays until the run ends."""
        name = hashlib.sha256(what.encode()).hexdigest()[:24]
        done = self._folder / f"{name}.done"
        with (self._folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                folder = self._folder / name
                folder.mkdir(exist_ok=True)
                made = pickle.dumps(make(folder))
                done.write_bytes(made)
            found: Made = pickle.loads(done.read_bytes())
        return found

    def rendered(self, score: Score, *formats: Literal["wav", "flac", "mp3"], keep_premaster: bool = False) -> Rendered:
        """The files of a score, "wav" if nothing else is asked for."""
        from dawg_server.music import sound

        wanted = formats or ("wav",)

        def make(folder: Path) -> Rendered:
            return sound.render(score, folder, formats=wanted, keep_premaster=keep_premaster)

        return self.once(repr((score, wanted, keep_premaster)), make)

    def composed(self, genre: str, bpm: float, seconds: float, *, mood: str = "dark") -> Rendered:
        """A piece in A minor."""
        from dawg_server.music import compose

        return self.rendered(compose.compose(genre=genre, bpm=bpm, key="Am", mood=mood, duration=seconds, seed=5))


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Songs:
    base = tmp_path_factory.getbasetemp()
    return Songs((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "songs")
