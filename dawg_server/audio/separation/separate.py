"""Takes a mix apart into drums, bass, vocals and other, which add up to the mix again to the sample."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from dawg_server.audio import arrays, codecs, encoder, recording_meter
from dawg_server.audio.separation import masks, spectra

STEMS = ("drums", "bass", "vocals", "other")
OVERLAPS = {"fast": 2, "balanced": 4, "high-quality": 8}  # windows over each sample
METHOD = (
    "Spectral masks without a trained model: median filtering for drums, low sustained tones for bass, what lies in "
    "the middle for vocals, the rest as other."
)
QUALITY_NOTE = (
    "Expect parts of one stem to be faintly heard in another. Drums and bass come out clearly; vocals only as far as "
    "they are mixed to the middle."
)
_CHUNK = 64  # frames whose masks are made at once
_NARROW = 1e-3  # power of the sides over that of the middle, from which on a recording counts as stereo

Report = Callable[[float], None]


def separate(
    source: str,
    folder: str,
    stems: Sequence[str] = STEMS,
    *,
    quality: str = "balanced",
    format: encoder.WriteFormat = "wav",
    report: Report = lambda fraction: None,
) -> dict[str, Any]:
    """Writes `<stem>.<format>` for each of `stems` into `folder`, as long as the source and with its channels (two at
    most). Returns `stems` (name: path and facts), `method`, `note`, and whether the recording is `stereo`.
    """
    info = codecs.probe(source, max_seconds=None)
    channels = min(2, info.channels)
    rate = encoder.writable_rate(format, info.rate)
    paths = {name: str(pathlib.Path(folder) / f"{name}.{format}") for name in stems}
    wide = channels == 2 and _is_wide(source)
    with contextlib.ExitStack() as open_files:
        writers = {
            name: open_files.enter_context(codecs.Writer(path, format, rate, channels)) for name, path in paths.items()
        }
        frames = 0
        for parts in _parts(source, rate, channels, OVERLAPS[quality], wide):
            for name, writer in writers.items():
                writer.write(parts[name])
            frames += len(parts["other"])
            report(min(0.95, frames / rate / info.duration))
    made = {
        name: {"path": path, "facts": recording_meter.of_file(path).facts(24 if format in encoder.BIT_DEPTHS else None)}
        for name, path in paths.items()
    }
    report(1.0)
    return {"stems": made, "method": METHOD, "note": QUALITY_NOTE, "stereo": wide}


def _parts(source: str, rate: int, channels: int, overlap: int, wide: bool) -> Iterator[dict[str, arrays.Samples]]:
    """All four parts, block by block; `other` is what the three leave of the source."""
    size = spectra.window_size(rate)
    transform = spectra.Transform(size, size // overlap, channels)
    maker = masks.Masks(rate, size, transform.hop, wide)
    outputs = {name: transform.backward() for name in STEMS[:3]}
    waiting: list[arrays.Samples] = []  # of the source, not given out yet

    def remembered() -> Iterator[arrays.Samples]:
        for block in _blocks(source, rate, channels):
            waiting.append(block)
            yield block

    for chunk, heights in _with_context(transform.forward(remembered()), maker.reach):
        found = maker.of(chunk, heights)
        parts = {name: output.add(chunk * found[name]) for name, output in outputs.items()}
        original = _take(waiting, len(parts["drums"]))
        parts = {name: part[: len(original)] for name, part in parts.items()}
        yield {**parts, "other": original - sum(parts.values(), np.zeros_like(original))}


def _with_context(chunks: Iterator[spectra.Spectra], reach: int) -> Iterator[tuple[spectra.Spectra, masks.Mask]]:
    """Chunks of at most `_CHUNK` frames, and the heights from `reach` frames before to `reach` after each; what is
    beyond the ends is mirrored."""
    kept: spectra.Spectra | None = None
    heights: masks.Mask | None = None
    for fresh in chunks:
        kept = fresh if kept is None else np.concatenate((kept, fresh), axis=1)
        known = masks.heights(fresh)
        heights = known if heights is None else np.concatenate((heights, known))
        if heights.shape[0] == kept.shape[1]:  # the beginning
            if len(heights) <= reach + _CHUNK:
                continue
            heights = np.pad(heights, ((reach, 0), (0, 0)), mode="reflect")
        while heights.shape[0] >= _CHUNK + 2 * reach:
            yield kept[:, :_CHUNK], heights[: _CHUNK + 2 * reach]
            kept, heights = kept[:, _CHUNK:], heights[_CHUNK:]
    if kept is None or heights is None:
        return
    before = reach if heights.shape[0] == kept.shape[1] else 0
    heights = np.pad(heights, ((before, reach), (0, 0)), mode="symmetric")
    for start in range(0, kept.shape[1], _CHUNK):
        part = kept[:, start : start + _CHUNK]
        yield part, heights[start : start + part.shape[1] + 2 * reach]


def _take(waiting: list[arrays.Samples], count: int) -> arrays.Samples:
    joined = np.concatenate(waiting)
    waiting[:] = [joined[count:]]
    return joined[:count]


def _is_wide(source: str) -> bool:
    middle = side = 0.0
    for block in codecs.read_blocks(source, max_seconds=None):
        middle += float(np.square(block[:, 0] + block[:, 1]).sum(dtype=np.float64))
        side += float(np.square(block[:, 0] - block[:, 1]).sum(dtype=np.float64))
    return side > middle * _NARROW


def _blocks(source: str, rate: int, channels: int) -> Iterator[arrays.Samples]:
    for block in codecs.read_blocks(source, rate=rate, max_seconds=None):
        yield np.ascontiguousarray(block[:, :channels])
