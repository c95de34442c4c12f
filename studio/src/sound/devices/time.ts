import { type Builder, blended, bySides, chain, middleAndSides, pass, same, type Values } from "./node";

/** Beats of the notes to which a delay is tied (`devices/catalogue.py`). */
const NOTES: Record<string, number> = {
  "1/32": 0.125,
  "1/16t": 1 / 6,
  "1/16": 0.25,
  "1/16d": 0.375,
  "1/8t": 1 / 3,
  "1/8": 0.5,
  "1/8d": 0.75,
  "1/4t": 2 / 3,
  "1/4": 1,
  "1/4d": 1.5,
  "1/2t": 4 / 3,
  "1/2": 2,
  "1/2d": 3,
  "1/1": 4,
};
const LONGEST = 8; // seconds
const SHORTEST = 0.01;

/** Seconds between repeats: of a note at the present tempo, or as they are said (`devices/delay.py`). */
export const repeatSeconds = (values: Values, beatSeconds: number): number => {
  const beats = NOTES[String(values.sync)];
  const seconds = beats === undefined ? Number(values.time) / 1000 : beats * beatSeconds;
  return Math.min(LONGEST, Math.max(SHORTEST, seconds));
};

/** Two copies that drift, one a side, a quarter of a turn apart (`devices/modulation.py`). */
export const chorus: Builder = (audio, values) => {
  const { input, output } = bySides(audio);
  const rates: [AudioParam, (value: number) => number][] = [];
  const delays: [AudioParam, (value: number) => number][] = [];
  const depths: [AudioParam, (value: number) => number][] = [];
  for (const side of [0, 1] as const) {
    const line = new DelayNode(audio, { maxDelayTime: 0.05, delayTime: Number(values.delay) / 1000 });
    const depth = new GainNode(audio, { gain: Number(values.depth) / 1000 });
    const wave = oscillator(audio, Number(values.rate), side === 0 ? "sine" : "cosine");
    wave.connect(depth).connect(line.delayTime);
    input.connect(line, side).connect(output, 0, side);
    rates.push([wave.frequency, same]);
    delays.push([line.delayTime, (value) => value / 1000]);
    depths.push([depth.gain, (value) => value / 1000]);
  }
  const { knob, ...both } = blended(audio, values.mix, { input, output });
  return { ...both, knobs: { rate: rates, delay: delays, depth: depths, mix: knob } };
};

/** All-passes in a row whose frequency swings by `depth` octaves (`devices/modulation.py`). */
export const phaser: Builder = (audio, values) => {
  const wave = oscillator(audio, Number(values.rate), "sine");
  const depth = new GainNode(audio, { gain: 1200 * Number(values.depth) }); // cents
  wave.connect(depth);
  const stages = Array.from({ length: Number(values.stages) }, () => {
    const stage = new BiquadFilterNode(audio, {
      type: "allpass",
      frequency: Number(values.frequency),
      Q: Number(values.q),
      channelCount: 2,
    });
    depth.connect(stage.detune);
    return stage;
  });
  const { knob, ...both } = blended(audio, values.mix, chain(...stages));
  return {
    ...both,
    knobs: {
      mix: knob,
      rate: [[wave.frequency, same]],
      depth: [[depth.gain, (octaves) => 1200 * octaves]],
      frequency: stages.map((stage) => [stage.frequency, same] as const),
      q: stages.map((stage) => [stage.Q, same] as const),
    },
  };
};

const oscillator = (audio: BaseAudioContext, frequency: number, wave: "sine" | "cosine"): OscillatorNode => {
  const [real, imaginary] = wave === "sine" ? [0, 1] : [1, 0];
  const periodicWave = new PeriodicWave(audio, {
    real: [0, real],
    imag: [0, imaginary],
    disableNormalization: true,
  });
  const node = new OscillatorNode(audio, { frequency, periodicWave });
  node.start();
  return node;
};

/** A room of noise, the same as the server's (`devices/reverb.py`). */
export const reverb: Builder = (audio, values) => {
  const convolver = new ConvolverNode(audio, { disableNormalization: true });
  const late = Math.round((Number(values.preDelay) / 1000) * audio.sampleRate) / audio.sampleRate;
  const before = new DelayNode(audio, { maxDelayTime: 0.3, delayTime: late, channelCount: 2 });
  const ready = room(audio, Number(values.decay), Number(values.damping)).then((buffer) => {
    convolver.buffer = buffer;
  });
  const high = pass(audio, "highpass", Number(values.lowCut));
  const low = pass(audio, "lowpass", Number(values.highCut));
  const sides = new GainNode(audio, { gain: Number(values.width) });
  const width = middleAndSides(audio, { input: sides, output: sides });
  before.connect(convolver).connect(high).connect(low).connect(width.input);
  const { knob, ...both } = blended(audio, values.mix, { input: before, output: width.output });
  return { ...both, knobs: { mix: knob, width: [[sides.gain, same]] }, ready };
};

const rooms = new Map<string, Promise<AudioBuffer>>();

/** Kept, since most reverbs of a song are alike. */
const room = (audio: BaseAudioContext, decay: number, damping: number): Promise<AudioBuffer> => {
  const key = `${audio.sampleRate} ${decay} ${damping}`;
  const known = rooms.get(key) ?? makeRoom(audio.sampleRate, decay, damping);
  rooms.set(key, known);
  return known;
};

const makeRoom = async (rate: number, decay: number, damping: number): Promise<AudioBuffer> => {
  const frames = Math.max(2, Math.round(decay * rate));
  const white = new AudioBuffer({ length: frames, numberOfChannels: 2, sampleRate: rate });
  for (const side of [0, 1]) noise(white.getChannelData(side), side + 1);
  const offline = new OfflineAudioContext(2, frames, rate);
  const source = new AudioBufferSourceNode(offline, { buffer: white });
  source.connect(pass(offline, "lowpass", 3000)).connect(offline.destination);
  source.start();
  const dark = await offline.startRendering();
  const fall = Math.log(1000) / decay;
  for (const side of [0, 1]) {
    const [all, low] = [white.getChannelData(side), dark.getChannelData(side)];
    let power = 0;
    for (let n = 0; n < frames; n++) {
      const [time, below] = [n / rate, low[n] as number];
      const high = (all[n] as number) - below;
      const sample = below * Math.exp(-fall * time) + high * Math.exp((-fall / (1 - 0.9 * damping)) * time);
      all[n] = sample;
      power += sample * sample;
    }
    const scale = 1 / Math.sqrt(power);
    for (let n = 0; n < frames; n++) all[n] = (all[n] as number) * scale;
  }
  return white;
};

/** mulberry32 (T. Ettinger, public domain), -1..1. */
const noise = (into: Float32Array, seed: number): void => {
  let state = seed;
  for (let n = 0; n < into.length; n++) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    into[n] = ((mixed ^ (mixed >>> 14)) >>> 0) / 2147483648 - 1;
  }
};
