/** Devices for which Web Audio has no node, by the server's laws (`dawg_server/audio/devices`); in the audio thread. */

type Sides = [Float32Array, Float32Array];
type Given = Record<string, Float32Array>;

const STEP = 32; // frames per value of level and gain
const FLOOR = 1e-12; // of the mean square

const at = (values: Float32Array | undefined, frame: number): number =>
  values ? ((values.length > 1 ? values[frame] : values[0]) as number) : 0;
const fromDb = (decibels: number): number => 10 ** (decibels / 20);
const remains = (milliseconds: number): number => Math.exp((-STEP * 1000) / (milliseconds * sampleRate));

const described = (names: Record<string, number>) =>
  Object.entries(names).map(([name, defaultValue]) => ({ name, defaultValue, automationRate: "k-rate" }));

/** Stereo in, stereo out; a missing input is silence. */
abstract class Device extends AudioWorkletProcessor {
  private readonly silence = new Float32Array(128);

  process(inputs: Float32Array[][], outputs: Float32Array[][], parameters: Given): boolean {
    const out = outputs[0] as Sides;
    this.work(this.sides(inputs[0]), inputs[1]?.length ? this.sides(inputs[1]) : null, out, parameters);
    return true;
  }

  private sides(input: Float32Array[] | undefined): Sides {
    return [input?.[0] ?? this.silence, input?.[1] ?? input?.[0] ?? this.silence];
  }

  protected abstract work(input: Sides, side: Sides | null, out: Sides, parameters: Given): void;
}

/** Gains decided at the end of each step from its mean square, reached in a straight line at the end of the next. */
abstract class Stepped extends Device {
  private power = 0;
  private frame = 0;
  private from = 1;
  private to = 1;

  protected work([left, right]: Sides, side: Sides | null, out: Sides, parameters: Given): void {
    const [first, second] = side ?? [left, right];
    for (let n = 0; n < out[0].length; n++) {
      const [one, other] = [first[n] as number, second[n] as number];
      this.power += (one * one + other * other) / 2;
      this.frame++;
      const gain = (this.from + ((this.to - this.from) * this.frame) / STEP) * this.after(parameters);
      const blend = this.blend(parameters);
      out[0][n] = (left[n] as number) * (1 - blend + gain * blend);
      out[1][n] = (right[n] as number) * (1 - blend + gain * blend);
      if (this.frame < STEP) continue;
      this.from = this.to;
      this.to = this.decide(10 * Math.log10(this.power / STEP + FLOOR), parameters);
      this.frame = this.power = 0;
    }
  }

  protected after(_: Given): number {
    return 1;
  }
  protected blend(_: Given): number {
    return 1;
  }
  protected abstract decide(level: number, parameters: Given): number;
}

class Compressor extends Stepped {
  static get parameterDescriptors() {
    return described({ threshold: -24, ratio: 4, knee: 6, attack: 10, release: 150, makeup: 0, mix: 1 });
  }
  private reduction = 0;

  protected override after({ makeup }: Given): number {
    return fromDb(at(makeup, 0));
  }
  protected override blend({ mix }: Given): number {
    return at(mix, 0);
  }

  protected decide(level: number, { threshold, ratio, knee, attack, release }: Given): number {
    const [over, slope, width] = [level - at(threshold, 0), 1 - 1 / at(ratio, 0), at(knee, 0)];
    let wanted = 0;
    if (over >= width / 2) wanted = slope * over;
    else if (over > -width / 2) wanted = (slope * (over + width / 2) ** 2) / (2 * width);
    const left = remains(at(wanted > this.reduction ? attack : release, 0));
    this.reduction = wanted + (this.reduction - wanted) * left;
    return fromDb(-this.reduction);
  }
}

class Gate extends Stepped {
  static get parameterDescriptors() {
    return described({ threshold: -40, hysteresis: 4, range: -80, attack: 1, hold: 30, release: 100 });
  }
  private gain = 1;
  private isOpen = true;
  private since = 0; // steps

