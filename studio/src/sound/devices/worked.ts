import { type Builder, type DeviceNode, type Knob, same, stereo, type Values } from "./node";
import { repeatSeconds } from "./time";
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
  (
    name: string,
    moved: readonly string[],
    fixed: readonly string[] = [],
    latency: (values: Values, rate: number) => number = () => 0, // frames
  ): Builder =>
  (audio, values) => {
    const processorOptions = Object.fromEntries(fixed.map((each) => [each, values[each]]));
    const made = node(audio, name, values, moved, { processorOptions });
    return { input: made, output: made, knobs: made.knobs, latency: latency(values, audio.sampleRate) };
  };

export const flanger = alone("flanger", ["rate", "delay", "depth", "feedback", "mix"]);
export const pitchShift = alone("pitchShift", ["semitones", "mix"], ["window"], ({ window }, rate) =>
  Math.floor(Math.round((Number(window) / 1000) * rate) / 2),
);
export const limiter = alone("limiter", ["gain", "ceiling", "release"], [], (_, rate) => Math.round(0.004 * rate));

/** A DelayNode within a loop is late by what a browser renders at once, so the line is a worklet's. */
export const delay: Builder = (audio, values, beatSeconds) => {
  const seconds = repeatSeconds(values, beatSeconds);
  const processorOptions = { lowCut: values.lowCut, highCut: values.highCut, pingPong: values.pingPong };
  const made = node(audio, "delay", { ...values, seconds }, ["seconds", "feedback", "mix"], { processorOptions });
  const { seconds: time = [], ...knobs } = made.knobs;
  const tied = values.sync !== "off";
  const late: Knob = time.map(([parameter]) => [parameter, (ms) => repeatSeconds({ sync: "off", time: ms }, 1)]);
  return { input: made, output: made, knobs: tied ? knobs : { ...knobs, time: late } };
};

export const saturation = alone("saturation", ["drive", "output", "mix"], ["curve"], () => 31);
