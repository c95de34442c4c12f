import type { Automation } from "../project/entities";
import type { TempoMap } from "../time/tempo-map";
import type { Desk } from "./desk";

/** `[{beat, value, curve}]`; the curve is the way to the next point. */
interface Point {
  beat: number;
  value: number;
  curve?: string;
}

const STEP = 0.005; // seconds between two values that are told to a parameter

/** How much of the way is gone when the share `u` of the time is (`audio/mixing/envelopes.py`). */
const SHAPES: Record<string, (u: number) => number> = {
  linear: (u) => u,
  hold: () => 0,
  smooth: (u) => (1 - Math.cos(Math.PI * u)) / 2,
  slow: (u) => u * u,
  fast: (u) => 1 - (1 - u) * (1 - u),
};

/** The value at a moment in seconds: between points over time in seconds; before the first and after the last theirs. */
export const valueAt = (points: readonly Point[], seconds: number, map: TempoMap): number => {
  let low = -1;
  for (let high = points.length; high - low > 1; ) {
    const middle = (low + high) >> 1;
    if (map.seconds((points[middle] as Point).beat) <= seconds) low = middle;
    else high = middle;
  }
  const [before, after] = [points[Math.max(0, low)], points[low + 1]];
  if (!before) return 0;
  if (low < 0 || !after) return before.value;
  const [from, to] = [map.seconds(before.beat), map.seconds(after.beat)];
  const shape = SHAPES[before.curve ?? "linear"] ?? ((u: number) => u);
  return before.value + (after.value - before.value) * shape((seconds - from) / (to - from));
};

/** Tells the parameters of a desk what enabled envelopes make of them between two moments of the document. */
export const moveKnobs = (
  desk: Desk,
  envelopes: readonly Automation[],
  map: TempoMap,
  [from, to]: readonly [number, number],
  clock: (seconds: number) => number,
): void => {
  for (const envelope of envelopes) {
    if (!envelope.enabled) continue;
    const points = envelope.points as readonly Point[];
    for (const [parameter, law] of desk.knob(envelope)) {
      parameter.setValueAtTime(law(valueAt(points, from, map)), Math.max(0, clock(from)));
      for (let at = from + STEP; at < to + STEP; at += STEP) {
        const moment = Math.min(at, to);
        parameter.linearRampToValueAtTime(law(valueAt(points, moment, map)), Math.max(0, clock(moment)));
      }
    }
  }
};

/** Forgets what was planned, before the desk is set as the document says. */
export const releaseKnobs = (desk: Desk, envelopes: readonly Automation[]): void => {
  for (const envelope of envelopes) for (const [parameter] of desk.knob(envelope)) parameter.cancelScheduledValues(0);
};