  protected decide(level: number, { threshold, hysteresis, range, attack, hold, release }: Given): number {
    const opens = level >= at(threshold, 0);
    const stays = level >= at(threshold, 0) - at(hysteresis, 0);
    const longest = (at(hold, 0) * sampleRate) / 1000 / STEP;
    this.isOpen = opens || (this.isOpen && (stays || this.since < longest));
    this.since = opens || stays ? 0 : this.since + 1;
    const target = this.isOpen ? 1 : fromDb(at(range, 0));
    this.gain = target + (this.gain - target) * remains(at(target > this.gain ? attack : release, 0));
    return this.gain;
  }
}

/** The last frames of both sides, to be read between samples. */
class Line {
  private readonly sides: Sides;
  private end = 0;

  constructor(private readonly length: number) {
    this.sides = [new Float32Array(length), new Float32Array(length)];
  }

  write(left: number, right: number): void {
    this.sides[0][this.end] = left;
    this.sides[1][this.end] = right;
    this.end = (this.end + 1) % this.length;
  }

  /** `late`: frames before the next one that is written. */
  read(side: 0 | 1, late: number): number {
    const place = (this.end - late + 2 * this.length) % this.length;
    const whole = Math.floor(place);
    const [low, high] = [this.sides[side][whole] as number, this.sides[side][(whole + 1) % this.length] as number];
    return low + (high - low) * (place - whole);
  }
}

/** A second-order pass with q 0.7071 (R. Bristow-Johnson, "Audio EQ Cookbook"), one side. */
class Pass {
  private readonly b: readonly [number, number, number];
  private readonly a: readonly [number, number];
  private x1 = 0;
  private x2 = 0;
  private y1 = 0;
  private y2 = 0;

  constructor(type: "low" | "high", frequency: number) {
    const turn = (2 * Math.PI * frequency) / sampleRate;
    const [cos, alpha] = [Math.cos(turn), Math.sin(turn) * Math.SQRT1_2];
    const scale = 1 / (1 + alpha);
    const outer = ((type === "low" ? 1 - cos : 1 + cos) / 2) * scale;
    this.b = [outer, (type === "low" ? 2 : -2) * outer, outer];
    this.a = [-2 * cos * scale, (1 - alpha) * scale];
  }

  process(x: number): number {
    const y = this.b[0] * x + this.b[1] * this.x1 + this.b[2] * this.x2 - this.a[0] * this.y1 - this.a[1] * this.y2;
    [this.x2, this.x1, this.y2, this.y1] = [this.x1, x, this.y1, y];
    return y;
  }
}

interface DelayOptions {
  lowCut: number;
  highCut: number;
  pingPong: boolean;
}

/** `wet = HP(LP(line[t - d]))`, fed back into the line; ping-pong crosses the sides. */
class Delay extends Device {
  static get parameterDescriptors() {
    return described({ seconds: 0.375, feedback: 0.35, mix: 0.25 });
  }
  private readonly line = new Line(Math.ceil(8 * sampleRate) + 4);
  private readonly tone: [Pass, Pass][];
  private readonly crosses: boolean;

  constructor({ processorOptions: { lowCut, highCut, pingPong } }: { processorOptions: DelayOptions }) {
    super();
    this.tone = [0, 1].map(() => [new Pass("low", highCut), new Pass("high", lowCut)]);
    this.crosses = pingPong;
  }

  protected work([left, right]: Sides, _: Sides | null, out: Sides, { seconds, feedback, mix }: Given): void {
    const [late, again, blend] = [at(seconds, 0) * sampleRate, at(feedback, 0), at(mix, 0)];
    for (let n = 0; n < out[0].length; n++) {
      const [one, other] = [left[n] as number, right[n] as number];
      const [first, second] = [this.heard(0, late), this.heard(1, late)];
      if (this.crosses) this.line.write((one + other) / 2 + again * second, first);
      else this.line.write(one + again * first, other + again * second);
      out[0][n] = one * (1 - blend) + first * blend;
      out[1][n] = other * (1 - blend) + second * blend;
    }
  }

  private heard(side: 0 | 1, late: number): number {
    const [low, high] = this.tone[side] as [Pass, Pass];
    return high.process(low.process(this.line.read(side, late)));
  }
}

