import { heldByOthers } from "../people/presence";
import type { Clip, Track } from "../project/entities";
import { recordings, tempoMap } from "../project/store";
import { notesOf } from "../sound/notes";
import { type Peaks, peaksCount, peaksOf } from "../sound/peaks";
import type { TempoMap } from "../time/tempo-map";
import { selectedClips, zoom } from "../view";
import type { Bounds } from "./hit";
import { colourOf, type Palette } from "./palette";
import { drawTiles, tileZoom } from "./tiles";

const NAME = 16; // pixels
const READABLE = 24; // pixels of a clip that has a name in it

type Brush = CanvasRenderingContext2D;

/** Clips lie side by side on their track, the later ones above the earlier. */
export const drawClip = (
  brush: Brush,
  clip: Clip,
  track: Track,
  bounds: Bounds,
  width: number,
  palette: Palette,
): void => {
  const { x, y, width: wide, height } = bounds;
  const colour = colourOf(clip.color ?? track.color, track.id);
  const selected = selectedClips.value.has(clip.id);
  const [from, to] = [Math.max(0, x), Math.min(width, x + wide)];
  const strength = track.isMuted ? 0.4 : 1;
  brush.globalAlpha = 0.22 * strength;
  brush.fillStyle = colour;
  brush.fillRect(from, y, to - from, height);
  brush.globalAlpha = strength;
  const inside = { x, y: y + NAME, duration: clip.duration, height: Math.max(8, height - NAME - 2) };
  if (wide >= 6) {
    const sight = { from, to, zoom: zoom.value };
    if (clip.audioFileId) waveform(brush, clip, inside, sight, colour);
    else notes(brush, clip, inside, sight, colour);
  }
  if (clip.fadeIn > 0 || clip.fadeOut > 0) fades(brush, clip, bounds, palette);
  brush.fillStyle = colour;
  brush.fillRect(from, y, to - from, 2);
  if (wide > READABLE) {
    brush.fillStyle = palette.text;
    brush.font = palette.small;
    brush.textBaseline = "middle";
    const gain = clip.gain ? `  ${clip.gain > 0 ? "+" : ""}${clip.gain} dB` : "";
    brush.fillText(fitted(brush, `${clip.name ?? ""}${gain}`, to - from - 10), from + 6, y + 10);
  }
  brush.globalAlpha = 1;
  // What somebody else has selected has the colour of their pointer.
  const other = heldByOthers.value.get(clip.id);
  brush.strokeStyle = selected ? palette.accent : other ? colourOf(null, other) : colour;
  brush.lineWidth = selected || other ? 2 : 1;
  brush.strokeRect(x + 0.5, y + 0.5, Math.max(1, wide - 1), height - 1);
};

const widths = new Map<string, number>(); // of letters' runs, in pixels
const MEASURED = 5000;

/** As much of a text as there is room for, without a clipping path for each clip. */
export const fitted = (brush: Brush, text: string, room: number): string => {
  const key = brush.font + text;
  let wide = widths.get(key);
  if (wide === undefined) {
    if (widths.size > MEASURED) widths.clear();
    wide = brush.measureText(text).width;
    widths.set(key, wide);
  }
  if (wide <= room) return text;
  const letters = Math.floor((text.length * room) / wide) - 1;
  return letters > 0 ? `${text.slice(0, letters)}…` : "";
};

type Sight = Parameters<typeof drawTiles>[3];
type Inside = Parameters<typeof drawTiles>[2];

/** What of a recording is heard in a clip, or would be. */
export type Heard = Pick<Clip, "audioFileId" | "offset" | "duration" | "gain">;

export const waveform = (brush: Brush, clip: Heard, inside: Inside, sight: Sight, colour: string): void => {
  const id = clip.audioFileId ?? "";
  const length = recordings.value.get(id)?.duration ?? clip.offset + clip.duration;
  peaksCount.value; // draws again when another outline has come
  const peaks = peaksOf(id, length * tileZoom(sight.zoom));
  if (!peaks) return;
  const what = `${id}|${peaks.count}|${clip.offset.toFixed(4)}|${clip.gain}|${colour}`;
  drawTiles(brush, what, inside, sight, (onto, from, to, perSecond, height) => {
    onto.fillStyle = colour;
    outline(onto, peaks, clip, length, { from, to, perSecond, height });
  });
};

