import type { Clip } from "../project/entities";
import type { TempoMap } from "../time/tempo-map";
import type { Sounding } from "./sources";

export interface Note {
  id?: string; // of a note that has none, `n` and its place in the list
  pitch: number; // 0..127
  start: number; // beats from the beginning of the material
  duration: number; // beats
  velocity: number; // 1..127
}

const ATTACK = 0.005; // seconds
const RELEASE = 0.12;

export const notesOf = (clip: Clip): readonly Note[] =>
  ((clip.midiData as { notes?: Note[] } | null)?.notes ?? []) as readonly Note[];

/** A plain tone for each note, to hear what is written; the server's instruments sound in what it renders. */
export const playNotes = (
  audio: BaseAudioContext,
  output: AudioNode,
  clip: Clip,
  map: TempoMap,
  { at, from }: Sounding,
): (() => void) => {
  const bus = new GainNode(audio, { gain: 0.25 * 10 ** (clip.gain / 20) });
  bus.connect(output);
  const origin = map.beat(clip.startTime) - clip.offsetBeats;
  for (const note of notesOf(clip)) {
    const begins = map.seconds(Math.max(0, origin + note.start)) - clip.startTime; // within the clip
    const ends = Math.min(
      clip.duration,
      map.seconds(Math.max(0, origin + note.start + note.duration)) - clip.startTime,
    );
    if (begins < from - 1e-6 || begins >= clip.duration || ends <= begins) continue;
    tone(audio, bus, note, at + begins - from, ends - begins);
  }
  return () => bus.disconnect();
};

export const tone = (
  audio: BaseAudioContext,
  output: AudioNode,
  { pitch, velocity }: Pick<Note, "pitch" | "velocity">,
  at: number,
  seconds: number,
): void => {
  const source = new OscillatorNode(audio, { type: "triangle", frequency: 440 * 2 ** ((pitch - 69) / 12) });
  const gain = new GainNode(audio, { gain: 0 });
  const level = (velocity / 127) ** 2;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(level, at + ATTACK);
  gain.gain.setValueAtTime(level, Math.max(at + ATTACK, at + seconds));
  gain.gain.linearRampToValueAtTime(0, Math.max(at + ATTACK, at + seconds) + RELEASE);
  source.connect(gain).connect(output);
  source.start(at);
  source.stop(at + seconds + RELEASE + ATTACK);
};