class Flanger extends Device {
  static get parameterDescriptors() {
    return described({ rate: 0.25, delay: 1, depth: 3, feedback: 0.5, mix: 0.5 });
  }
  private readonly line = new Line(Math.round(0.025 * sampleRate));
  private phase = 0;

  protected work([left, right]: Sides, _: Sides | null, out: Sides, parameters: Given): void {
    const { rate, delay, depth, feedback, mix } = parameters;
    const [again, blend] = [at(feedback, 0), at(mix, 0)];
    for (let n = 0; n < out[0].length; n++) {
      const milliseconds = at(delay, 0) + at(depth, 0) * (0.5 - 0.5 * Math.cos(2 * Math.PI * this.phase));
      const late = (milliseconds * sampleRate) / 1000;
      const [one, other] = [this.line.read(0, late), this.line.read(1, late)];
      const [dryLeft, dryRight] = [left[n] as number, right[n] as number];
      this.line.write(dryLeft + again * one, dryRight + again * other);
      out[0][n] = dryLeft * (1 - blend) + one * blend;
      out[1][n] = dryRight * (1 - blend) + other * blend;
      this.phase = (this.phase + at(rate, 0) / sampleRate) % 1;
    }
  }
}

class PitchShift extends Device {
  static get parameterDescriptors() {
    return described({ semitones: 0, mix: 1 });
  }
  private readonly window: number;
  private readonly line: Line;
  private phase = 0.5;

  constructor({ processorOptions }: { processorOptions: { window: number } }) {
    super();
    this.window = 2 * Math.floor(Math.round((processorOptions.window / 1000) * sampleRate) / 2);
    this.line = new Line(this.window + 4);
  }

  protected work([left, right]: Sides, _: Sides | null, out: Sides, { semitones, mix }: Given): void {
    const step = (1 - 2 ** (at(semitones, 0) / 12)) / this.window;
    const blend = at(mix, 0);
    for (let n = 0; n < out[0].length; n++) {
      this.line.write(left[n] as number, right[n] as number);
      const first = Math.sin(Math.PI * this.phase) ** 2;
      // The frame that has just been written is one frame back.
      const [near, far] = [this.phase * this.window + 1, ((this.phase + 0.5) % 1) * this.window + 1];
      for (const side of [0, 1] as const) {
        const wet = first * this.line.read(side, near) + (1 - first) * this.line.read(side, far);
        out[side][n] = this.line.read(side, this.window / 2 + 1) * (1 - blend) + wet * blend;
      }
      this.phase = (((this.phase + step) % 1) + 1) % 1;
    }
  }
}

/** Looks 4 ms ahead: the gain that the highest sample (and what lies between samples) needs, held, let go, smoothed. */
class Limiter extends Device {
  static get parameterDescriptors() {
    return described({ gain: 0, ceiling: -1, release: 120 });
  }
  private readonly ahead = Math.round(0.004 * sampleRate);
  private readonly line = new Line(this.ahead + 4);
  private readonly needs = new Float32Array(this.ahead); // decibels, in a ring
  private readonly held = new Float32Array(this.ahead);
  private place = 0;
  private released = 0;
  private sum = 0;
  private before: [number, number] = [0, 0];

  protected work([left, right]: Sides, _: Sides | null, out: Sides, { gain, ceiling, release }: Given): void {
    const [loud, most] = [fromDb(at(gain, 0)), fromDb(at(ceiling, 0))];
    const left_ = Math.exp(-1000 / (at(release, 0) * sampleRate));
    for (let n = 0; n < out[0].length; n++) {
      const [one, other] = [(left[n] as number) * loud, (right[n] as number) * loud];
      // Between samples a peak is at most a little higher than its neighbours tell; a half more of their bend covers it.
      const peak = Math.max(
        Math.abs(one) + Math.abs(one - this.before[0]) / 8,
        Math.abs(other) + Math.abs(other - this.before[1]) / 8,
      );
      this.before = [one, other];
      this.needs[this.place] = peak > most ? 20 * Math.log10(peak / most) : 0;
      let needed = 0;
      for (const each of this.needs) if (each > needed) needed = each;
      this.released = Math.max(needed, this.released * left_);
      this.sum += this.released - (this.held[this.place] as number);
      this.held[this.place] = this.released;
      this.place = (this.place + 1) % this.ahead;
      const gainNow = fromDb(-this.sum / this.ahead);
      out[0][n] = this.line.read(0, this.ahead) * gainNow;
      out[1][n] = this.line.read(1, this.ahead) * gainNow;
      this.line.write(one, other);
    }
  }
}

