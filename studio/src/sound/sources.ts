import type { Clip } from "../project/entities";

/** What of a clip is heard from a moment on; all in seconds. */
export interface Sounding {
  at: number; // on the context's clock
  from: number; // within the clip
}

type Shape = Pick<Clip, "duration" | "offset" | "fadeIn" | "fadeOut" | "fadeCurve" | "gain">;

const POINTS = 65; // of a fade that is no straight line

/**
 * Plays a clip of a recording into `output`: its part of the recording, its gain and its fades, as the server renders
 * them: straight lines in amplitude, or quarters of a sine where the powers of two clips add up.
 */
export const playRecording = (
  audio: BaseAudioContext,
  output: AudioNode,
  clip: Shape,
  buffer: AudioBuffer,
  { at, from }: Sounding,
): AudioScheduledSourceNode => {
  const source = new AudioBufferSourceNode(audio, { buffer });
  const gain = new GainNode(audio);
  source.connect(gain).connect(output);
  fade(gain.gain, clip, { at, from });
  source.start(at, clip.offset + from, clip.duration - from);
  return source;
};

const fade = (parameter: AudioParam, clip: Shape, { at, from }: Sounding): void => {
  const { duration, fadeIn, fadeOut, fadeCurve } = clip;
  const level = 10 ** (clip.gain / 20);
  const bent = fadeCurve === "equalPower";
  const curve = (x: number) => (bent ? Math.sin((Math.max(0, Math.min(1, x)) * Math.PI) / 2) : x);
  const shape = (time: number): number => {
    const rise = fadeIn > 0 ? curve(Math.min(1, time / fadeIn)) : 1;
    const fall = fadeOut > 0 ? curve(Math.min(1, (duration - time) / fadeOut)) : 1;
    return level * Math.max(0, rise * fall);
  };
  parameter.setValueAtTime(shape(from), at);
  const corners = [fadeIn, duration - fadeOut, duration].sort((one, other) => one - other);
  let begun = from;
  for (const corner of corners) {
    if (corner <= begun) continue;
    const steps = bent ? POINTS : 1;
    for (let step = 1; step <= steps; step++) {
      const time = begun + ((corner - begun) * step) / steps;
      parameter.linearRampToValueAtTime(shape(time), at + time - from);
    }
    begun = corner;
  }
};
