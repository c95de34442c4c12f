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

registerProcessor("compressor", Compressor);
registerProcessor("gate", Gate);
registerProcessor("flanger", Flanger);
registerProcessor("pitchShift", PitchShift);
registerProcessor("limiter", Limiter);

export {};