interface Stretch {
  from: number;
  to: number;
  perSecond: number;
  height: number;
}

/** One bar a pixel, from the lowest sample of it to the highest. */
const outline = (
  brush: OffscreenCanvasRenderingContext2D,
  peaks: Peaks,
  clip: Heard,
  length: number,
  { from, to, perSecond, height }: Stretch,
): void => {
  const half = (height / 2) * Math.min(4, 10 ** (clip.gain / 20));
  const perPixel = peaks.count / length / perSecond;
  const first = (clip.offset / length) * peaks.count;
  for (let x = Math.floor(from); x < to; x++) {
    const start = first + x * perPixel;
    const [begin, end] = [Math.max(0, Math.floor(start)), Math.min(peaks.count, Math.ceil(start + perPixel))];
    let [low, high] = [0, 0];
    for (let each = begin; each < end; each++) {
      low = Math.min(low, peaks.low[each] ?? 0);
      high = Math.max(high, peaks.high[each] ?? 0);
    }
    const above = Math.min(height / 2, high * half);
    const below = Math.min(height / 2, -low * half);
    brush.fillRect(x, height / 2 - above, 1, Math.max(1, above + below));
  }
};

const numbers = new WeakMap<object, number>(); // of what does not change, for names
let last = 0;
const numberOf = (of: object | null): number => {
  if (!of) return 0;
  if (!numbers.has(of)) numbers.set(of, ++last);
  return numbers.get(of) as number;
};

const notes = (brush: Brush, clip: Clip, inside: Inside, sight: Sight, colour: string): void => {
  const written = notesOf(clip);
  if (written.length === 0) return;
  const map = tempoMap.value;
  // Where the tempo changes, the same notes look different at another place.
  const place = map.isEven ? map.bpm(0) : `${numberOf(map)}@${clip.startTime}`;
  const what = `${numberOf(clip.midiData as object)}|${clip.offsetBeats}|${place}|${colour}`;
  drawTiles(brush, what, inside, sight, (onto, from, to, perSecond, height) => {
    onto.fillStyle = colour;
    score(onto, clip, map, { from, to, perSecond, height });
  });
};

const score = (
  brush: OffscreenCanvasRenderingContext2D,
  clip: Clip,
  map: TempoMap,
  { from, to, perSecond, height }: Stretch,
): void => {
  const written = notesOf(clip);
  const origin = map.beat(clip.startTime) - clip.offsetBeats;
  let [low, high] = [127, 0];
  for (const { pitch } of written) [low, high] = [Math.min(low, pitch - 1), Math.max(high, pitch + 2)];
  const row = height / Math.max(12, high - low);
  for (const { pitch, start, duration } of written) {
    const x = (map.seconds(Math.max(0, origin + start)) - clip.startTime) * perSecond;
    const end = (map.seconds(Math.max(0, origin + start + duration)) - clip.startTime) * perSecond;
    if (end < from || x > to) continue;
    brush.fillRect(x, height - (pitch - low) * row, Math.max(1, end - x - 1), Math.max(1.5, row - 0.5));
  }
};

/** What fades take away, as the curve of the clip has it. */
const fades = (brush: Brush, clip: Clip, { x, y, width, height }: Bounds, palette: Palette): void => {
  const shape = clip.fadeCurve === "equalPower" ? (u: number) => Math.sin((u * Math.PI) / 2) : (u: number) => u;
  const steps = clip.fadeCurve === "equalPower" ? 12 : 1;
  brush.fillStyle = palette.shade;
  for (const [length, outer, direction] of [
    [clip.fadeIn, x, 1],
    [clip.fadeOut, x + width, -1],
  ] as const) {
    const wide = length * zoom.value;
    if (wide < 1) continue;
    brush.beginPath();
    brush.moveTo(outer, y);
    for (let step = 0; step <= steps; step++) {
      const u = step / steps;
      brush.lineTo(outer + direction * u * wide, y + height * (1 - shape(u)));
    }
    brush.fill();
  }
};
