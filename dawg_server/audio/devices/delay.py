"""The delay."""

from __future__ import annotations

import numpy as np

from dawg_server.audio import arrays, filters
from dawg_server.audio.devices.base import Device, Line, Setup, Values, mixed, read, scaled
from dawg_server.audio.devices.catalogue import NOTE_LENGTHS

LONGEST = 8.0  # seconds; a longer note at a slow tempo repeats after so many
SHORTEST = 0.01  # seconds


class Delay(Device):
    """A delay line with feedback, per side; d seconds is `time`, or the length of the note `sync` in beats times the
    seconds of a beat at that moment, and between 10 ms and 8 s.

        wet[t] = HP(LP(line[t - d])),  line[t] = in[t] + feedback wet[t]

    LP and HP are a lowpass at `highCut` and a highpass at `lowCut`, q 0.7071 each (BiquadFilterNode with Q -3.01 dB),
    so the first repeat is filtered once, the second one twice. Between samples the line is read in straight lines, as a
    DelayNode is. With `pingPong`, the left line gets `(l + r) / 2 + feedback` times the right wet, and the right one
    the left wet: repeats alternate, left first, and lose `feedback` with every second one. `mix` blends: `in (1 - mix)
    + wet mix`.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._beats = NOTE_LENGTHS.get(setup.parameters["sync"])
        self._line = Line(round(LONGEST * setup.rate) if self._beats or "time" in setup.moved else self._fixed())
        low, high = setup.parameters["lowCut"], setup.parameters["highCut"]
        self._tone = filters.Cascade(
            [
                filters.design("low pass", setup.rate, high, 0, filters.BUTTERWORTH_Q),
                filters.high_pass(setup.rate, low),
            ],
            2,
        )
        self._position = 0

    def _fixed(self) -> int:
        return int(np.ceil(max(self.setup.parameters["time"] / 1000, SHORTEST) * self.rate))

    def process(self, block: arrays.Samples, values: Values, side: arrays.Samples | None = None) -> arrays.Samples:
        frames = len(block)
        late = self._distances(frames, values)
        shortest = late.min() if isinstance(late, np.ndarray) else late
        line, begin = self._line.open(frames), self._line.begin
        wet = np.empty_like(block)
        feedback = values["feedback"]
        count = max(1, int(shortest))
        middle = (block[:, 0] + block[:, 1]) * np.float32(0.5) if values["pingPong"] else None
        for first in range(0, frames, count):
            part = slice(first, min(first + count, frames))
            length = part.stop - first
            if isinstance(late, np.ndarray):
                positions = np.arange(begin + first, begin + part.stop) - late[part]
                heard = read(line, positions, length)
            else:
                heard = read(line, begin + first - late, length)
            wet[part] = heard = self._tone.process(heard)
            again = feedback[part] if isinstance(feedback, np.ndarray) else feedback
            into = line[begin + first : begin + part.stop]
            if middle is None:
                into[:] = block[part] + scaled(heard, again)
            else:
                into[:, 0] = middle[part] + heard[:, 1] * np.asarray(again, np.float32)
                into[:, 1] = heard[:, 0]
        return mixed(block, wet, values["mix"])

    def _distances(self, frames: int, values: Values) -> float | arrays.Doubles:
        """Frames back, for each frame or for all."""
        start, self._position = self._position, self._position + frames
        if self._beats is None:
            seconds = np.asarray(values["time"]) / 1000
        else:
            beats = self.setup.beat_seconds(np.arange(start, start + frames) / self.rate)
            seconds = self._beats * (beats[:1].mean() if np.ptp(beats) == 0 else beats)
        late = np.clip(seconds, SHORTEST, LONGEST) * self.rate
        return late if late.ndim else float(late)
