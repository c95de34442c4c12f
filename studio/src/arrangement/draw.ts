import { loop, looping, tempoMap } from "../project/store";
import { selectedTrack, zoom } from "../view";
import { drawClip } from "./clip-drawing";
import { RULER, toSeconds, toX } from "./geometry";
import { band } from "./gestures";
import { boundsOf } from "./hit";
import { drawLane } from "./lane-drawing";
import { clipsWithin, LANE, rowsInSight, yOf } from "./layout";
import type { Palette } from "./palette";
import { drawRuler } from "./ruler-drawing";
import { drawTakes } from "./takes";

const MIN_BAR = 28; // pixels between two numbers of bars
const MIN_BEAT = 10; // pixels between two lines of the grid
const FINEST = 1 / 8; // beats between two of them

type Brush = CanvasRenderingContext2D;

/** The whole arrangement as it is now. `width` and `height` are CSS pixels. */
export const draw = (brush: Brush, width: number, height: number, palette: Palette): void => {
  brush.fillStyle = palette.ground;
  brush.fillRect(0, 0, width, height);
  const [from, to] = [toSeconds(0), toSeconds(width)];
  const bars = [...lines(width)];
  const rows = rowsInSight();
  for (const row of rows) {
    if (row.track.id !== selectedTrack.value) continue;
    brush.fillStyle = palette.panel;
    brush.fillRect(0, yOf(row), width, row.height);
  }
  for (const { x, main } of bars) {
    brush.fillStyle = main ? palette.line : palette.faint;
    brush.fillRect(Math.round(x), RULER, 1, height - RULER);
  }
  looped(brush, height, palette);
  for (const row of rows) {
    brush.fillStyle = palette.line;
    brush.fillRect(0, yOf(row) + row.height - 1, width, 1);
    for (const clip of clipsWithin(row.track.id, from, to)) {
      drawClip(brush, clip, row.track, boundsOf(clip, row), width, palette);
    }
    for (const lane of row.lanes) {
      if (yOf(lane) > height || yOf(lane) + LANE < RULER) continue;
      if (lane.take === undefined) drawLane(brush, lane, width, palette);
      else drawTakes(brush, lane, width, palette);
    }
  }
  selecting(brush, palette);
  drawRuler(brush, width, bars, palette);
};

/** Bars, and beats and parts of them where there is room. */
function* lines(width: number): Generator<{ x: number; main: boolean; bar: number }> {
  const map = tempoMap.value;
  const [from, to] = [map.beat(Math.max(0, toSeconds(0))), map.beat(toSeconds(width))];
  const { beat: first, length: perBar } = map.metre(from);
  const wide = (map.seconds(first + perBar) - map.seconds(first)) * zoom.value;
  const every = Math.max(1, 2 ** Math.ceil(Math.log2(MIN_BAR / wide)));
  for (const { bar, beat, length, unit } of map.bars(from, to)) {
    if (bar % every !== 0) continue;
    const x = toX(map.seconds(beat));
    yield { x, main: true, bar };
    const perBeat = (toX(map.seconds(beat + length)) - x) / length;
    if (perBeat * unit < MIN_BEAT) continue;
    let step = unit;
    while (perBeat * step > 6 * MIN_BEAT && step > FINEST) step /= 2;
    for (let each = step; each < length - 1e-9; each += step) {
      yield { x: toX(map.seconds(beat + each)), main: false, bar };
    }
  }
}

/** A veil over the region that is played again and again. */
const looped = (brush: Brush, height: number, palette: Palette): void => {
  const region = loop.value;
  if (!region || !looping.value) return;
  brush.globalAlpha = 0.06;
  brush.fillStyle = palette.accent;
  brush.fillRect(toX(region.from), RULER, (region.to - region.from) * zoom.value, height - RULER);
  brush.globalAlpha = 1;
};

const selecting = (brush: Brush, palette: Palette): void => {
  const shown = band.value;
  if (!shown) return;
  const [x, wide] = [toX(shown.from), (shown.to - shown.from) * zoom.value];
  const [y, high] = [yOf({ top: shown.upper }), shown.lower - shown.upper];
  brush.fillStyle = palette.accent;
  brush.globalAlpha = 0.12;
  brush.fillRect(x, y, wide, high);
  brush.globalAlpha = 1;
  brush.strokeStyle = palette.accent;
  brush.lineWidth = 1;
  brush.strokeRect(x + 0.5, y + 0.5, wide, high);
};
