import { type Builder, blended, type DeviceNode, fromDb, type Knob, same, stereo, type Values } from "./node";
import worklet from "./worklet.ts?worker&url";

const loaded = new WeakMap<BaseAudioContext, Promise<void>>();

/** Has to have happened before a device of `worked` is made. */
export const loadWorklet = (audio: BaseAudioContext): Promise<void> => {
  const known = loaded.get(audio) ?? audio.audioWorklet.addModule(worklet);
  loaded.set(audio, known);
  return known;
};

const node = (
  audio: BaseAudioContext,
  name: string,
  values: Values,
  moved: readonly string[],
  options: Partial<AudioWorkletNodeOptions> = {},
): AudioWorkletNode & Pick<DeviceNode, "knobs"> => {
  const parameterData = Object.fromEntries(moved.map((each) => [each, Number(values[each])]));
  const made = new AudioWorkletNode(audio, name, {
    parameterData,
    channelCount: 2,
    channelCountMode: "explicit",
    outputChannelCount: [2],
    ...options,
  });
  const knob = (each: string): Knob => [[made.parameters.get(each) as AudioParam, same]];
  const knobs: Record<string, Knob> = Object.fromEntries(moved.map((each) => [each, knob(each)]));
  return Object.assign(made, { knobs });
};

/** With an ear that may be deaf below a frequency, and may listen to another track. */
const listening =
  (name: string, moved: readonly string[]): Builder =>
  (audio, values) => {
    const input = stereo(audio);
    const side = stereo(audio);
    const made = node(audio, name, values, moved, { numberOfInputs: 2 });
    input.connect(made, 0, 0);
    const ear = Number(values.earHighpass ?? 0);
    const heard = values.listens ? side : input;
    if (ear >= 1) {
      const Q = 20 * Math.log10(Math.SQRT1_2);
      const deaf = new BiquadFilterNode(audio, { type: "highpass", frequency: ear, Q, channelCount: 2 });
      heard.connect(deaf).connect(made, 0, 1);
    } else if (values.listens) side.connect(made, 0, 1);
    return { input, output: made, side, knobs: made.knobs };
  };

export const compressor = listening("compressor", ["threshold", "ratio", "knee", "attack", "release", "makeup", "mix"]);
export const gate = listening("gate", ["threshold", "hysteresis", "range", "attack", "hold", "release"]);

const alone =
  (name: string, moved: readonly string[], fixed: readonly string[] = []): Builder =>
  (audio, values) => {
    const processorOptions = Object.fromEntries(fixed.map((each) => [each, values[each]]));
    const made = node(audio, name, values, moved, { processorOptions });
    return { input: made, output: made, knobs: made.knobs };
  };

export const flanger = alone("flanger", ["rate", "delay", "depth", "feedback", "mix"]);
export const pitchShift = alone("pitchShift", ["semitones", "mix"], ["window"]);
export const limiter = alone("limiter", ["gain", "ceiling", "release"]);

const POINTS = 8193;
const REACH = 64; // the curve goes to so many times full scale, 36 dB
const CURVES: Record<string, (u: number) => number> = {
  soft: Math.tanh,
  hard: (u) => Math.max(-1, Math.min(1, u)),
  fold: Math.sin,
};

/** `in 10^(drive / 20)`, bent at twice the rate, turned down again (`devices/saturation.py`). */
export const saturation: Builder = (audio, values) => {
  const bend = CURVES[String(values.curve)] ?? Math.tanh;
  const curve = Float32Array.from({ length: POINTS }, (_, n) => bend(REACH * ((2 * n) / (POINTS - 1) - 1)));
  const drive = stereo(audio, fromDb(Number(values.drive)) / REACH);
  const shaper = new WaveShaperNode(audio, { curve, oversample: "2x", channelCount: 2 });
  const level = stereo(audio, fromDb(Number(values.output)));
  drive.connect(shaper).connect(level);
  const { knob, ...both } = blended(audio, values.mix, { input: drive, output: level });
  return {
    ...both,
    knobs: {
      mix: knob,
      drive: [[drive.gain, (value) => fromDb(value) / REACH]],
      output: [[level.gain, fromDb]],
    },
  };
};
