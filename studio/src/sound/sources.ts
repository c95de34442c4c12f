import type { Clip } from "../project/entities";

/** What of a clip is heard from a moment on; all in seconds. */
export interface Sounding {
  at: number; // on the context's clock
  from: number; // within the clip
}

/**
 * Plays a clip of a recording into `output`: its part of the recording, its gain, its fades as straight lines in
 * amplitude, as the server renders them.
 */
export const playRecording = (
  audio: BaseAudioContext,
  output: AudioNode,
  clip: Pick<Clip, "duration" | "offset" | "fadeIn" | "fadeOut" | "gain">,
  buffer: AudioBuffer,
  { at, from }: Sounding,
): AudioScheduledSourceNode => {
  const source = new AudioBufferSourceNode(audio, { buffer });
  const level = 10 ** (clip.gain / 20);
  const gain = new GainNode(audio, { gain: level });
  source.connect(gain).connect(output);
  envelope(gain.gain, clip, level, { at, from });
  source.start(at, clip.offset + from, clip.duration - from);
  return source;
};

const envelope = (
  parameter: AudioParam,
  { duration, fadeIn, fadeOut }: Pick<Clip, "duration" | "fadeIn" | "fadeOut">,
  level: number,
  { at, from }: Sounding,
): void => {
  const fallsAt = duration - fadeOut;
  const shape = (time: number): number => {
    const rise = fadeIn > 0 ? Math.min(1, time / fadeIn) : 1;
    const fall = fadeOut > 0 ? Math.min(1, (duration - time) / fadeOut) : 1;
    return level * Math.max(0, Math.min(rise, fall));
  };
  parameter.setValueAtTime(shape(from), at);
  for (const corner of [fadeIn, fallsAt, duration]) {
    if (corner > from) parameter.linearRampToValueAtTime(shape(corner), at + corner - from);
  }
};
