import { glide } from "../pan";

export type Values = Readonly<Record<string, unknown>>;

/** A parameter that moves while it is heard: what becomes of its value in one AudioParam or several. */
export type Knob = readonly (readonly [AudioParam, (value: number) => number])[];

/** A device at work in an audio graph. Parameters without a knob are fixed: another value takes another node. */
export interface DeviceNode {
  readonly input: AudioNode;
  readonly output: AudioNode;
  readonly side?: AudioNode; // where the track arrives that it listens to
  readonly knobs: Readonly<Record<string, Knob>>;
  readonly latency?: number; // frames by which it is late
  readonly ready?: Promise<void>; // until then it is silent
}

export type Builder = (audio: BaseAudioContext, values: Values, beatSeconds: number) => DeviceNode;

export const same = (value: number): number => value;
export const fromDb = (decibels: number): number => 10 ** (decibels / 20);

export const turn = (audio: BaseAudioContext, knob: Knob, value: number): void => {
  for (const [parameter, law] of knob) glide(audio, parameter, law(value));
};

export const stereo = (audio: BaseAudioContext, gain = 1): GainNode =>
  new GainNode(audio, { gain, channelCount: 2, channelCountMode: "explicit" });

/** `in (1 - mix) + wet mix`, the way of all blends; `wet` is connected between. */
export const blended = (
  audio: BaseAudioContext,
  mix: unknown,
  wet: { input: AudioNode; output: AudioNode },
  dryDelay = 0, // seconds by which `wet` is late
): { input: GainNode; output: GainNode; knob: Knob } => {
  const [input, output] = [stereo(audio), stereo(audio)];
  const [dry, share] = [stereo(audio, 1 - Number(mix)), stereo(audio, Number(mix))];
  input.connect(wet.input);
  wet.output.connect(share).connect(output);
  if (dryDelay > 0) {
    const late = new DelayNode(audio, { maxDelayTime: dryDelay, delayTime: dryDelay, channelCount: 2 });
    input.connect(late).connect(dry).connect(output);
  } else input.connect(dry).connect(output);
  return {
    input,
    output,
    knob: [
      [dry.gain, (value) => 1 - value],
      [share.gain, same],
    ],
  };
};

/** A second-order pass as the server's: its q of 0.7071 is a BiquadFilterNode's Q of -3.01 dB. */
export const pass = (audio: BaseAudioContext, type: "lowpass" | "highpass", frequency: number): BiquadFilterNode =>
  new BiquadFilterNode(audio, { type, frequency, Q: 20 * Math.log10(Math.SQRT1_2), channelCount: 2 });

/** In a row; what is there twice is the same node. */
export const chain = (...nodes: AudioNode[]): { input: AudioNode; output: AudioNode } => {
  for (let each = 1; each < nodes.length; each++) nodes[each - 1]?.connect(nodes[each] as AudioNode);
  return { input: nodes[0] as AudioNode, output: nodes.at(-1) as AudioNode };
};

/** The sides apart, worked on, and put together again. */
export const bySides = (audio: BaseAudioContext): { input: ChannelSplitterNode; output: ChannelMergerNode } => ({
  input: new ChannelSplitterNode(audio, { numberOfOutputs: 2, channelCount: 2, channelCountMode: "explicit" }),
  output: new ChannelMergerNode(audio, { numberOfInputs: 2 }),
});

/** `m = (l + r) / 2`, `s = (l - r) / 2` -> s through `sides` -> `l = m + s`, `r = m - s`. */
export const middleAndSides = (
  audio: BaseAudioContext,
  sides: { input: AudioNode; output: AudioNode },
): { input: AudioNode; output: AudioNode } => {
  const { input, output } = bySides(audio);
  const gain = (value: number) => new GainNode(audio, { gain: value });
  const [middle, difference, minus] = [gain(0.5), gain(0.5), gain(-1)];
  input.connect(middle, 0);
  input.connect(middle, 1);
  input.connect(difference, 0);
  input.connect(minus, 1);
  minus.connect(difference);
  difference.connect(sides.input);
  const negative = gain(-1);
  sides.output.connect(negative);
  for (const node of [middle, sides.output]) node.connect(output, 0, 0);
  for (const node of [middle, negative]) node.connect(output, 0, 1);
  return { input, output };
};
