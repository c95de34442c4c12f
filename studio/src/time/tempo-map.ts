/** The tempo at a beat; with `ramp` it changes in a straight line, in bpm over beats, until the next one. */
export interface TempoEvent {
  beat: number; // quarter notes from the beginning
  bpm: number;
  ramp?: boolean;
}

/** The metre from a bar on, which counts from 0. */
export interface Metre {
  bar: number;
  count: number;
  unit: number;
}

export interface BarPosition {
  bar: number; // from 1, as people count
  beat: number; // from 1, in units of the metre
  tick: number; // 0..959, thousandths of such a unit but for rounding
}

interface Stretch {
  beat: number;
  seconds: number;
  bpm: number;
  slope: number; // bpm per beat
}

interface Bars {
  bar: number;
  beat: number;
  length: number; // of a bar, in quarter notes
  unit: number; // of a beat of the metre, in quarter notes
  count: number;
}

const TICKS = 960;

/** Translates between beats (quarter notes), seconds and bars. Both lists begin at 0, and are in order. */
export class TempoMap {
  private readonly stretches: Stretch[] = [];
  private readonly metres: Bars[] = [];

  constructor(tempos: readonly TempoEvent[], metres: readonly Metre[]) {
    tempos.forEach(({ beat, bpm, ramp }, index) => {
      const next = tempos[index + 1];
      const slope = ramp && next && next.beat > beat ? (next.bpm - bpm) / (next.beat - beat) : 0;
      const seconds = index === 0 ? 0 : this.seconds(beat);
      this.stretches.push({ beat, seconds, bpm, slope });
    });
    for (const { bar, count, unit } of metres) {
      const last = this.metres.at(-1);
      const beat = last ? last.beat + (bar - last.bar) * last.length : 0;
      this.metres.push({ bar, beat, count, unit: 4 / unit, length: (count * 4) / unit });
    }
  }

  /** Whether there is one tempo from the beginning to the end. */
  get isEven(): boolean {
    return this.stretches.length === 1;
  }

  seconds(beat: number): number {
    const { beat: from, seconds, bpm, slope } = lastAt(this.stretches, (each) => each.beat <= beat);
    const beats = beat - from;
    return seconds + (slope ? (60 / slope) * Math.log1p((slope * beats) / bpm) : (60 * beats) / bpm);
  }

  beat(seconds: number): number {
    const { beat, seconds: from, bpm, slope } = lastAt(this.stretches, (each) => each.seconds <= seconds);
    const passed = seconds - from;
    return beat + (slope ? (bpm / slope) * Math.expm1((slope * passed) / 60) : (passed * bpm) / 60);
  }

  bpm(beat: number): number {
    const { beat: from, bpm, slope } = lastAt(this.stretches, (each) => each.beat <= beat);
    return bpm + slope * (beat - from);
  }

  /** The beat on which the bar begins; bars count from 0 here. */
  beatOfBar(bar: number): number {
    const found = lastAt(this.metres, (each) => each.bar <= bar);
    return found.beat + (bar - found.bar) * found.length;
  }

  position(beat: number): BarPosition {
    const { bar, beat: from, length, unit } = this.metre(beat);
    const ticks = Math.round(((beat - from) / unit) * TICKS);
    const perBar = Math.round(length / unit) * TICKS;
    const within = ticks % perBar;
    return {
      bar: bar + Math.floor(ticks / perBar) + 1,
      beat: Math.floor(within / TICKS) + 1,
      tick: within % TICKS,
    };
  }

  /** The beat of "3", "3.2" or "3.2.480": bar, beat and tick as people count; null if it says nothing. */
  beatAt(text: string): number | null {
    const [bar = 0, beat = 1, tick = 0] = text
      .trim()
      .split(/[.:\s]+/)
      .map(Number);
    if (![bar, beat, tick].every(Number.isFinite) || bar < 1 || beat < 1 || tick < 0) return null;
    const from = this.beatOfBar(bar - 1);
    return from + (beat - 1 + tick / TICKS) * this.metre(from).unit;
  }

  /** What holds at a beat: how long a bar and a beat of the metre are, in quarter notes. */
  metre(beat: number): Bars {
    return lastAt(this.metres, (each) => each.beat <= beat);
  }

  /** The bars that touch a stretch of time: their numbers, which count from 0, and where they begin. */
  *bars(from: number, to: number): Generator<{ bar: number; beat: number; length: number; unit: number }> {
    const { bar: first } = this.position(Math.max(0, from));
    for (let bar = first - 1; ; bar++) {
      const beat = this.beatOfBar(bar);
      if (beat > to) return;
      const { length, unit } = this.metre(beat);
      yield { bar, beat, length, unit };
    }
  }
}

/** The last one for which it holds; the first one where it holds for none. */
const lastAt = <Each>(sorted: readonly Each[], holds: (each: Each) => boolean): Each => {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (holds(sorted[middle] as Each)) low = middle;
    else high = middle - 1;
  }
  return sorted[low] as Each;
};

export const parseMetre = (text: string): { count: number; unit: number } => {
  const [count = 4, unit = 4] = text.split("/").map(Number);
  return { count, unit };
};

/** "3.2.480", and "0:04.250" for seconds. */
export const barText = ({ bar, beat, tick }: BarPosition): string => `${bar}.${beat}.${String(tick).padStart(3, "0")}`;

export const clock = (seconds: number): string => {
  const tenths = Math.max(0, Math.floor(seconds * 10));
  return `${Math.floor(tenths / 600)}:${String(Math.floor((tenths % 600) / 10)).padStart(2, "0")}.${tenths % 10}`;
};
