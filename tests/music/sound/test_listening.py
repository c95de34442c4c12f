"""What a stranger would hear: the tempo and the key of the score stand out of the mix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dawg_server.music import sound
from tests.music.songs import Songs
from tests.music.sound import pieces
from tests.sampling import sample

NATURAL = (9, 11, 0, 2, 4, 5, 7)  # A minor


@pytest.mark.parametrize("genre", sample(pieces.LISTENED_TO, "lo-fi", "techno"))
def test_tempo_and_key_can_be_heard_from_the_mix(genre: str, songs: Songs) -> None:
    done = songs.rendered(pieces.heard(genre), "wav", "mp3")
    mix = pieces.read(done.mix["wav"])
    assert pieces.tempo(mix) == pytest.approx(113, rel=0.02)
    assert int(pieces.scale_share(mix, NATURAL).argmax()) == 0


def test_a_mix_is_stereo_but_survives_mono(tmp_path: Path) -> None:
    mix = pieces.read(sound.render(pieces.piece("edm", chords="supersaw"), tmp_path, formats=("wav",)).mix["wav"])
    correlation = np.corrcoef(mix[:, 0], mix[:, 1])[0, 1]
    assert 0.4 < correlation < 0.98


def test_the_crest_is_that_of_a_living_mix(songs: Songs) -> None:
    mix = pieces.read(songs.rendered(pieces.heard("hip hop"), "wav", "mp3").mix["wav"])
    loud = mix[44_100 : 5 * 44_100]
    assert 8 < 20 * np.log10(np.abs(loud).max() / np.sqrt((loud**2).mean())) < 15
