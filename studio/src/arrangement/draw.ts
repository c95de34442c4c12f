import type { Clip, Track } from "../project/entities";
import { clipsByTrack, loop, looping, markers, recordings, sections, tempoMap, tracks } from "../project/store";
import { notesOf } from "../sound/notes";
import { peaksOf } from "../sound/peaks";
import { selectedClips, selectedTrack, trackHeight, zoom } from "../view";
import { type Bounds, boundsOf, PLACES, RULER, toSeconds, toX, toY } from "./geometry";
import { colourOf, type Palette } from "./palette";

const MIN_BAR = 28; // pixels between two numbers of bars
const MIN_BEAT = 10; // pixels between two lines of the grid
const NAME = 16; // pixels

type Brush = CanvasRenderingContext2D;

/** The whole arrangement as it is now. `width` and `height` are CSS pixels. */
export const draw = (brush: Brush, width: number, height: number, palette: Palette): void => {
  brush.fillStyle = palette.ground;
  brush.fillRect(0, 0, width, height);
  rows(brush, width, height, palette);
  grid(brush, width, height, palette);
  const [from, to] = [toSeconds(0), toSeconds(width)];
  tracks.value.forEach((track, index) => {
    const y = toY(index);
    if (y > height || y + trackHeight.value < RULER) return;
    for (const clip of clipsByTrack.value.get(track.id) ?? []) {
      if (clip.startTime < to && clip.startTime + clip.duration > from) {
        drawClip(brush, clip, track, boundsOf(clip, index), width, palette);
      }
    }
  });
  ruler(brush, width, palette);
};

const rows = (brush: Brush, width: number, height: number, palette: Palette): void => {
  tracks.value.forEach((track, index) => {
    const y = toY(index);
    if (y > height || y + trackHeight.value < RULER) return;
    if (track.id === selectedTrack.value) {
      brush.fillStyle = palette.panel;
      brush.fillRect(0, y, width, trackHeight.value);
    }
    brush.fillStyle = palette.line;
    brush.fillRect(0, y + trackHeight.value - 1, width, 1);
  });
};

const grid = (brush: Brush, width: number, height: number, palette: Palette): void => {
  for (const { x, main } of lines(width)) {
    brush.fillStyle = main ? palette.line : palette.faint;
    brush.fillRect(Math.round(x), RULER, 1, height - RULER);
  }
};

/** Bars, and beats where there is room for them. */
function* lines(width: number): Generator<{ x: number; main: boolean; bar: number }> {
  const map = tempoMap.value;
  const [from, to] = [map.beat(Math.max(0, toSeconds(0))), map.beat(toSeconds(width))];
  const perBar = (map.seconds(map.beatOfBar(1)) - map.seconds(0)) * zoom.value;
  const every = Math.max(1, 2 ** Math.ceil(Math.log2(MIN_BAR / perBar)));
  for (const { bar, beat, length, unit } of map.bars(from, to)) {
    if (bar % every !== 0) continue;
    yield { x: toX(map.seconds(beat)), main: true, bar };
    if ((perBar * unit) / length < MIN_BEAT) continue;
    for (let each = unit; each < length - 1e-9; each += unit) {
      yield { x: toX(map.seconds(beat + each)), main: false, bar };
    }
  }
}

