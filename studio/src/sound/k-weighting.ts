/** Loudness by ITU-R BS.1770-5, over the last three seconds ("short-term", EBU Tech 3341). */

const WINDOW = 3; // seconds
const HOP = 0.1;
const OFFSET = -0.691; // dB

type Biquad = readonly [b0: number, b1: number, b2: number, a1: number, a2: number];

/** The two filters in series for any rate: at 48 kHz they are those that the recommendation lists. */
const filtersOf = (rate: number): readonly [shelf: Biquad, highPass: Biquad] => {
  const [gain, shelfQ] = [10 ** (3.999843853973347 / 20), 0.7071752369554196];
  const bent = gain ** 0.4996667741545416;
  const k = Math.tan((Math.PI * 1681.974450955533) / rate);
  const a = 1 + k / shelfQ + k * k;
  const shelf: Biquad = [
    (gain + (bent * k) / shelfQ + k * k) / a,
    (2 * (k * k - gain)) / a,
    (gain - (bent * k) / shelfQ + k * k) / a,
    (2 * (k * k - 1)) / a,
    (1 - k / shelfQ + k * k) / a,
  ];
  const q = 0.5003270373238773;
  const h = Math.tan((Math.PI * 38.13547087602444) / rate);
  const b = 1 + h / q + h * h;
  return [shelf, [1, -2, 1, (2 * (h * h - 1)) / b, (1 - h / q + h * h) / b]];
};

/** A direct form II transposed filter that keeps its state from block to block. */
const filter = ([b0, b1, b2, a1, a2]: Biquad) => {
  let [one, two] = [0, 0];
  return (sample: number): number => {
    const out = b0 * sample + one;
    one = b1 * sample - a1 * out + two;
    two = b2 * sample - a2 * out;
    return out;
  };
};

/** Takes sound of two channels block by block, and says the loudness every 100 ms, in LUFS. */
export class ShortTermLoudness {
  private readonly sides;
  private readonly hop: number; // frames
  private readonly powers = new Float64Array(WINDOW / HOP); // of the last hops, silence before the first
  private place = 0;
  private sum = 0;
  private frames = 0;

  constructor(rate: number) {
    const filters = filtersOf(rate);
    this.sides = [0, 1].map(() => filters.map(filter));
    this.hop = Math.round(HOP * rate);
  }

  /** The loudness, when a hop is full; `-Infinity` is silence. */
  take(channels: readonly Float32Array[]): number | null {
    const [first] = channels;
    if (!first) return null;
    let told: number | null = null;
    for (let frame = 0; frame < first.length; frame++) {
      for (const [side, [shelf, highPass]] of this.sides.entries()) {
        const sample = (channels[side] ?? first)[frame] as number;
        const weighted = (highPass as (sample: number) => number)((shelf as (sample: number) => number)(sample));
        this.sum += weighted * weighted;
      }
      if (++this.frames < this.hop) continue;
      this.powers[this.place++ % this.powers.length] = this.sum / this.frames;
      this.sum = this.frames = 0;
      const mean = this.powers.reduce((total, power) => total + power, 0) / this.powers.length;
      told = mean > 0 ? OFFSET + 10 * Math.log10(mean) : Number.NEGATIVE_INFINITY;
    }
    return told;
  }
}
