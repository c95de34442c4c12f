import { type Builder, bySides, chain, fromDb, type Knob, middleAndSides, same, stereo } from "./node";

const BANDS = 8;
const PASSES = new Set(["lowpass", "highpass"]);

/** Bands that are not off, in series: the server's equaliser is Web Audio's biquad (`devices/equaliser.py`). */
export const equalizer: Builder = (audio, values) => {
  const knobs: Record<string, Knob> = {};
  const nodes: AudioNode[] = [stereo(audio)];
  for (let band = 1; band <= BANDS; band++) {
    const type = values[`type${band}`] as BiquadFilterType | "off";
    if (type === "off") continue;
    const law = PASSES.has(type) ? (q: number) => 20 * Math.log10(q) : same;
    const node = new BiquadFilterNode(audio, {
      type,
      frequency: Number(values[`frequency${band}`]),
      gain: Number(values[`gain${band}`]),
      Q: law(Number(values[`q${band}`])),
      channelCount: 2,
    });
    knobs[`frequency${band}`] = [[node.frequency, same]];
    knobs[`gain${band}`] = [[node.gain, same]];
    knobs[`q${band}`] = [[node.Q, law]];
    nodes.push(node);
  }
  return { ...chain(...nodes), knobs };
};

export const stereoWidth: Builder = (audio, values) => {
  const sides = new GainNode(audio, { gain: Number(values.width) });
  const whole = middleAndSides(audio, { input: sides, output: sides });
  return { ...whole, knobs: { width: [[sides.gain, same]] } };
};

/** Polarity, mono, mono below, gain, in this order (`devices/stereo.py`). */
export const utility: Builder = (audio, values) => {
  const polarity = bySides(audio);
  (["invertLeft", "invertRight"] as const).forEach((name, side) => {
    const gain = new GainNode(audio, { gain: values[name] ? -1 : 1 });
    polarity.input.connect(gain, side).connect(polarity.output, 0, side);
  });
  const gain = stereo(audio, fromDb(Number(values.gain)));
  const low = Number(values.monoBelow);
  if (values.mono) {
    // Down to one channel is half of both sides (Web Audio API, "speakers").
    const mono = new GainNode(audio, { channelCount: 1, channelCountMode: "explicit" });
    polarity.output.connect(mono).connect(gain);
  } else if (low >= 1) {
    const Q = 20 * Math.log10(Math.SQRT1_2);
    const high = new BiquadFilterNode(audio, { type: "highpass", frequency: low, Q });
    const whole = middleAndSides(audio, { input: high, output: high });
    polarity.output.connect(whole.input);
    whole.output.connect(gain);
  } else polarity.output.connect(gain);
  return { input: polarity.input, output: gain, knobs: { gain: [[gain.gain, fromDb]] } };
};
