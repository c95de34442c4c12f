import type { Clip } from "../project/entities";
import { zoom } from "../view";
import { EDGE, HANDLE, toSeconds, toX } from "./geometry";
import { clipsWithin, type Row, spotAt, yOf } from "./layout";

export interface Bounds {
  x: number;
  y: number;
  width: number;
  height: number;
}

export const boundsOf = (clip: Clip, row: Row): Bounds => ({
  x: toX(clip.startTime),
  y: yOf(row) + 2,
  width: Math.max(3, clip.duration * zoom.value),
  height: row.height - 4,
});

export type Part = "body" | "start" | "end" | "fadeIn" | "fadeOut";
export interface Hit {
  clip: Clip;
  row: Row;
  part: Part;
}

/** The clip under a point, the later ones lying above the earlier, and which part of it. */
export const hit = (x: number, y: number): Hit | null => {
  const spot = spotAt(y);
  if (!spot || spot.lane) return null;
  const { row } = spot;
  for (const clip of clipsWithin(row.track.id, toSeconds(x - 3), toSeconds(x + 1)).toReversed()) {
    const bounds = boundsOf(clip, row);
    if (x >= bounds.x && x <= bounds.x + bounds.width) return { clip, row, part: partAt(x, y, clip, bounds) };
  }
  return null;
};

const partAt = (x: number, y: number, clip: Clip, bounds: Bounds): Part => {
  if (bounds.width > 4 * EDGE && y < bounds.y + HANDLE) {
    if (Math.abs(x - bounds.x - clip.fadeIn * zoom.value) < EDGE) return "fadeIn";
    if (Math.abs(x - bounds.x - bounds.width + clip.fadeOut * zoom.value) < EDGE) return "fadeOut";
  }
  if (bounds.width < 3 * EDGE) return "body";
  if (x < bounds.x + EDGE) return "start";
  if (x > bounds.x + bounds.width - EDGE) return "end";
  return "body";
};