const TAPS = 63; // of a half-band low pass: a sinc in a Kaiser window
const BETA = 8;

/** Every second tap of it; of the others only the one in the middle, 0.5, is not 0. */
const halfBand = (): Float64Array => {
  const middle = (TAPS - 1) / 2;
  const bessel = (x: number): number => {
    let [sum, term] = [1, 1];
    for (let k = 1; term > 1e-12 * sum; k++) {
      term *= (x / 2 / k) ** 2;
      sum += term;
    }
    return sum;
  };
  const taps = Float64Array.from({ length: TAPS / 2 + 1 }, (_, each) => {
    const distance = 2 * each - middle;
    const window = bessel(BETA * Math.sqrt(1 - (distance / middle) ** 2)) / bessel(BETA);
    return 0.5 * (Math.sin((Math.PI * distance) / 2) / ((Math.PI * distance) / 2)) * window;
  });
  const sum = taps.reduce((total, tap) => total + tap, 0);
  return taps.map((tap) => (tap * 0.5) / sum);
};

const CURVES: Record<string, (u: number) => number> = {
  soft: Math.tanh,
  hard: (u) => Math.max(-1, Math.min(1, u)),
  fold: Math.sin,
};

/** The last values of one side, the newest first. */
class Past {
  private readonly values: Float32Array;
  private end = 0;

  constructor(private readonly length: number) {
    this.values = new Float32Array(length);
  }

  push(value: number): void {
    this.end = (this.end + 1) % this.length;
    this.values[this.end] = value;
  }

  back(frames: number): number {
    return this.values[(this.end - frames + this.length) % this.length] as number;
  }

  filtered(taps: Float64Array): number {
    let sum = 0;
    for (let each = 0; each < taps.length; each++) sum += (taps[each] as number) * this.back(each);
    return sum;
  }
}

/** A waveshaper at twice the rate; what comes out is 31 frames late. */
class Saturation extends Device {
  static get parameterDescriptors() {
    return described({ drive: 6, output: 0, mix: 1 });
  }
  private readonly taps = halfBand();
  private readonly bend: (u: number) => number;
  private readonly sides_ = [0, 1].map(() => ({
    loud: new Past(32),
    even: new Past(32),
    odd: new Past(17),
    dry: new Past(32),
  }));

  constructor({ processorOptions }: { processorOptions: { curve: string } }) {
    super();
    this.bend = CURVES[processorOptions.curve] ?? Math.tanh;
  }

  protected work(input: Sides, _: Sides | null, out: Sides, { drive, output, mix }: Given): void {
    const [loud, level, blend] = [fromDb(at(drive, 0)), fromDb(at(output, 0)), at(mix, 0)];
    for (const side of [0, 1] as const) {
      const past = this.sides_[side] as (typeof this.sides_)[number];
      for (let n = 0; n < out[side].length; n++) {
        const sample = input[side][n] as number;
        past.loud.push(sample * loud);
        past.dry.push(sample);
        past.even.push(this.bend(2 * past.loud.filtered(this.taps)));
        past.odd.push(this.bend(past.loud.back(15)));
        const wet = past.even.filtered(this.taps) + past.odd.back(16) * 0.5;
        out[side][n] = past.dry.back(31) * (1 - blend) + wet * level * blend;
      }
    }
  }
}

registerProcessor("saturation", Saturation);
registerProcessor("delay", Delay);
registerProcessor("compressor", Compressor);
registerProcessor("gate", Gate);
registerProcessor("flanger", Flanger);
registerProcessor("pitchShift", PitchShift);
registerProcessor("limiter", Limiter);

export {};
