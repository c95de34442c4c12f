import type { Clip } from "../project/entities";
import { tempoMap, tracks } from "../project/store";
import { left, snap, top, trackHeight, zoom } from "../view";

export const RULER = 64; // pixels: sections and markers, bars, and seconds below them
export const PLACES = 18; // of them, for sections and markers
export const EDGE = 8; // pixels at the ends of a clip that trim it
export const HANDLE = 14; // pixels from its top in which fades are dragged

/** Between seconds and pixels from the left edge of the canvas. */
export const toX = (seconds: number): number => (seconds - left.value) * zoom.value;
export const toSeconds = (x: number): number => x / zoom.value + left.value;

/** Where the track with that place in the list begins, in pixels from the top of the canvas. */
export const toY = (index: number): number => RULER + index * trackHeight.value - top.value;
export const trackAt = (y: number): number => Math.floor((y - RULER + top.value) / trackHeight.value);

/** The next line of the grid, in seconds; `free` (the Alt key) leaves it where it is. */
export const snapped = (seconds: number, free = false): number => {
  const grid = snap.value;
  if (!grid || free) return Math.max(0, seconds);
  const map = tempoMap.value;
  return Math.max(0, map.seconds(Math.round(map.beat(Math.max(0, seconds)) / grid) * grid));
};

export interface Bounds {
  x: number;
  y: number;
  width: number;
  height: number;
}

export const boundsOf = (clip: Clip, index: number): Bounds => ({
  x: toX(clip.startTime),
  y: toY(index) + 2,
  width: Math.max(3, clip.duration * zoom.value),
  height: trackHeight.value - 4,
});

export type Part = "body" | "start" | "end" | "fadeIn" | "fadeOut";
export interface Hit {
  clip: Clip;
  part: Part;
}

/** The clip under a point, the later ones lying above the earlier, and which part of it. */
export const hit = (x: number, y: number, byTrack: ReadonlyMap<string, readonly Clip[]>): Hit | null => {
  const index = trackAt(y);
  const track = tracks.value[index];
  if (!track || y < RULER) return null;
  for (const clip of [...(byTrack.get(track.id) ?? [])].reverse()) {
    const bounds = boundsOf(clip, index);
    if (x < bounds.x || x > bounds.x + bounds.width) continue;
    return { clip, part: partAt(x, y, clip, bounds) };
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
