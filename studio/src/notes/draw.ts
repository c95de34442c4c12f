import { colourOf, type Palette } from "../arrangement/palette";
import { project, tempoMap } from "../project/store";
import { cursor } from "./cursor";
import {
  beatWidth,
  KEYS,
  leftBeat,
  pitchesInSight,
  RULER,
  rowHeight,
  size,
  toBeat,
  topRow,
  toX,
  toY,
  VELOCITIES,
} from "./geometry";
import { band } from "./gestures";
import { DRUMS, isBlack, pitchName, scaleOf } from "./scale";
import { grid, isDrums, newLength, notes, openClip, openTrack, pitches, selectedNotes } from "./store";

type Brush = CanvasRenderingContext2D;
const MIN_LINE = 6; // pixels between two lines of the grid

/** The piano roll as it is now: rows of the scale, the grid, notes, velocities and the keys. */
export const draw = (brush: Brush, width: number, height: number, palette: Palette): void => {
  const bottom = height - VELOCITIES;
  brush.fillStyle = palette.ground;
  brush.fillRect(0, 0, width, height);
  brush.save();
  brush.beginPath();
  brush.rect(KEYS, RULER, width - KEYS, bottom - RULER);
  brush.clip();
  rows(brush, width, bottom, palette);
  brush.restore();
  lines(brush, width, height, palette);
  brush.save();
  brush.beginPath();
  brush.rect(KEYS, RULER, width - KEYS, height - RULER);
  brush.clip();
  written(brush, bottom, height, palette);
  selecting(brush, palette);
  pointed(brush, palette);
  brush.restore();
  keys(brush, bottom, palette);
};

const rows = (brush: Brush, width: number, bottom: number, palette: Palette): void => {
  const scale = scaleOf(project.value?.key);
  for (const [index, pitch] of pitchesInSight().entries()) {
    const y = toY(pitch);
    if (y > bottom) return;
    if (isDrums.value ? (Math.floor(topRow.value) + index) % 2 === 0 : scale.has(pitch % 12)) {
      brush.fillStyle = palette.panel;
      brush.fillRect(KEYS, y, width - KEYS, rowHeight.value);
    }
    brush.fillStyle = pitch % 12 === 0 ? palette.line : palette.faint;
    brush.fillRect(KEYS, y + rowHeight.value - 1, width - KEYS, 1);
  }
};

const lines = (brush: Brush, width: number, height: number, palette: Palette): void => {
  const clip = openClip.value;
  if (!clip) return;
  const { length } = tempoMap.value.metre(clip.startBeat);
  const step = [grid.value || 1, 0.25, 0.5, 1, length].find((each) => each * beatWidth.value >= MIN_LINE) ?? length;
  brush.font = palette.small;
  brush.textBaseline = "middle";
  brush.fillStyle = palette.panel;
  brush.fillRect(KEYS, 0, width - KEYS, RULER);
  for (let beat = Math.ceil(Math.max(0, toBeat(KEYS)) / step) * step; toX(beat) < width; beat += step) {
    const main = Math.abs(beat / length - Math.round(beat / length)) < 1e-6;
    brush.fillStyle = main ? palette.line : palette.faint;
    brush.fillRect(Math.round(toX(beat)), main ? 0 : RULER, 1, height);
    if (!main) continue;
    brush.fillStyle = palette.quiet;
    brush.fillText(String(Math.round(beat / length) + 1), toX(beat) + 4, RULER / 2);
  }
  brush.fillStyle = palette.shade; // what lies outside of the clip is not heard
  const [from, to] = [toX(clip.offsetBeats), toX(clip.offsetBeats + clip.lengthBeats)];
  if (from > KEYS) brush.fillRect(KEYS, RULER, from - KEYS, height);
  if (to < width) brush.fillRect(Math.max(KEYS, to), RULER, width, height);
};

