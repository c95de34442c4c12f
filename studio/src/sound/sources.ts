import type { Clip, Take } from "../project/entities";
import { partsOf } from "./takes";

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

/**
 * Plays a clip of a recording with the takes that are chosen in it. `samplesOf` tells a recording that is there; null
 * when one is not, and then nothing is played.
 */
export const playClip = (
  audio: BaseAudioContext,
  output: AudioNode,
  clip: Clip,
  takes: readonly Take[],
  samplesOf: (audioFileId: string) => AudioBuffer | null,
  when: Sounding,
): (() => void) | null => {
  const parts = partsOf(clip, takes);
  const ids = parts.length > 0 ? parts.map(({ audioFileId }) => audioFileId) : [clip.audioFileId ?? ""];
  const buffers = ids.map(samplesOf);
  if (buffers.some((buffer) => !buffer)) return null;
  const sources: AudioScheduledSourceNode[] = [];
  if (parts.length === 0) {
    sources.push(playRecording(audio, output, clip, buffers[0] as AudioBuffer, when));
  } else {
    const whole = new GainNode(audio);
    whole.connect(output);
    fade(whole.gain, clip, when);
    parts.forEach((part, each) => {
      const from = Math.max(0, when.from - part.start);
      if (from >= part.duration) return;
      const at = when.at + part.start + from - when.from;
      sources.push(playRecording(audio, whole, part, buffers[each] as AudioBuffer, { at, from }));
    });
  }
  return () => {
    for (const source of sources) {
      source.stop();
      source.disconnect();
    }
  };
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