const ruler = (brush: Brush, width: number, palette: Palette): void => {
  brush.fillStyle = palette.panel;
  brush.fillRect(0, 0, width, RULER);
  const region = loop.value;
  if (region) {
    brush.fillStyle = looping.value ? palette.accent : palette.line;
    brush.fillRect(toX(region.from), PLACES, (region.to - region.from) * zoom.value, 4);
  }
  places(brush, palette);
  brush.fillStyle = palette.line;
  brush.fillRect(0, RULER - 1, width, 1);
  brush.font = palette.small;
  brush.textBaseline = "middle";
  for (const { x, main, bar } of lines(width)) {
    brush.fillStyle = main ? palette.quiet : palette.faint;
    brush.fillRect(Math.round(x), PLACES + (main ? 6 : 18), 1, main ? 16 : 4);
    if (main) brush.fillText(String(bar + 1), x + 4, PLACES + 13);
  }
  const step = [0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((each) => each * zoom.value > 64) ?? 1200;
  for (let at = Math.ceil(Math.max(0, toSeconds(0)) / step) * step; toX(at) < width; at += step) {
    brush.fillStyle = palette.faint;
    brush.fillRect(Math.round(toX(at)), RULER - 8, 1, 7);
    brush.fillStyle = palette.quiet;
    const text = step < 1 ? at.toFixed(1) : `${Math.floor(at / 60)}:${String(Math.round(at % 60)).padStart(2, "0")}`;
    brush.fillText(text, toX(at) + 4, RULER - 12);
  }
};

/** Sections as bands with their names, markers as flags. */
const places = (brush: Brush, palette: Palette): void => {
  const map = tempoMap.value;
  for (const { id, name, color, beat, length } of sections.value) {
    const [from, to] = [toX(map.seconds(beat)), toX(map.seconds(beat + length))];
    brush.fillStyle = colourOf(color, id);
    brush.globalAlpha = 0.35;
    brush.fillRect(from, 0, Math.max(1, to - from - 1), PLACES - 2);
    brush.globalAlpha = 1;
    written(brush, name, Math.max(0, from) + 6, to - 4, palette);
  }
  for (const { id, name, color, beat } of markers.value) {
    const x = toX(map.seconds(beat));
    brush.fillStyle = colourOf(color, id);
    brush.beginPath();
    brush.moveTo(x, 0);
    brush.lineTo(x + 8, 6);
    brush.lineTo(x, 12);
    brush.fill();
    brush.fillRect(x, 0, 1, RULER);
    written(brush, name, x + 12, x + 160, palette);
  }
};

const written = (brush: Brush, text: string, from: number, to: number, palette: Palette): void => {
  if (to - from < 12) return;
  brush.save();
  brush.beginPath();
  brush.rect(from, 0, to - from, PLACES);
  brush.clip();
  brush.fillStyle = palette.text;
  brush.fillText(text, from, PLACES / 2);
  brush.restore();
};

const drawClip = (brush: Brush, clip: Clip, track: Track, bounds: Bounds, width: number, palette: Palette): void => {
  const { x, y, width: wide, height } = bounds;
  const colour = colourOf(clip.color ?? track.color, track.id);
  const selected = selectedClips.value.has(clip.id);
  const from = Math.max(0, x);
  const to = Math.min(width, x + wide);
  brush.globalAlpha = track.isMuted ? 0.4 : 1;
  brush.fillStyle = colour;
  brush.globalAlpha *= 0.22;
  brush.fillRect(from, y, to - from, height);
  brush.globalAlpha = track.isMuted ? 0.4 : 1;
  const inside = { x, y: y + NAME, width: wide, height: height - NAME - 2 };
  if (clip.audioFileId) waveform(brush, clip, inside, from, to, colour);
  else notes(brush, clip, inside, colour);
  fades(brush, clip, bounds, palette);
  brush.fillStyle = colour;
  brush.fillRect(from, y, to - from, 2);
  if (wide > 24) {
    brush.save();
    brush.beginPath();
    brush.rect(from, y, to - from - 4, NAME + 2);
    brush.clip();
    brush.fillStyle = palette.text;
    brush.font = palette.small;
    brush.textBaseline = "middle";
    brush.fillText(clip.name ?? "", from + 6, y + 10);
    brush.restore();
  }
  brush.globalAlpha = 1;
  brush.strokeStyle = selected ? palette.accent : colour;
  brush.lineWidth = selected ? 2 : 1;
  brush.strokeRect(x + 0.5, y + 0.5, Math.max(1, wide - 1), height - 1);
};

const waveform = (brush: Brush, clip: Clip, bounds: Bounds, from: number, to: number, colour: string): void => {
  const length = recordings.value.get(clip.audioFileId ?? "")?.duration ?? clip.offset + clip.duration;
  const peaks = peaksOf(clip.audioFileId ?? "", length * zoom.value);
  if (!peaks) return;
  const middle = bounds.y + bounds.height / 2;
  const half = (bounds.height / 2) * Math.min(2, 10 ** (clip.gain / 20));
  const perPixel = peaks.count / length / zoom.value;
  const first = (clip.offset / length) * peaks.count;
  brush.fillStyle = colour;
  brush.beginPath();
  for (let x = Math.floor(from); x < to; x++) {
    const start = first + (x - bounds.x) * perPixel;
    const [begin, end] = [Math.max(0, Math.floor(start)), Math.min(peaks.count, Math.ceil(start + perPixel))];
    let [low, high] = [0, 0];
    for (let each = begin; each < end; each++) {
      low = Math.min(low, peaks.low[each] ?? 0);
      high = Math.max(high, peaks.high[each] ?? 0);
    }
    const above = Math.min(bounds.height / 2, high * half);
    const below = Math.min(bounds.height / 2, -low * half);
    brush.rect(x, middle - above, 1, Math.max(1, above + below));
  }
  brush.fill();
};

const notes = (brush: Brush, clip: Clip, bounds: Bounds, colour: string): void => {
  const written = notesOf(clip);
  if (written.length === 0) return;
  const map = tempoMap.value;
  const origin = map.beat(clip.startTime) - clip.offsetBeats;
  const low = Math.min(...written.map(({ pitch }) => pitch)) - 1;
  const high = Math.max(...written.map(({ pitch }) => pitch)) + 2;
  const row = bounds.height / Math.max(12, high - low);
  brush.save();
  brush.beginPath();
  brush.rect(bounds.x, bounds.y, bounds.width, bounds.height);
  brush.clip();
  brush.fillStyle = colour;
  for (const { pitch, start, duration } of written) {
    const x = toX(map.seconds(Math.max(0, origin + start)));
    const wide = toX(map.seconds(Math.max(0, origin + start + duration))) - x;
    brush.fillRect(x, bounds.y + bounds.height - (pitch - low) * row, Math.max(1, wide - 1), Math.max(1.5, row - 0.5));
  }
  brush.restore();
};

const fades = (brush: Brush, clip: Clip, { x, y, width, height }: Bounds, palette: Palette): void => {
  brush.fillStyle = palette.shade;
  for (const [length, outer, direction] of [
    [clip.fadeIn, x, 1],
    [clip.fadeOut, x + width, -1],
  ] as const) {
    if (length <= 0) continue;
    brush.beginPath();
    brush.moveTo(outer, y + height);
    brush.lineTo(outer, y);
    brush.lineTo(outer + direction * length * zoom.value, y);
    brush.fill();
  }
};
