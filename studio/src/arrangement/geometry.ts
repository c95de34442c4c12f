import type { Clip } from "../project/entities";
import { tempoMap } from "../project/store";
import { BAR, left, snap, zoom } from "../view";

/** The bands of the ruler, from the top: where each begins, in pixels. */
export const BANDS = { places: 0, chords: 18, bars: 34, seconds: 56, tempo: 70 };
export type Band = keyof typeof BANDS;
export const RULER = 86; // pixels, all of them

export const EDGE = 8; // pixels at the ends of a clip that trim it
export const HANDLE = 14; // pixels from its top in which fades are dragged

/** Between seconds and pixels from the left edge of the canvas. */
export const toX = (seconds: number): number => (seconds - left.value) * zoom.value;
export const toSeconds = (x: number): number => x / zoom.value + left.value;

export const bandAt = (y: number): Band =>
  (Object.entries(BANDS) as [Band, number][]).reduce<Band>(
    (found, [name, from]) => (y >= from ? name : found),
    "places",
  );

/** The next line of the grid, in seconds; `free` (the Alt key) leaves it where it is. */
export const snapped = (seconds: number, free = false): number => {
  const map = tempoMap.value;
  return Math.max(0, map.seconds(snappedBeat(map.beat(Math.max(0, seconds)), free)));
};

/** To the grid, which begins anew at each change of the metre. */
export const snappedBeat = (beat: number, free = false): number => {
  const { beat: origin, length } = tempoMap.value.metre(beat);
  const grid = snap.value === BAR ? length : snap.value;
  return Math.max(0, !grid || free ? beat : origin + Math.round((beat - origin) / grid) * grid);
};

/** Without what is left of a way through seconds. */
export const tidy = (beat: number): number => Math.round(beat * 1e6) / 1e6;

/** Where a clip is afterwards, in the unit that counts for it. */
export const placedAt = ({ timebase }: Clip, seconds: number): Partial<Clip> =>
  timebase === "musical"
    ? { startTime: seconds, startBeat: tidy(tempoMap.value.beat(seconds)) }
    : { startTime: seconds };