const written = (brush: Brush, bottom: number, height: number, palette: Palette): void => {
  const track = openTrack.value;
  const colour = colourOf(openClip.value?.color ?? track?.color, track?.id ?? "");
  brush.fillStyle = palette.panel;
  brush.fillRect(KEYS, bottom, brush.canvas.width, VELOCITIES);
  brush.fillStyle = palette.line;
  brush.fillRect(KEYS, bottom, brush.canvas.width, 1);
  const places = new Map(pitchesInSight().map((pitch) => [pitch, toY(pitch)]));
  notes.value.forEach(({ pitch, start, duration, velocity }, index) => {
    const [x, y] = [toX(start), places.get(pitch) ?? bottom];
    if (x > size.value.width || toX(start + duration) < KEYS) return;
    const chosen = selectedNotes.value.has(index);
    if (y < bottom - 2) {
      brush.globalAlpha = 0.35 + (0.65 * velocity) / 127;
      brush.fillStyle = chosen ? palette.accent : colour;
      const tall = Math.min(rowHeight.value - 2, bottom - y);
      brush.fillRect(x, y + 1, Math.max(3, duration * beatWidth.value - 1), tall);
      brush.globalAlpha = 1;
    }
    const tall = ((VELOCITIES - 8) * velocity) / 127;
    brush.fillStyle = chosen ? palette.accent : colour;
    brush.fillRect(x, height - tall, 2, tall);
    brush.fillRect(x - 1, height - tall, 5, 3);
  });
};

const keys = (brush: Brush, bottom: number, palette: Palette): void => {
  brush.fillStyle = palette.panel;
  brush.fillRect(0, 0, KEYS, brush.canvas.height);
  brush.font = palette.small;
  for (const pitch of pitchesInSight()) {
    const y = toY(pitch);
    brush.fillStyle = isBlack(pitch) && !isDrums.value ? palette.ground : palette.faint;
    brush.fillRect(0, y, KEYS - 1, rowHeight.value - 1);
    const name = isDrums.value ? (DRUMS[pitch] ?? pitchName(pitch)) : pitch % 12 === 0 ? pitchName(pitch) : undefined;
    if (!name) continue;
    brush.fillStyle = palette.quiet;
    brush.fillText(name, 4, y + rowHeight.value / 2, KEYS - 8);
  }
  brush.fillStyle = palette.panel;
  brush.fillRect(0, bottom, KEYS, VELOCITIES);
  brush.fillRect(0, 0, KEYS, RULER);
  brush.fillStyle = palette.quiet;
  brush.fillText("velocity", 4, bottom + VELOCITIES / 2);
  brush.fillStyle = palette.line;
  brush.fillRect(KEYS - 1, 0, 1, brush.canvas.height);
};

const selecting = (brush: Brush, palette: Palette): void => {
  const shown = band.value;
  if (!shown) return;
  const [x, y] = [toX(shown.from), toY(shown.high)];
  const [wide, high] = [toX(shown.to) - x, toY(shown.low) + rowHeight.value - y];
  brush.fillStyle = brush.strokeStyle = palette.accent;
  brush.globalAlpha = 0.12;
  brush.fillRect(x, y, wide, high);
  brush.globalAlpha = 1;
  brush.lineWidth = 1;
  brush.strokeRect(x + 0.5, y + 0.5, wide, high);
};

/** Where a note comes that is written by keys. */
const pointed = (brush: Brush, palette: Palette): void => {
  const at = cursor.value;
  if (!at) return;
  brush.strokeStyle = palette.accent;
  brush.lineWidth = 2;
  const wide = Math.max(6, (isDrums.value ? grid.value || 0.25 : newLength.value) * beatWidth.value - 1);
  brush.strokeRect(toX(at.beat), toY(at.pitch) + 1, wide, rowHeight.value - 3);
};

/** Scrolls so that the notes are in sight. */
export const bringIntoSight = (): void => {
  const clip = openClip.peek();
  leftBeat.value = Math.max(0, clip?.offsetBeats ?? 0);
  const list = pitches.peek();
  const rowsInSight = Math.max(1, Math.floor((size.peek().height - RULER - VELOCITIES) / rowHeight.peek()));
  const played = notes.peek().map(({ pitch }) => list.indexOf(pitch));
  const usual = list.indexOf(isDrums.peek() ? 40 : 60);
  const middle = played.length ? (Math.min(...played) + Math.max(...played)) / 2 : usual;
  topRow.value = Math.min(Math.max(0, list.length - rowsInSight), Math.max(0, Math.round(middle - rowsInSight / 2)));
};
