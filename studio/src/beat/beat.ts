/** A finished beat, as the result of its job tells it. */
export interface Beat {
  title: string;
  bpm: number;
  key: string;
  duration: number; // seconds
  audioUrl: string;
  audioFileId: string;
  urls: Record<string, string>; // by format
  midiUrl?: string;
  lufs?: number;
  stems: { type: string; audioFileId: string }[];
}

/** What can be seen of a beat: a lane for each stem, or one for the mix where there are no stems. */
export const lanesOf = (beat: Beat): { name: string; audioFileId: string }[] =>
  beat.stems.length > 0
    ? beat.stems.map(({ type, audioFileId }) => ({ name: type, audioFileId }))
    : [{ name: "mix", audioFileId: beat.audioFileId }];

/** Bars of four quarters. */
export const seconds = (bars: number, bpm: number): number => (bars * 4 * 60) / bpm;
