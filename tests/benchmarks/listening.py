"""A page of players and spectrograms: every genre in five minutes.

    .venv/bin/python -m tests.benchmarks.listening [FOLDER] [--seconds 20] [--seed 1] [GENRE ...]

Writes `index.html` beside the beats, as Opus and as MIDI, and says where. Times are processor seconds of this machine.
"""

from __future__ import annotations

import argparse
import html
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import soundfile

from dawg_server.audio import conversion
from dawg_server.music import compose, genres, midi, score, sound
from dawg_server.music.recorded import bank

SIZE = 1024  # of a spectrum
COLUMNS, ROWS = 900, 200
LOWEST, FLOOR_DB = 40.0, -75.0  # Hz; dB
COLOURS = np.array([(8, 8, 24), (68, 24, 110), (190, 55, 80), (250, 150, 40), (255, 250, 200)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("listening"))
    parser.add_argument("genres", nargs="*", default=[])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_intermixed_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    names = given.genres or list(genres.names())
    sections = [_genre(name, given.folder, given.seconds, given.seed) for name in names]
    page = given.folder / "index.html"
    sounds = "recorded" if bank.current() else "synthesised"
    page.write_text(_PAGE.format(seconds=given.seconds, seed=given.seed, sounds=sounds, body="\n".join(sections)))
    print(page.resolve().as_uri())


def _genre(name: str, folder: Path, seconds: float, seed: int) -> str:
    genre = genres.find(name)
    assert genre is not None
    place = folder / name.replace(" ", "-").replace("&", "n")
    clock = time.process_time()
    written = compose.compose(
        genre=name, bpm=genre.default_bpm, key="A minor", mood=genre.moods[0], duration=seconds, seed=seed
    )
    done = sound.render(written, place, formats=("flac",), stem_format="flac")
    took = time.process_time() - clock
    midi.write_midi(written, place / "score.mid")
    for file in (done.mix["flac"], *done.stems.values()):
        conversion.convert(str(file), str(file.with_suffix(".opus")), "opus")
    samples, rate = soundfile.read(done.mix["flac"], dtype="float32")
    (place / "mix.png").write_bytes(picture(samples.mean(axis=1), rate))
    for file in (done.mix["flac"], *done.stems.values()):
        file.unlink()
    facts = f"{written.bpm:g} bpm, {written.key}, {done.lufs:.1f} LUFS, {done.true_peak:.1f} dBTP, {took:.2f} s"
    stems = "".join(f"<label>{stem} {_player(place / f'{stem}.opus', folder)}</label>" for stem in done.stems)
    return _SECTION.format(
        name=html.escape(name),
        facts=facts,
        parts=html.escape(_parts(written)),
        mix=_player(place / "mix.opus", folder),
        image=(place / "mix.png").relative_to(folder),
        midi=(place / "score.mid").relative_to(folder),
        stems=stems,
    )


def _parts(written: score.Score) -> str:
    return ", ".join(f"{part.instrument} ({part.stem})" for part in written.parts)


def _player(file: Path, folder: Path) -> str:
    return f'<audio controls preload="none" src="{file.relative_to(folder)}"></audio>'


def picture(samples: np.ndarray, rate: int) -> bytes:
    """A spectrogram as PNG: time to the right, frequency upwards in octaves."""
    hop = max(1, (len(samples) - SIZE) // COLUMNS)
    frames = np.lib.stride_tricks.sliding_window_view(samples, SIZE)[::hop][:COLUMNS] * np.hanning(SIZE)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1)))
    wanted = np.geomspace(rate / 2.2, LOWEST, ROWS) * SIZE / rate
    rows = np.stack([np.interp(wanted, np.arange(power.shape[1]), column) for column in power], axis=1)
    level = 10 * np.log10(rows / max(rows.max(), 1e-12) + 1e-12)
    shade = np.clip(1 - level / FLOOR_DB, 0.0, 1.0) * (len(COLOURS) - 1)
    pixels = np.stack([np.interp(shade, np.arange(len(COLOURS)), COLOURS[:, c]) for c in range(3)], axis=-1)
    return png(pixels.astype(np.uint8))


def png(pixels: np.ndarray) -> bytes:
    """`pixels`: uint8 (rows, columns, 3)."""
    rows, columns, _ = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    body = b"".join(b"\0" + row.tobytes() for row in pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Every genre</title>
<style>
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }}
img {{ display: block; height: 12rem; width: 100%; }}
audio {{ vertical-align: middle; width: 100%; }}
details label {{ display: block; }}
</style>
<h1>Every genre</h1>
<p>{seconds:g} seconds each, seed {seed}, {sounds} sounds.</p>
{body}
"""
_SECTION = """<section>
<h2>{name}</h2>
<p>{facts}. <a href="{midi}">MIDI</a></p>
{mix}
<img src="{image}" alt="Spectrogram of {name}">
<p>{parts}</p>
<details><summary>Stems</summary>{stems}</details>
</section>"""


if __name__ == "__main__":
    main()
